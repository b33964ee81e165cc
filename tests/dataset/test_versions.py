"""Versions: what they hold, what differs between two, and the rows as they were at a moment."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from studio.dataset import edits, past, undoing
from studio.dataset.candidates import Candidate
from studio.dataset.changes import Changes
from studio.dataset.connection import Connection
from studio.dataset.host import Here
from studio.dataset.store import Store
from studio.errors import AskedWrongly
from tests.dataset.six_examples import SIX


def told(store: Store, before: str, after: str = "now") -> dict[str, Any]:
    found = store.version_diff(before, after)
    return {
        "added": found.added.tolist(),
        "removed": found.removed.tolist(),
        "edited": found.edited.tolist(),
        "relabelled": [(move.before, move.after, move.example_ids.tolist()) for move in found.relabelled],
        "moved": [(move.before, move.after, move.example_ids.tolist()) for move in found.moved],
        "retasked": [(move.before, move.after, move.example_ids.tolist()) for move in found.retasked],
        "tasks": found.tasks,
    }


NOTHING: dict[str, Any] = {
    "added": [],
    "removed": [],
    "edited": [],
    "relabelled": [],
    "moved": [],
    "retasked": [],
    "tasks": {},
}


def test_a_version_stays_as_it_is_whatever_becomes_of_the_rows(filled: Store) -> None:
    before = filled.examples(range(1, 7))
    first = filled.create_version(note="as imported")
    assert (first.name, first.who, first.row_count, first.note) == ("v1", "anna", 6, "as imported")
    filled.set_text(1, completion="once")
    filled.set_text(1, prompt="Where?", completion="twice")
    filled.set_label([2, 3], "accept")
    filled.remove([4])
    filled.assign_splits(test=0.3, validation=0.3)
    filled.add([Candidate("a new one", "yes", "tone")], "more.jsonl")
    then = filled.version_examples("v1", [1, 2, 3, 4, 5, 6, 7])
    texts = [(one.prompt, one.completion, one.label, one.split, one.prompt_hash) for one in then]
    assert texts == [(one.prompt, one.completion, one.label, one.split, one.prompt_hash) for one in before]
    assert filled.version("v1") == first


def test_a_diff_says_what_was_added_removed_edited_relabelled_and_moved(filled: Store) -> None:
    filled.create_version("clean")
    assert told(filled, "clean") == NOTHING
    filled.set_text(1, completion="another")
    filled.set_label([2, 3], "accept")
    filled.remove([4])
    filled.add([Candidate("a new one", "yes", "chat")], "more.jsonl")
    filled.create_version("labelled")
    filled.assign_splits(test=0.0, validation=0.0)
    assert told(filled, "clean", "labelled") == NOTHING | {
        "added": [7],
        "removed": [4],
        "edited": [1],
        "relabelled": [("none", "accept", [2, 3])],
        "tasks": {"tickets": 3, "chat": 1, "tone": 1},
    }
    assert told(filled, "labelled")["moved"] == [("none", "train", [1, 2, 3, 5, 6, 7])]
    assert told(filled, "labelled", "clean")["added"] == [4]
    filled.create_version("split")
    filled.rename_task("tickets", "mail")
    assert told(filled, "split") == NOTHING | {"retasked": [("tickets", "mail", [1, 2, 3])], "tasks": {"mail": 3}}


def test_a_text_that_was_edited_back_by_hand_is_no_difference(filled: Store) -> None:
    was = filled.example(1).completion
    filled.create_version()
    filled.set_text(1, completion="another")
    filled.set_text(1, completion=was)
    assert filled.example(1).revision == 3
    assert told(filled, "v1") == NOTHING


def test_texts_come_back_over_undone_and_branching_edits(filled: Store) -> None:
    filled.set_text(1, completion="A")
    filled.create_version("with A")
    filled.undo()
    filled.set_text(1, completion="B")
    filled.set_text(1, prompt="another question")
    filled.create_version("with B")
    filled.undo()
    filled.undo()
    for name, prompt, completion in (
        ("with A", SIX[0].prompt, "A"),
        ("with B", "another question", "B"),
        ("now", SIX[0].prompt, SIX[0].completion),
    ):
        (one,) = filled.version_examples(name, [1])
        assert (one.prompt, one.completion) == (prompt, completion), name


def test_equal_rows_have_one_content_hash_and_a_space_makes_another(tmp_path: Path) -> None:
    hashes = []
    for number, rows in enumerate((SIX, SIX[::-1], [*SIX[:5], Candidate("灯坏了", "neutral ", "tone")])):
        with Store.open(tmp_path / f"{number}.duckdb", "anna") as store:
            store.add(rows, "six.jsonl")
            hashes.append(store.create_version().content_hash)
    assert hashes[0] == hashes[1] != hashes[2]
    wholes = ["\0".join((one.prompt, one.completion, one.system, "", "", "none", "none", one.task)) for one in SIX]
    assert hashes[0] == by_hand(wholes), "it stands in reports; by another rule old ones would say nothing"


def by_hand(wholes: list[str]) -> str:
    """The rule of versions.py in Python: the md5 of the sum of the last halves of the rows' own md5."""
    halves = (hashlib.md5(whole.encode()).digest()[8:] for whole in wholes)
    total = sum(int.from_bytes(half, "little") for half in halves)
    return hashlib.md5(f"{len(wholes)}:{total}".encode()).hexdigest()


def test_names_are_unique_on_one_line_and_there_must_be_rows(store: Store, filled: Store) -> None:
    filled.create_version("v2")
    assert filled.create_version().name == "v3", "v2 is taken"
    for name in ("v2", "now", " x", "two\nlines", "x" * 61):
        with pytest.raises(AskedWrongly, match="version"):
            filled.create_version(name)
    with pytest.raises(AskedWrongly, match="no version 'v9'"):
        filled.version_diff("v9")


def test_an_empty_project_has_no_version(store: Store) -> None:
    with pytest.raises(AskedWrongly, match="no rows yet"):
        store.create_version()


def test_a_run_takes_the_newest_version_where_nothing_changed_and_none_of_rows_that_moved(filled: Store) -> None:
    filled.create_version("clean")
    as_of = filled.newest_change()
    frozen = filled.freeze_version(as_of)
    assert frozen is not None and frozen.name == "clean"
    filled.set_label([1], "accept")
    assert filled.freeze_version(as_of) is None, "what was read before is not what would be named"
    newer = filled.freeze_version(filled.newest_change(), "for a run")
    assert newer is not None and (newer.name, newer.note) == ("v2", "for a run")


class _Clock(datetime):
    """A second passes whenever it is asked."""

    at = datetime(2026, 11, 1, tzinfo=UTC)

    @classmethod
    def now(cls, tz: Any = None) -> Any:
        cls.at += timedelta(seconds=1)
        return cls.at


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> type[_Clock]:
    for module in (edits, undoing):
        monkeypatch.setattr(module, "datetime", _Clock)
    return _Clock


def test_as_of_any_moment_the_rows_are_what_the_screen_showed_then(clock: type[_Clock], store_path: Path) -> None:
    """After each act, by two people, what is on the screen is written down; as of its moment the same comes back."""
    connection, changes = Connection(store_path), Changes()
    anna, bo = (Store(Here(connection, changes), who) for who in ("anna", "bo"))
    acts: list[Callable[[], object]] = [
        lambda: anna.add(SIX, "six.jsonl"),
        lambda: anna.set_label([1, 2], "accept"),
        lambda: bo.set_label([2, 3], "reject"),
        lambda: anna.set_text(1, completion="Anna's"),
        lambda: bo.set_text(1, prompt="Bo's?"),
        anna.undo,  # Bo has written over it: it stays
        bo.undo,
        bo.redo,
        anna.undo,
        lambda: bo.remove([4]),
        bo.undo,
        lambda: bo.assign_splits(test=0.3, validation=0.3),
        lambda: bo.add([Candidate("new", "row", "tone")], "more.jsonl"),
        bo.undo,
        bo.redo,
        lambda: bo.rename_task("tone", "mood"),
        lambda: anna.set_text(7, completion="edited"),
        anna.undo,
    ]
    seen = []
    for act in acts:
        act()
        seen.append((clock.at, shown(anna)))
    for number, (moment, then) in enumerate(seen):
        made = anna.create_version(f"after {number}", as_of=moment)
        ids = anna.version_ids(made.name)
        assert [plain(one) for one in anna.version_examples(made.name, ids)] == then, f"after act {number}"
        assert [plain(one) for one in anna.examples_as_of(moment, ids)] == then
    assert made.content_hash == anna.create_version("now then").content_hash, "one rule for then and now"
    with pytest.raises(AskedWrongly, match="There were no rows at 2020"):
        anna.create_version(as_of=datetime(2020, 1, 1, tzinfo=UTC))
    anna.close()


def shown(store: Store) -> list[tuple[Any, ...]]:
    return [plain(one) for one in store.examples(store.view_ids())]


def plain(one: Any) -> tuple[Any, ...]:
    return one.example_id, one.revision, one.prompt, one.completion, one.label, one.split, one.task


def test_a_version_is_whole_or_not_there_when_the_disk_fails_in_between(
    filled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past, "NOW", "(SELECT * FROM no_such_table)")
    with pytest.raises(Exception, match="no_such_table"):
        filled.create_version("half")
    assert filled.all_versions() == []
