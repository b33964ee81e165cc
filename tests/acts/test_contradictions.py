"""Settling a contradiction: answers as groups of rows, one kept, the others rejected or put in the trash."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.acts.contradictions import dispute_of, keep_answer, merge_answers
from studio.dataset.candidates import Candidate
from studio.dataset.store import Store
from tests.dataset.undoing import undone


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "studio.duckdb", "anna") as opened:
        answers = ("no", "yes", "Yes ", "maybe")
        opened.add([Candidate(f"Is it late?{' ' * number}", text) for number, text in enumerate(answers)], "")
        yield opened


def test_answers_are_counted_but_for_case_and_space_that_of_most_rows_first(store: Store) -> None:
    dispute = dispute_of(store, [1, 2, 3, 4])
    assert [(answer.text, answer.ids) for answer in dispute.answers] == [("yes", [2, 3]), ("no", [1]), ("maybe", [4])]
    assert dispute.prompt == "Is it late?" and not dispute.is_settled


def test_keeping_one_rejects_the_others_and_settles_it(store: Store) -> None:
    assert keep_answer(store, dispute_of(store, [1, 2, 3, 4]), 0).count == 2
    assert [store.example(one).label for one in (1, 2, 3, 4)] == ["reject", "none", "none", "reject"]
    assert dispute_of(store, [1, 2, 3, 4]).is_settled
    undone(store)
    assert len(dispute_of(store, [1, 2, 3, 4]).answers) == 3


def test_merging_leaves_one_row(store: Store) -> None:
    assert merge_answers(store, dispute_of(store, [1, 2, 3, 4]), 0).count == 3
    assert [row.example_id for row in store.rows_for()] == [2]
    assert dispute_of(store, [1, 2, 3, 4]).is_settled
    undone(store)
    assert len(store.rows_for()) == 4


def test_rows_that_are_gone_leave_nothing_to_settle(store: Store) -> None:
    store.remove([1, 2, 3, 4])
    dispute = dispute_of(store, [1, 2, 3, 4])
    assert dispute.is_settled and dispute.answers == []
