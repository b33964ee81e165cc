"""An arm is written in one word, and shows the same examples however the data grows around them."""

from __future__ import annotations

import pytest

from studio.errors import AskedWrongly
from studio.runs.arms import ARMS, arm_from, usage
from studio.runs.directory import FrozenRow


def rows(numbers: range, task: str) -> list[FrozenRow]:
    return [FrozenRow(number, task, "p", "c") for number in numbers]


def test_arms_are_read_as_they_are_written() -> None:
    arms = [arm_from(text) for text in ("zero_shot", "one_shot", "few_shot:5", "tuned")]
    assert [arm.shots for arm in arms] == [0, 1, 5, 0]
    assert [arm.is_tuned for arm in arms] == [False, False, False, True]
    assert usage() == "zero_shot, one_shot, few_shot:k, tuned"


@pytest.mark.parametrize("wrong", ["few_shot", "few_shot:0", "few_shot:x", "rag:3", "tuned:1", "zero_shot:", ""])
def test_an_unknown_arm_is_refused_with_those_there_are(wrong: str) -> None:
    with pytest.raises(AskedWrongly, match="unknown arm") as refused:
        arm_from(wrong)
    assert usage() in refused.value.hint


def test_shots_come_from_the_task_and_stay_the_same_when_other_rows_arrive() -> None:
    arm = arm_from("few_shot:5")
    pool = rows(range(50), "tickets") + rows(range(50, 100), "tone")
    chosen = [row.example_id for row in arm.examples(pool, "tickets", seed=0)]
    assert len(chosen) == 5 and all(number < 50 for number in chosen)
    more = pool + rows(range(100, 200), "tone")
    assert [row.example_id for row in arm.examples(more, "tickets", seed=0)] == chosen
    assert [row.example_id for row in arm.examples(pool, "tickets", seed=1)] != chosen


def test_every_kind_says_what_it_is() -> None:
    assert all(kind.about and kind.name for kind in ARMS)
    assert len({kind.name for kind in ARMS}) == len(ARMS)
