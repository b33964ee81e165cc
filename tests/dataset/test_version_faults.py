"""Killed in the middle of a version, an unlocking or a split: all of it is there afterwards, or nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from studio.dataset.store import Store
from tests.dataset.six_examples import SIX

# Dies before the first statement with the given words, which stands in the middle of the act.
IS_KILLED = """
import os, signal, sys
from contextlib import contextmanager
from pathlib import Path
from studio.dataset.connection import Connection
from studio.dataset.store import Store

class Dying:
    def __init__(self, cursor): self.cursor = cursor
    def __getattr__(self, name): return getattr(self.cursor, name)
    def execute(self, statement, *rest):
        if sys.argv[2] in statement: os.kill(os.getpid(), signal.SIGKILL)
        return self.cursor.execute(statement, *rest)

writing = Connection.writing
@contextmanager
def dying(self):
    with writing(self) as cursor:
        yield Dying(cursor)
store = Store.open(Path(sys.argv[1]), "bo")
Connection.writing = dying
eval(sys.argv[3])
"""
ACTS = {
    "a version without its rows": ("INSERT INTO version_rows", "store.create_version('half')"),
    "unlocked and not written down": ("INSERT INTO test_locks", "store.unlock_test_set('why')"),
    "a split whose log is written": ("UPDATE examples", "store.assign_splits(0.0, 0.5, 3)"),
}


@pytest.mark.parametrize("moment", ACTS)
def test_killed_in_the_middle_nothing_of_it_is_kept(moment: str, store_path: Path) -> None:
    with Store.open(store_path, "anna") as store:
        store.add(SIX, "six.jsonl")
        store.assign_splits(0.5, 0.0, 1)
        store.lock_test_set()
        before = state_of(store)
    words, act = ACTS[moment]
    process = subprocess.run([sys.executable, "-c", IS_KILLED, str(store_path), words, act], check=False)
    assert process.returncode == -signal.SIGKILL
    with Store.open(store_path, "bo") as store:
        assert state_of(store) == before
        assert store.undo() is None, "nothing of it is left to undo"
        store.unlock_test_set("it can be done again")


def state_of(store: Store) -> tuple[object, ...]:
    return store.examples(store.view_ids()), store.all_versions(), store.test_locks(), store.newest_change()
