"""An arm is written in one word, and shows the same examples however the data grows around them."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.errors import AskedWrongly
from studio.runs.arms import ARMS, arm_from, usage
from studio.runs.arms.answering import Answering, read_answering, write_answering
from studio.runs.directory import FrozenRow, RunDirectory
from studio.runs.specs import CompareSpec


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return RunDirectory(tmp_path)


def rows(numbers: range, task: str) -> list[FrozenRow]:
    return [FrozenRow(number, task, "p", "c") for number in numbers]


def test_arms_are_read_as_they_are_written() -> None:
    arms = [arm_from(text) for text in ("zero_shot", "one_shot", "few_shot:5", "tuned")]
    assert [arm.prompting.shots for arm in arms] == [0, 1, 5, 0]
    assert [arm.is_tuned for arm in arms] == [False, False, False, True]
    assert usage().startswith("zero_shot, one_shot, few_shot:k")


@pytest.mark.parametrize(
    ("text", "who"),
    [
        ("tuned", ("tuned", "", 0)),
        ("tuned:train-1122-130400-7f", ("tuned", "train-1122-130400-7f", 0)),
        ("tuned:train-1122-130400-7f:60", ("tuned", "train-1122-130400-7f", 60)),
        ("tuned:a name: with a colon", ("tuned", "a name: with a colon", 0)),
        ("model:HuggingFaceTB/SmolLM2-135M", ("model", "HuggingFaceTB/SmolLM2-135M", 0)),
        ("model:./a+b:c", ("model", "./a+b:c", 0)),
        ("few_shot:2", ("base", "", 0)),
    ],
)
def test_an_arm_says_who_answers(text: str, who: tuple[str, str, int]) -> None:
    by = arm_from(text).by
    assert (by.source, by.name, by.step) == who


def test_who_answers_and_what_stands_before_the_question_go_together_by_a_plus() -> None:
    arm = arm_from("tuned:mine:20+few_shot:3")
    assert (arm.text, arm.by.name, arm.by.step, arm.prompting.shots) == ("tuned:mine:20+few_shot:3", "mine", 20, 3)
    assert arm_from("model:a+b+few_shot:3").by.name == "a+b"


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("few_shot", "what follows few_shot is missing"),
        ("few_shot:", "what follows few_shot is missing"),
        ("few_shot:0", "at least 1"),
        ("few_shot:x", "k is a whole number"),
        ("few_shot:٣", "k is a whole number"),
        ("zero_shot:", "nothing can follow zero_shot"),
        ("zero_shot:2", "nothing can follow zero_shot"),
        ("tuned:", "what follows tuned is missing"),
        ("tuned+few_shot:0", "at least 1"),
        ("model", "what follows model is missing"),
        ("zero_shot+few_shot:2", "unknown arm"),
        ("best", "unknown arm"),
        ("", "unknown arm"),
    ],
)
def test_what_is_no_arm_is_refused_with_the_reason_and_how_it_is_written(wrong: str, why: str) -> None:
    with pytest.raises(AskedWrongly, match=why) as refused:
        arm_from(wrong)
    assert usage() in refused.value.hint or "It is written" in refused.value.hint


def test_shots_come_from_the_task_and_stay_the_same_when_other_rows_arrive() -> None:
    prompting = arm_from("few_shot:5").prompting
    pool = rows(range(50), "tickets") + rows(range(50, 100), "tone")
    chosen = [row.example_id for row in prompting.examples(pool, "tickets", seed=0)(pool[0])]
    assert len(chosen) == 5 and all(number < 50 for number in chosen)
    more = pool + rows(range(100, 200), "tone")
    assert [row.example_id for row in prompting.examples(more, "tickets", seed=0)(pool[1])] == chosen
    assert [row.example_id for row in prompting.examples(pool, "tickets", seed=1)(pool[0])] != chosen


def test_every_kind_says_what_it_is() -> None:
    assert all(kind.about and kind.name for kind in ARMS)
    assert len({kind.name for kind in ARMS}) == len(ARMS)


def test_who_answers_is_kept_beside_the_spec_and_an_older_spec_says_it_itself(run: RunDirectory) -> None:
    spec = CompareSpec(model_path="base", arms=("zero_shot", "tuned:r"))
    found = {"zero_shot": Answering("base"), "tuned:r": Answering("base", True, "folder", "lora", is_checkpoint=True)}
    write_answering(run, found)
    assert read_answering(run, spec) == found
    run.arms_path.unlink()
    old = CompareSpec(model_path="base", arms=("zero_shot", "tuned"), run_id="r", tuned_path="it", tuned_method="full")
    assert read_answering(run, old)["tuned"] == Answering("base", tuned_path="it", tuned_method="full")
    assert read_answering(run, old)["zero_shot"] == Answering("base")
