"""Splits that hold still: what belongs together is on one side, and new rows move no old one."""

from __future__ import annotations

import json
import random

import pytest

from studio.acts.splitting import assign_splits
from studio.dataset.candidates import Candidate
from studio.dataset.checks import CHECKS
from studio.dataset.store import Store
from studio.errors import AskedWrongly

WORDS = ("lamp", "printer", "parcel", "order", "refund", "invoice", "screen", "battery", "cable", "mouse", "broken")


def questions(chance: random.Random, count: int) -> list[Candidate]:
    """Long questions of their own, and of every fifth a near copy with a word more."""
    rows: list[Candidate] = []
    while len(rows) < count:
        said = " ".join(chance.choices(WORDS, k=24))
        rows.append(Candidate(f"About my {said}", f"answer {chance.random()}", "mail"))
        if chance.random() < 0.2:
            rows.append(Candidate(f"About my {said} please", f"answer {chance.random()}", "mail"))
    return rows[:count]


def splits_of(store: Store) -> dict[int, str]:
    return {one.example_id: one.split for one in store.examples(store.view_ids())}


@pytest.mark.parametrize("keep", [False, True])
def test_ten_times_a_tenth_more_rows_move_no_old_row_and_near_ones_stay_together(store: Store, keep: bool) -> None:
    chance = random.Random(1)
    store.add(questions(chance, 100), "first")
    assign_splits(store, 0.2, 0.1, 0, by="near")
    leakage = next(check for check in CHECKS if check.name == "near_leakage")
    for number in range(10):
        before = splits_of(store)
        store.add(questions(chance, 10), f"more {number}")
        assign_splits(store, 0.2, 0.1, 0, keep_assigned=keep, by="near")
        after = splits_of(store)
        assert {id_: after[id_] for id_ in before} == before
    assert store.finding(leakage) is None
    assert 15 <= list(splits_of(store).values()).count("test") <= 60, "about a fifth of 200"


def test_by_prompt_near_rows_may_part_which_the_check_then_finds(store: Store) -> None:
    store.add(questions(random.Random(1), 200), "first")
    assign_splits(store, 0.3, 0.1, 0, by="prompt")
    store.find_near()
    assert store.finding(next(check for check in CHECKS if check.name == "near_leakage")) is not None


def test_numbers_make_another_question_so_a_template_is_not_one_lump(store: Store) -> None:
    store.add([Candidate(f"Where is my order number {n}, I want it now", "here") for n in range(100, 200)], "orders")
    assign_splits(store, 0.3, 0.0, 0, by="near")
    assert {"test", "train"} <= set(splits_of(store).values())


def test_all_rows_of_one_source_are_in_one_split(store: Store) -> None:
    rows = [Candidate(f"question {n} of {book}", "a", source=f"{book}.txt") for book in "abcdefghij" for n in range(5)]
    store.add(rows, "books")
    assign_splits(store, 0.4, 0.1, 0, by="source")
    by_book: dict[str, set[str]] = {}
    for one in store.examples(store.view_ids()):
        by_book.setdefault(one.source, set()).add(one.split)
    assert all(len(splits) == 1 for splits in by_book.values()) and len(set.union(*by_book.values())) > 1


def test_all_rows_of_one_user_are_in_one_split(store: Store) -> None:
    store.add(
        [
            Candidate(f"question {n} of {user}", "a", template="ask", raw=json.dumps({"a/user": user, "n": n}))
            for user in "abcdefghij"
            for n in range(5)
        ],
        "chats",
    )
    assign_splits(store, 0.4, 0.1, 0, by="a/user")
    rows = store.examples(store.view_ids())
    sides = {user: {one.split for one in rows if one.prompt.endswith(f" {user}")} for user in "abcdefghij"}
    assert all(len(splits) == 1 for splits in sides.values()) and len(set.union(*sides.values())) > 1


def test_a_column_that_no_row_has_is_refused(store: Store) -> None:
    store.add([Candidate("a", "b")], "one")
    for name in ("user", "it's", json.dumps('"')):
        with pytest.raises(AskedWrongly, match="no row was made of such a column"):
            assign_splits(store, 0.1, 0.1, 0, by=name)
