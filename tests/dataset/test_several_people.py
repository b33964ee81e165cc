"""Two people on one store: each takes back what they did themselves, and nobody's decision is written over by that."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from studio.dataset import migrations
from studio.dataset.changes import Changes
from studio.dataset.connection import Connection
from studio.dataset.formats.reading import Candidate
from studio.dataset.host import Here
from studio.dataset.store import Change, Store
from tests.dataset.six_examples import SIX
from tests.dataset.undoing import redone, undone


@pytest.fixture
def two(store_path: Path) -> tuple[Store, Store]:
    """Anna, who has imported six rows, and Bo."""
    connection, changes = Connection(store_path), Changes()
    anna, bo = (Store(Here(connection, changes), who) for who in ("anna", "bo"))
    anna.add(SIX, "six.jsonl")
    return anna, bo


def test_undo_takes_back_one_s_own_newest_act_and_redo_does_it_again(two: tuple[Store, Store]) -> None:
    anna, bo = two
    anna.set_label([1], "accept")
    bo.set_label([2], "reject")
    assert undone(anna).summary == "accept 1 example"
    assert (anna.example(1).label, anna.example(2).label) == ("none", "reject")
    assert redone(anna).summary == "accept 1 example"
    assert undone(bo).summary == "reject 1 example" and bo.undo() is None, "the import is Anna's to undo"
    assert (anna.example(1).label, anna.example(2).label) == ("accept", "none")


def test_an_act_of_another_does_not_put_what_one_has_undone_out_of_reach(two: tuple[Store, Store]) -> None:
    anna, bo = two
    anna.set_label([1], "accept")
    anna.undo()
    bo.set_label([2], "reject")
    assert redone(anna).count == 1 and anna.example(1).label == "accept"


def test_what_another_has_changed_since_is_left_as_it_is_and_said(two: tuple[Store, Store]) -> None:
    anna, bo = two
    anna.set_label([1, 2, 3], "accept")
    bo.set_label([2], "reject")
    change = undone(anna)
    assert (change.example_ids.tolist(), change.kept, change.kept_by) == ([1, 3], 1, "bo")
    assert [one.label for one in anna.examples([1, 2, 3])] == ["none", "reject", "none"]
    assert redone(anna).kept == 1
    assert [one.label for one in anna.examples([1, 2, 3])] == ["accept", "reject", "accept"]


def test_a_label_that_was_taken_back_does_not_return_when_the_one_over_it_is_taken_back(
    two: tuple[Store, Store],
) -> None:
    anna, bo = two
    anna.set_label([1], "accept")
    bo.set_label([1], "reject")
    assert undone(anna).count == 0 and anna.example(1).label == "reject"
    undone(bo)
    assert anna.example(1).label == "none", "it was accept, which Anna had taken back"


def test_another_field_of_the_same_row_is_no_conflict(two: tuple[Store, Store]) -> None:
    anna, bo = two
    anna.set_label([1], "accept")
    bo.set_mark([1], True, "look")
    assert undone(anna).kept == 0
    assert (anna.example(1).label, anna.example(1).note) == ("none", "look")


def test_a_revision_names_one_text_whoever_undoes_what(two: tuple[Store, Store]) -> None:
    anna, bo = two
    first = anna.example(1)
    anna.set_text(1, completion="Anna's")
    bo.set_text(1, prompt="Bo's?")
    assert undone(anna).kept == 1
    both = anna.example(1)
    assert (both.prompt, both.completion, both.revision) == ("Bo's?", "Anna's", 3)
    undone(bo)
    assert anna.example(1).prompt_hash == first.prompt_hash
    last = anna.example(1)
    assert (last.prompt, last.completion, last.revision) == (first.prompt, first.completion, 1)
    assert redone(bo).kept == 1, "its prompt was written for Anna's completion, which is not there"
    redone(anna)
    assert (anna.example(1).completion, anna.example(1).revision) == ("Anna's", 2)
    assert anna.set_text(1, completion="new").count == 1 and anna.example(1).revision == 4


def test_undoing_an_import_keeps_the_rows_that_another_has_worked_on(two: tuple[Store, Store]) -> None:
    anna, bo = two
    bo.set_label([2, 5], "accept")
    change = undone(anna)
    assert (change.count, change.kept, change.kept_by) == (4, 2, "bo")
    assert anna.view_ids().tolist() == [2, 5]
    assert anna.plan_add(SIX).added == 4, "the two that stayed are known"
    assert redone(anna).count == 4 and anna.stats().examples == 6


def test_a_row_that_another_put_in_the_trash_stays_there(two: tuple[Store, Store]) -> None:
    anna, bo = two
    bo.add([Candidate("one more", "c")], "")
    anna.remove([7])
    assert undone(bo).kept == 1 and anna.stats().examples == 6
    undone(anna)
    assert anna.example(7).prompt == "one more"


def test_to_agree_with_another_is_a_decision_and_is_kept_once(two: tuple[Store, Store]) -> None:
    anna, bo = two
    anna.set_label([1, 2], "accept")
    assert bo.labelled_anew([1, 2, 3], "accept") == 3
    assert bo.set_label([1, 3], "accept").count == 2
    assert bo.set_label([1], "accept").count == 0 == anna.set_label([1], "accept").count, "each has said so already"
    ids, people, labels, names = anna.decisions()
    assert (ids.tolist(), people.tolist(), labels.tolist(), names) == (
        [1, 1, 2, 3],
        [0, 1, 0, 1],
        [0] * 4,
        ["anna", "bo"],
    )
    assert undone(bo).count == 2 and anna.example(1).label == "accept", "it was Anna's"
    assert anna.decisions()[3] == ["anna"]


def test_a_label_that_is_taken_away_is_no_opinion(two: tuple[Store, Store]) -> None:
    anna, bo = two
    anna.set_label([1], "accept")
    bo.set_label([1], "reject")
    bo.set_label([1], "none")
    assert anna.decisions()[3] == ["anna"]
    assert anna.set_label([1], "accept").count == 1


def test_in_a_store_of_before_each_gets_the_line_that_was_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_path = tmp_path / "before.duckdb"
    with monkeypatch.context() as before:
        steps = list(itertools.takewhile(lambda step: not step[0].startswith("0010 "), migrations.MIGRATIONS))
        before.setattr(migrations, "MIGRATIONS", tuple(steps))
        connection = Connection(store_path)
        with connection.writing() as cursor:
            for batch, (follows, who, is_undone) in enumerate(
                [(0, "anna", False), (1, "bo", False), (2, "anna", True), (2, "cy", False)], start=1
            ):
                cursor.execute(
                    "INSERT INTO batches VALUES ($1, $2, 'label', $3, $4, TIMESTAMP '2026-01-01', $5)",
                    [batch, follows, f"act {batch}", who, is_undone],
                )
        connection.close()
    assert [
        (change and change.summary)
        for who, step in [("anna", Store.redo), ("bo", Store.undo), ("bo", Store.undo), ("cy", Store.undo)]
        for change in [_stepped(store_path, who, step)]
    ] == ["act 3", "act 2", None, "act 4"]


def _stepped(path: Path, who: str, step: Callable[[Store], Change | None]) -> Change | None:
    with Store.open(path, who) as store:
        return step(store)
