"""An arm is written in one word, and shows the same examples however the data grows around them."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.endpoints.settings import Endpoint
from studio.errors import AskedWrongly
from studio.runs.arms import ARMS, arm_from, usage
from studio.runs.arms.answering import Answering, read_answering, write_answering
from studio.runs.arms.rag import with_passages
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
        ("few_shot:3:best", "no choice 'best' but random, first, similar"),
        ("few_shot:ids:", "the numbers of examples"),
        ("few_shot:ids:1,2", "the numbers of examples"),
        ("rag", "what follows rag is missing"),
        ("rag:docs", "k is a whole number"),
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
    served = Answering(endpoint=Endpoint("http://x/v1", "m", api_key_env="THE_KEY", extra={"seed": 1}))
    both = CompareSpec(model_path="base", arms=("zero_shot", "endpoint:x"))
    write_answering(run, {**found, "endpoint:x": served})
    assert read_answering(run, both)["endpoint:x"] == served
    write_answering(run, found)
    assert read_answering(run, spec) == found
    run.arms_path.unlink()
    old = CompareSpec(model_path="base", arms=("zero_shot", "tuned"), run_id="r", tuned_path="it", tuned_method="full")
    assert read_answering(run, old)["tuned"] == Answering("base", tuned_path="it", tuned_method="full")
    assert read_answering(run, old)["zero_shot"] == Answering("base")


ORDERS = [
    FrozenRow(1, "tone", "where is my lamp", "angry"),
    FrozenRow(2, "tone", "the lamp of my desk is late", "calm"),
    FrozenRow(3, "tone", "thank you for the mouse", "calm"),
    FrozenRow(4, "other", "where is my lamp now", "angry"),
    FrozenRow(5, "tone", "a mouse", "angry "),
]


def shown(text: str, question: str = "", seed: int = 0) -> list[int]:
    """The examples that a question of the task tone is shown."""
    asked = FrozenRow(9, "tone", question, "")
    return [row.example_id for row in arm_from(text).prompting.examples(ORDERS, "tone", seed)(asked)]


def test_first_examples_are_those_that_came_first() -> None:
    assert shown("few_shot:2:first") == [1, 2]


def test_similar_examples_are_like_the_question_and_the_most_similar_stands_next_to_it() -> None:
    assert shown("few_shot:2:similar", "my desk lamp") == [1, 2]
    assert shown("few_shot:2:similar", "thank you, where is the mouse")[-1] == 3
    assert shown("few_shot:9:similar", "lamp")[-1] in (1, 2) and 4 not in shown("few_shot:9:similar", "lamp")


def test_examples_chosen_by_hand_are_shown_in_that_order_each_to_its_own_task() -> None:
    assert shown("few_shot:ids:5+1+4") == [5, 1]


def test_one_example_of_every_class_is_shown() -> None:
    chosen = shown("few_shot:one_per_class", seed=3)
    assert {row.completion.strip() for row in ORDERS if row.example_id in chosen} == {"angry", "calm"}
    assert len(chosen) == 2
    many = [FrozenRow(number, "free", "p", f"answer {number}") for number in range(40)]
    with pytest.raises(AskedWrongly, match="'free' has 40 different completions"):
        arm_from("few_shot:one_per_class").prompting.examples(many, "free", 0)


def test_passages_come_before_the_prompt_each_with_its_number() -> None:
    assert with_passages("Why?", []) == "Why?"
    assert with_passages("Why?", ["Because.", "So."]).endswith("\n\n[1] Because.\n\n[2] So.\n\nWhy?")
