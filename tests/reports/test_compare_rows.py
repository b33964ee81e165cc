"""Which rows of a comparison a person gets to see, and in which order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from studio.reports.compare import compare_view, fault_of, sources_of
from studio.reports.compare_rows import ORDERS, RowChoice, chosen_rows
from tests.reports.test_compare_view import PREDICTIONS, ROWS

VIEW = compare_view(ROWS, PREDICTIONS)


def ids(choice: RowChoice) -> list[int]:
    return [row.example_id for row in chosen_rows(VIEW, choice)]


def test_each_list_is_a_key_away_and_the_key_again_shows_all() -> None:
    in_order = RowChoice(order="test set order")
    lists = {kind: ids(in_order.with_kind(kind)) for kind in ("fixed", "broken", "both", "neither")}
    assert lists == {"fixed": [1, 5], "broken": [2, 6], "both": [3, 7], "neither": [4]}
    assert ids(in_order.with_kind("fixed").with_kind("fixed")) == [1, 2, 3, 4, 5, 6, 7]


def test_conditions_add_up_and_are_said() -> None:
    choice = RowChoice(kind="fixed", task="summaries", words="LAMP", order="test set order")
    assert ids(choice) == [5], "in the reference, in whatever case"
    assert choice.conditions == ["fixed", "summaries", "/LAMP"]
    assert ids(RowChoice(words="no idea")) == [4], "in an answer"


def test_orders_by_difference_length_and_task() -> None:
    assert set(ids(RowChoice(order="most lost"))[:2]) == {2, 6}
    assert set(ids(RowChoice(order="most gained"))[:2]) == {1, 5}
    assert ids(RowChoice(order="longest answer"))[0] in (5, 6, 7)
    assert ids(RowChoice(order="task"))[:3] == [5, 6, 7]
    choice = RowChoice()
    for name in [*list(ORDERS)[1:], next(iter(ORDERS))]:
        choice = choice.with_next_order()
        assert choice.order == name


def test_the_rows_on_which_an_arm_did_worst_come_first() -> None:
    assert set(ids(RowChoice(weakest="few_shot:5"))[:2]) <= {1, 4, 5}
    assert replace(RowChoice(), weakest="tuned").order_words == "weakest of tuned"
    assert RowChoice(weakest="tuned").with_next_order().order_words == "disagreement"


def test_cut_and_failed_answers_are_marked_and_found() -> None:
    faulty = [dict(one) for one in PREDICTIONS]
    faulty[0]["is_cut"], faulty[1]["error"] = True, "429 Too Many Requests"
    view = compare_view(ROWS, faulty)
    assert [row.faults for row in (view.rows[0], view.rows[-1])] == [
        {"zero_shot": "cut"},
        {"zero_shot": "429 Too Many Requests"},
    ]
    assert (view.rows[-1].example_id, view.rows[-1].change, len(view.rows)) == (2, "failed", 7)
    assert {arm.n for arm in view.comparison.arms.values()} == {6}, "a failure of one arm is no wrong answer"
    assert view.comparison.arms["zero_shot"].errors == {"429 Too Many Requests": 1}
    assert [row.example_id for row in chosen_rows(view, RowChoice(only_faulty=True, order="test set order"))] == [1, 2]
    assert fault_of({"is_cut": False, "error": {"message": "refused"}}) == "refused"


def test_what_an_answer_was_given_to_read_is_named() -> None:
    def named(*sources: Any) -> tuple[str, ...]:
        return sources_of({"sources": list(sources)})

    assert named({"source": "returns.md:3", "score": 7.24}, {"source": "example 17", "score": None}) == (
        "returns.md:3 (7.2)",
        "example 17",
    )
    assert sources_of({}) == sources_of({"sources": None}) == ()
