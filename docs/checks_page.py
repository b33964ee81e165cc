"""docs/checks.md, made from the checks of the code.

    python docs/checks_page.py     writes it

``tests/dataset/test_checks.py`` fails when the page says something else than the code.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from studio.reports.visible import visible

if TYPE_CHECKING:
    from studio.dataset.candidates import Candidate
    from studio.dataset.checks.check import Check

PAGE = Path(__file__).resolve().parent / "checks.md"
_MOST_ROWS, _MOST_CHARS = 15, 90
_OPENING = """\
# Checks

What `studio check` looks for. It reads the rows that a run would learn from: those labelled reject or skip, and those
in the trash, are left out, so rejecting a row is an answer to a finding. No row is changed. What is found is kept, with
the count of the look before beside it; the next look computes only what changed since.

    studio check
    studio check --only contradictory_duplicates --json
    studio check --fail-on warn        # exit code 1 for a script
    studio check --waive exact_duplicates --reason "they are meant"

An **error** keeps a run from starting until its rows are mended or it is waived, with a reason; the run's spec records
the waiver. A waiver speaks of the rows that were found then: others that turn up later count. A **warning** means worse
results or scores that say less, an **info** is good to know.

This page is made from the code by `docs/checks_page.py`; its example rows are the tests of the checks.
"""


def page() -> str:
    """The whole page: a table of all checks, then a section for each."""
    from studio.dataset.checks import CHECKS

    rows = [f"| [{one.name}](#{one.name}) | {one.severity} | {one.scope} | {one.about} |" for one in CHECKS]
    table = "\n".join(["| check | severity | looks at each | finds |", "|---|---|---|---|", *rows])
    return "\n".join([_OPENING, table, "", *map(_section, CHECKS)])


def _section(check: Check) -> str:
    needs = f" It needs {' and '.join(check.needs)}." if check.needs else ""
    fix = f" `A` on the screen Checks offers to {check.fix.about}." if check.fix else ""
    beside = getattr(check, "beside", ())
    found = "It finds all of these rows" + (f", beside {len(beside)} sound ones:" if beside else ":")
    return "\n".join(
        [
            f"## {check.name}\n",
            f"{check.about} {check.harms}{needs}{fix}\n",
            f"{found}\n",
            _examples(check.bad),
            "\nIn these it finds nothing:\n",
            _examples(check.good),
            "",
        ]
    )


def _examples(rows: tuple[Candidate, ...]) -> str:
    names = ["prompt", "completion"]
    names += [name for name in ("system", "task") if any(getattr(row, name) for row in rows)]
    names += [name for name in ("label", "split") if any(getattr(row, name) != "none" for row in rows)]
    lines = [f"| {' | '.join(_cell(getattr(row, name)) for name in names)} |" for row in _some(rows)]
    more = [f"\n… and {len(rows) - len(lines)} more like these."] if len(rows) > len(lines) else []
    return "\n".join([f"| {' | '.join(names)} |", "|---" * len(names) + "|", *lines, *more])


def _some(rows: tuple[Candidate, ...]) -> list[Candidate]:
    """All rows where they are few; else the first three and the last three, where a kind of row ends the list."""
    return list(rows) if len(rows) <= _MOST_ROWS else [*rows[:3], *rows[-3:]]


def _cell(text: str) -> str:
    text = text if len(text) <= _MOST_CHARS else f"{text[:_MOST_CHARS]}…"
    shown = visible(text.replace("\n", "⏎")).replace("|", "\\|").replace("`", "ˋ")
    return f"`{shown}`" if shown else ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
