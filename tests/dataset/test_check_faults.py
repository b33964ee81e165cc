"""Checks meet a kill at the worst moment and the oddest rows: all or none of an act, a finding or nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from studio.dataset.candidates import Candidate
from studio.dataset.checks import CHECKS
from studio.dataset.checks.completions import EDGE_SPACE
from studio.dataset.checks.rows import Around
from studio.dataset.checks.wording import repeats
from studio.dataset.store import Store

IS_KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from studio.dataset import edits, rewriting
from studio.dataset.checks import CHECKS, current, kept
from studio.dataset.checks.completions import EDGE_SPACE
from studio.dataset.checks.rows import Around
from studio.dataset.store import Store
def dies(*arguments): os.kill(os.getpid(), signal.SIGKILL)
store = Store.open(Path(sys.argv[1]), "ben")
"""
MOMENTS = {
    "between two results of a look": """
keep, calls = current.keep, []
def second_dies(*arguments):
    calls.append(1)
    return keep(*arguments) if len(calls) < 2 else dies()
current.keep = second_dies
store.check(CHECKS, Around())
""",
    "while a waiver is written": """
kept._vector = dies
store.waive(EDGE_SPACE, np.array([1]), "meant")
""",
    "when a fix has written its texts": """
rewriting.rehash = dies
store.fix(EDGE_SPACE, store.finding(EDGE_SPACE))
""",
    "when rows have their bands and no cluster": """
from studio.dataset.near import clusters
clusters.place = dies
store.find_near()
""",
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_the_worst_moment_all_or_none_is_kept(moment: str, store_path: Path) -> None:
    rows = [Candidate("Where is it?", " Here. "), Candidate("Where is it now?", "There."), Candidate("n/a", "x")]
    with Store.open(store_path, "anna") as store:
        store.add(rows, "")
        before = [(row.prompt, row.completion, row.revision) for row in store.rows_for()]
    process = subprocess.run([sys.executable, "-c", IS_KILLED + MOMENTS[moment], str(store_path)], check=False)
    assert process.returncode == -signal.SIGKILL
    with Store.open(store_path, "ben") as store:
        assert [(row.prompt, row.completion, row.revision) for row in store.rows_for()] == before
        assert all(one.checked_at is None and one.waiver is None for one in store.checked(CHECKS, Around()))
        assert store.undo() is None, "nothing of it is left to undo"
        assert store.finding(EDGE_SPACE) is not None
        store.find_near()
        assert store.near(1).tolist() == [1]


ODD = [
    *(Candidate("=" * 500, "!?" * 500), Candidate("😀" * 200, "\u200d" * 30 + ".")),
    *(Candidate("a" * 300_000, "a" * 300_000), Candidate("word, and another, " * 20_000, "na " * 100_000)),
    *(Candidate("[{(<" * 20_000, "{" * 50_000), Candidate('{"a":' * 5_000, "[" * 5_000)),
    *(
        Candidate("a@" + "b." * 50_000, "x" * 100_000 + "@"),
        Candidate("'; DROP TABLE examples; --", r"\p{L}(a+)+$ $1 %s"),
    ),
]
ROWS = {
    "no row": [],
    "one row": [Candidate("p", "c")],
    "one constant": [Candidate(f"Is it {number}?", "yes") for number in range(60)],
    "odd rows": ODD,
}


@pytest.mark.parametrize("name", ROWS)
def test_odd_rows_give_a_finding_or_nothing(name: str, store: Store) -> None:
    store.add(ROWS[name], "")
    store.find_near()
    results = store.check(CHECKS, Around(512))
    assert len(results) == len(CHECKS)
    for one in results:
        if one.finding is not None and one.count:
            store.samples(one.check, one.finding.example_ids[:3])
            if one.check.fix:
                store.fix_previewed(one.check, one.finding, 3)


@pytest.mark.soak
def test_a_row_of_50_megabytes_is_checked(store: Store) -> None:
    store.add([Candidate("word and another, " * 2_800_000, "c"), Candidate("p", "c")], "")
    store.find_near()
    assert len(store.check(CHECKS, Around(512))) == len(CHECKS)


@pytest.mark.parametrize("text", ["a" * 4_000, ",. " * 1_300, "ab " * 1_300, "x," * 15, "aA" * 2_000, "1,2." * 1_000])
def test_looking_for_repetition_takes_no_longer_than_the_text_is_long(text: str) -> None:
    assert repeats(text) in (True, False)
