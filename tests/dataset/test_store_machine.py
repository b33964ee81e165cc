"""Any sequence of acts, undone and done again and reopened, leaves the store as a plain list of snapshots says."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from studio.dataset.formats.reading import Candidate
from studio.dataset.store import LABELS, SPLITS, Store
from studio.dataset.texts import prompt_hash
from tests.dataset.split_rule import split_of


@dataclass(frozen=True)
class Row:
    prompt: str
    completion: str
    label: str = "none"
    is_marked: bool = False
    note: str = ""
    split: str = "none"


Snapshot = dict[int, Row]

TEXTS = st.sampled_from(["a", "b", "c\nd", "tiếng Việt", "[b]", "\x1b[31m", "'; --"])
AT_TEST = ("none", "train", "validation", "test").index
SOME = st.sets(st.integers(0, 30), min_size=1, max_size=5)


class StoreMachine(RuleBasedStateMachine):
    """The model: ``past[-1]`` is how the store looks, ``past[:-1]`` is what undo goes back to, ``future`` redo."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "studio.duckdb"
        self.store = Store.open(self.path, "anna")
        self.past: list[Snapshot] = [{}]
        self.future: list[Snapshot] = []
        self.given_ids = 0
        self.pairs_seen: list[set[tuple[str, str]]] = [set()]
        self.pairs_undone: list[set[tuple[str, str]]] = []

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    @property
    def now(self) -> Snapshot:
        return self.past[-1]

    def picked(self, choice: set[int]) -> list[int]:
        ids = sorted(self.now)
        return sorted({ids[one % len(ids)] for one in choice})

    def did(self, after: Snapshot, seen: set[tuple[str, str]] | None = None) -> None:
        if after == self.now:
            return
        self.past.append(after)
        # What a row was imported with stays known; what it is changed to is known only while it is so.
        self.pairs_seen.append(self.pairs_seen[-1] | (seen or set()))
        self.future.clear()
        self.pairs_undone.clear()

    @rule(
        pairs=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=6),
        label=st.sampled_from(LABELS),
        split=st.sampled_from(SPLITS),
    )
    def add(self, pairs: list[tuple[str, str]], label: str, split: str) -> None:
        trashed_now = self.store.add([Candidate(*pair, label=label, split=split) for pair in pairs], "import")
        known = self.pairs_seen[-1] | {(row.prompt, row.completion) for row in self.rows_ever()}
        new = [pair for pair in dict.fromkeys(pairs) if pair not in known]
        assert (trashed_now.added, trashed_now.duplicates) == (len(new), len(pairs) - len(new))
        rows = {self.given_ids + number: Row(*pair, label, split=split) for number, pair in enumerate(new, start=1)}
        self.given_ids += len(new)
        self.did(self.now | rows, set(new))

    def rows_ever(self) -> list[Row]:
        """The rows as they are, and those in the trash as they were when thrown away."""
        last: Snapshot = {}
        for snapshot in self.past:
            last |= snapshot
        return list(last.values())

    @precondition(lambda self: self.now)
    @rule(choice=SOME, label=st.sampled_from(LABELS))
    def set_label(self, choice: set[int], label: str) -> None:
        ids = self.picked(choice)
        self.store.set_label(ids, label)
        self.did(self.now | {one: replace(self.now[one], label=label) for one in ids})

    @precondition(lambda self: self.now)
    @rule(choice=SOME, is_marked=st.booleans(), note=st.sampled_from(["", "why?"]))
    def set_mark(self, choice: set[int], is_marked: bool, note: str) -> None:
        ids = self.picked(choice)
        self.store.set_mark(ids, is_marked, note)
        self.did(self.now | {one: self.marked(self.now[one], is_marked, note) for one in ids})

    def marked(self, row: Row, is_marked: bool, note: str) -> Row:
        return replace(row, is_marked=is_marked, note=(note or row.note) if is_marked else "")

    @precondition(lambda self: self.now)
    @rule(one=st.integers(0, 30), prompt=st.none() | TEXTS, completion=st.none() | TEXTS)
    def set_text(self, one: int, prompt: str | None, completion: str | None) -> None:
        (id_,) = self.picked({one})
        self.store.set_text(id_, prompt, completion)
        row = self.now[id_]
        self.did(self.now | {id_: replace(row, prompt=prompt or row.prompt, completion=completion or row.completion)})

    @precondition(lambda self: self.now)
    @rule(choice=SOME)
    def remove(self, choice: set[int]) -> None:
        ids = self.picked(choice)
        self.store.remove(ids)
        self.did({one: row for one, row in self.now.items() if one not in ids})

    @rule(seed=st.integers(0, 3))
    def assign_splits(self, seed: int) -> None:
        self.store.assign_splits(0.3, 0.3, seed)
        hashed = {one: split_of(prompt_hash(row.prompt), 0.3, 0.3, seed) for one, row in self.now.items()}
        self.did({one: replace(row, split=hashed[one]) for one, row in self.now.items()})

    @rule(seed=st.integers(0, 3))
    def assign_splits_to_the_rest(self, seed: int) -> None:
        self.store.assign_splits(0.3, 0.3, seed, keep_assigned=True)
        kept: dict[str, str] = {}
        for row in self.now.values():
            if row.split != "none":
                kept[prompt_hash(row.prompt)] = max(kept.get(prompt_hash(row.prompt), "none"), row.split, key=AT_TEST)
        rows = {one: replace(row, split=self.split_kept(row, kept, seed)) for one, row in self.now.items()}
        self.did(rows)

    def split_kept(self, row: Row, kept: dict[str, str], seed: int) -> str:
        hash_ = prompt_hash(row.prompt)
        return row.split if row.split != "none" else kept.get(hash_) or split_of(hash_, 0.3, 0.3, seed)

    @rule()
    def undo(self) -> None:
        change = self.store.undo()
        assert (change is None) == (len(self.past) == 1)
        if change is not None:
            self.future.append(self.past.pop())
            self.pairs_undone.append(self.pairs_seen.pop())

    @rule()
    def redo(self) -> None:
        change = self.store.redo()
        assert (change is None) == (not self.future)
        if change is not None:
            self.past.append(self.future.pop())
            self.pairs_seen.append(self.pairs_undone.pop())

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = Store.open(self.path, "ben")

    @invariant()
    def looks_as_the_model_says(self) -> None:
        found = {
            row.example_id: Row(row.prompt, row.completion, row.label, row.is_marked, row.note, row.split)
            for row in self.store.rows_for()
        }
        assert found == self.now


SETTINGS = settings(
    deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)

TestStoreMachine = StoreMachine.TestCase
TestStoreMachine.settings = settings(SETTINGS, max_examples=6, stateful_step_count=15)


class AtLength(StoreMachine):
    """The same, for minutes."""


TestStoreMachineAtLength = pytest.mark.soak(AtLength.TestCase)
TestStoreMachineAtLength.settings = settings(SETTINGS, max_examples=150, stateful_step_count=50)
