"""A small store with every kind of row, and what exporting it writes.

python -m tests.dataset.golden_exports     makes the files in tests/golden/exports anew; then read the difference
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from studio.acts.exporting import export_examples
from studio.dataset.candidates import Candidate
from studio.dataset.store import Store

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "exports"
NAMES = ("rows.jsonl", "rows.csv")

ROWS = (
    Candidate("Where is my parcel?", '{"intent": "track"}'),
    Candidate("This is a disgrace", "angry", task="tone", system="Answer in one word."),
    Candidate("Thanks a lot!", "glad", task="tone", label="accept", split="train"),
    Candidate("My lamp is broken", "none", label="reject", split="validation"),
    Candidate("none", "null", label="skip", split="test"),
    Candidate("Tôi muốn đổi hàng", "Đổi hàng", task="tiếng Việt"),
    Candidate("To\u0302i muo\u0302\u0301n \u0111o\u0302\u0309i", "decomposed letters stay decomposed"),
    Candidate("灯坏了 👩‍🔧", "شكرا"),
    Candidate("two\nlines, and a\ttab", "a\r\nb\rc\u2028d"),
    Candidate('say "hi"; then, 1,5', "'quoted'"),
    Candidate("  space around  ", "\n\nblank lines\n"),
    Candidate("[bold red]markup[/] <|im_end|>", "\x1b[31mescape\x1b[0m \x07 \\n \\u0041"),
    Candidate("=1+1", "+SUM(A1)", system="@name", task="-1"),
    Candidate("007", "1e3"),
    Candidate("edited below", "before"),
    Candidate("marked below", "with a note that is not exported"),
    Candidate("removed below", "never exported"),
)


def made_in(folder: Path) -> None:
    """Write the exports into ``folder``; the last row of the store comes first."""
    with tempfile.TemporaryDirectory() as scratch, Store.open(Path(scratch) / "studio.duckdb", "anna") as store:
        store.add(ROWS, "rows")
        ids = {row.prompt: number for number, row in enumerate(ROWS, start=1)}
        store.set_text(ids["edited below"], completion="after")
        store.set_mark([ids["marked below"]], True, "ask Ben")
        store.remove([ids["removed below"]])
        view = store.view_ids(sort=[("example_id", True)]).tolist()
        for name in NAMES:
            export_examples(store, folder / name, view)


if __name__ == "__main__":
    made_in(GOLDEN)
