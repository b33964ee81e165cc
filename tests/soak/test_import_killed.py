"""An import that SIGKILL ends at any moment is in the store whole, or not at all; the next one goes on from there."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from studio.dataset.store import Store

ROWS = 4_000
IMPORTS = """
import sys
from pathlib import Path
from studio.acts.importing import confirm_import, preview_import
from studio.dataset.store import Store
with Store.open(Path(sys.argv[1]), "ben") as store:
    preview = preview_import(store, [Path(sys.argv[2])])
    print("begun", flush=True)
    confirm_import(store, preview)
    print("done", flush=True)
"""


def killed_after(seconds: float, store: Path, rows: Path) -> bool:
    """Import, killed so long after it began to write; whether it said before that it was done."""
    command = [sys.executable, "-c", IMPORTS, str(store), str(rows)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdout.readline() == "begun\n"
        time.sleep(seconds)
        os.kill(process.pid, signal.SIGKILL)
        return "done" in process.stdout.read()


@pytest.mark.soak
def test_an_import_killed_at_random_moments_is_all_or_nothing(tmp_path: Path) -> None:
    chance, path = random.Random(7), tmp_path / "studio.duckdb"
    outcomes = set()
    for number in range(40):
        rows = tmp_path / "rows.jsonl"
        rows.write_text("".join(f'{{"prompt": "{number} {n}", "completion": "c"}}\n' for n in range(ROWS)))
        with Store.open(path, "anna") as store:
            before = store.stats().examples
        is_done = killed_after(chance.uniform(0, 0.6), path, rows)
        with Store.open(path, "anna") as store:
            added = store.stats().examples - before
            assert added in ((ROWS,) if is_done else (0, ROWS))
            assert store.view_ids(search=f"{number} 17").size >= bool(added)
        outcomes.add(bool(added))
    assert outcomes == {True, False}, "some were killed before, some behind the commit"
