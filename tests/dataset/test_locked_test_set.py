"""A locked test set: nothing changes its rows, nothing enters it, and each unlocking is kept with its reason."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from studio.dataset.candidates import Candidate
from studio.dataset.checks import CHECKS
from studio.dataset.store import Store
from studio.errors import AskedWrongly, StudioError
from tests.dataset.six_examples import SIX


@pytest.fixture
def locked(store: Store) -> Store:
    """Rows 1 and 2 are the test set; row 3 is in train."""
    splits = ("test", "test", "train", "train", "train", "validation")
    store.add(
        [Candidate(one.prompt, one.completion + " ", one.task, split=to) for one, to in zip(SIX, splits, strict=True)],
        "six",
    )
    store.set_label([1], "accept")
    store.lock_test_set("frozen for the report")
    return store


EDGE_SPACE = next(check for check in CHECKS if check.name == "edge_space")


@pytest.mark.parametrize(
    "act",
    [
        lambda store: store.set_label([1, 3], "reject"),
        lambda store: store.set_text(2, completion="another"),
        lambda store: store.remove([2]),
        lambda store: store.rename_task("tickets", "mail"),
        lambda store: store.replace_texts("rewrite", [(1, "p", "c")]),
        lambda store: store.fix(EDGE_SPACE, store.finding(EDGE_SPACE)),
        lambda store: store.undo(),  # of the label that row 1 got
        lambda store: store.add([Candidate("new", "row", split="test")], "more"),
    ],
    ids=["label", "edit", "remove", "rename task", "template", "fix", "undo", "import"],
)
def test_what_would_change_a_locked_row_is_refused_as_a_whole(locked: Store, act: Callable[[Store], object]) -> None:
    before = locked.examples(range(1, 10))
    with pytest.raises(StudioError, match="test set is locked"):
        act(locked)
    assert locked.examples(range(1, 10)) == before


def test_other_rows_and_marks_go_on_as_ever(locked: Store) -> None:
    assert locked.set_mark([1], True, "look").count == 1
    assert locked.set_label([3, 4], "accept").count == 2
    assert locked.undo() is not None and locked.undo() is not None
    assert locked.add([Candidate("new", "row", split="train")], "more").added == 1


def test_splits_are_assigned_around_it_and_a_prompt_that_it_has_is_in_none(locked: Store) -> None:
    locked.add([Candidate(SIX[0].prompt, "asked again"), *(Candidate(f"q {n}", "a") for n in range(60))], "more")
    locked.assign_splits(test=0.5, validation=0.1)
    assert locked.view_ids("split = 'test'").tolist() == [1, 2]
    assert locked.example(7).split == "none", "in train it would give a test row away"
    assert locked.stats().splits["none"] == 1


def test_unlocking_needs_a_reason_and_is_kept(locked: Store) -> None:
    with pytest.raises(AskedWrongly, match="no reason"):
        locked.unlock_test_set(" ")
    with pytest.raises(AskedWrongly, match="locked already"):
        locked.lock_test_set()
    locked.unlock_test_set("a typo in row 2")
    assert locked.set_text(2, completion="mended").count == 1
    locked.lock_test_set()
    first, second, third = locked.test_locks()
    assert [one.is_locked for one in (first, second, third)] == [True, False, True]
    assert (second.who, second.reason, second.row_count) == ("anna", "a typo in row 2", 2)
    assert first.content_hash == second.content_hash != third.content_hash


def test_there_must_be_a_test_set_to_lock(filled: Store) -> None:
    with pytest.raises(AskedWrongly, match="nothing to lock"):
        filled.lock_test_set()
    with pytest.raises(AskedWrongly, match="not locked"):
        filled.unlock_test_set("why")
