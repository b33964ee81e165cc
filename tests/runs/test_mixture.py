"""How many examples of each task an epoch has: as asked for, in whole rows, never none of what has a share."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studio.errors import AskedWrongly
from studio.reports.mixture import shares_words
from studio.runs.mixture import TaskShare
from studio.runs.specs import TrainSpec

ROWS = {"tickets": 900, "tone": 90, "translate": 10}


def examples(rows: dict[str, int], **settings: object) -> dict[str, int]:
    drawn = TrainSpec(**settings).shares((task, 5) for task, count in rows.items() for _ in range(count))  # type: ignore[arg-type]
    assert all(share.tokens == 5 * share.examples for share in drawn)
    return {share.task: share.examples for share in drawn}


def test_the_mixtures_that_people_ask_for() -> None:
    assert examples(ROWS) == ROWS
    assert examples(ROWS, mixture="temperature:1") == ROWS
    assert examples(ROWS, mixture="equal") == {"tickets": 334, "tone": 333, "translate": 333}
    assert examples(ROWS, task_cap=90) == {"tickets": 90, "tone": 90, "translate": 10}
    # T5's formula at temperature 2: shares follow 30, 9.4868 and 3.1623.
    assert examples(ROWS, mixture="temperature:2") == {"tickets": 703, "tone": 223, "translate": 74}
    weights = ("tickets=1", "tone=1", "translate=2")
    assert examples(ROWS, mixture="weights", task_weights=weights) == {"tickets": 250, "tone": 250, "translate": 500}
    assert examples(ROWS, mixture="weights", task_weights=("tickets=1", "tone=0", "translate=0"))["tone"] == 0


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no fault
@given(
    st.dictionaries(st.text(max_size=4), st.integers(1, 60), min_size=1, max_size=6),
    st.sampled_from(["proportional", "equal", "temperature:1.5", "temperature:20"]),
    st.integers(0, 30),
)
def test_an_epoch_is_as_long_as_the_capped_rows_and_leaves_no_task_out(
    rows: dict[str, int], mixture: str, cap: int
) -> None:
    drawn = examples(rows, mixture=mixture, task_cap=cap)
    assert sum(drawn.values()) == sum(min(count, cap or count) for count in rows.values())
    assert drawn.keys() == rows.keys() and min(drawn.values()) >= 1


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"mixture": "even"}, "mixture=even is not known"),
        ({"mixture": "temperature"}, "mixture=temperature is not known"),
        ({"mixture": "temperature:0"}, "mixture=temperature:0 is not known"),
        ({"mixture": "weights"}, "with task_weights="),
        ({"task_weights": ("a=1",)}, "mixture=proportional with task_weights"),
        ({"mixture": "weights", "task_weights": ("a=0",)}, "leaves every task out"),
        ({"mixture": "weights", "task_weights": ("a",)}, "task_weights has a"),
        ({"mixture": "weights", "task_weights": ("a=1", "a=2")}, "task_weights has a=2"),
        ({"mixture": "weights", "task_weights": ("a=-1",)}, "task_weights has a=-1"),
        ({"task_cap": -1}, "task_cap=-1"),
    ],
)
def test_a_mixture_that_is_none_is_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(AskedWrongly, match=said):
        TrainSpec(**settings)  # type: ignore[arg-type]


def test_weights_have_to_name_the_tasks_there_are() -> None:
    with pytest.raises(AskedWrongly, match="says nothing of tone, translate"):
        examples(ROWS, mixture="weights", task_weights=("tickets=1",))
    with pytest.raises(AskedWrongly, match="names ticket, of which no row would train"):
        examples({"tone": 3}, mixture="weights", task_weights=("tone=1", "ticket=1"))


def test_a_mixture_in_words() -> None:
    shares = [TaskShare("tone", 13, 40, 2200), TaskShare("tickets", 120, 120, 9120), TaskShare("", 3, 1, 9)]
    words = "tickets 120 (9,120 tokens), tone 40 of 13 rows (2,200 tokens), no task 1 of 3 rows (9 tokens)"
    assert shares_words(shares) == words
    assert shares_words([TaskShare(str(number), 1, 1, 1) for number in range(10)]).endswith(", 2 more tasks")
