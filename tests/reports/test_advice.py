"""What studio advise says, from facts as a project has them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from studio.reports.advice import AdviceFacts, CheckFound, advice_as_json, advice_on, curve_words
from studio.reports.window import window_report
from studio.runs.directory import FrozenRow
from studio.scoring.comparison import Comparison
from studio.tokens.layout import Budget, ContextWindow
from tests.scoring.pairs import summarize

WINDOW = window_report(
    np.arange(1, 101),
    np.full(100, 80),
    np.full(100, 20),
    Budget(128),
    ContextWindow(2048),
    np.full(100, 100),
    [0, 1, 5],
)


def answers(arm: str, right: int, n: int = 24) -> list[dict[str, Any]]:
    facts = {"arm": arm, "latency_seconds": 0.5, "prompt_tokens": 80, "is_cut": False, "tokens": 3}
    return [{"example_id": at, "text": "yes" if at < right else "no idea", **facts} for at in range(n)]


def measured(zero: int, few: int) -> Comparison:
    rows = [FrozenRow(at, "tone", "q", "yes") for at in range(24)]
    return summarize(rows, answers("zero_shot", zero) + answers("few_shot:5", few))


FACTS = AdviceFacts(
    splits={"tickets": {"train": 240, "validation": 27, "test": 200}, "tone": {"train": 60, "test": 5}},
    window=WINDOW,
    checks=[],
    prompting=None,
    prompting_id="",
    has_run=False,
)


def said(facts: AdviceFacts) -> list[tuple[str, str, str]]:
    return [(one.topic, one.words, one.command) for one in advice_on(facts)]


def test_before_anything_was_measured_it_says_what_the_rows_can_show_and_what_shots_cost() -> None:
    assert said(FACTS) == [
        ("mend", "The checks found nothing that is not waived.", ""),
        (
            "held out",
            "tickets: 200 test rows show a difference of 9 points or more (80 % power, yes-or-no score).",
            "",
        ),
        ("held out", "tone: 5 test rows cannot show any difference; 10 points need about 157.", ""),
        (
            "shots",
            "5 examples in the prompt make it 580 tokens in the mean, 7.2 times as long and 28 % of the context window "
            "of 2,048 tokens.",
            "",
        ),
        (
            "prompting",
            "How far zero-, one- and few-shot come is not measured on these rows.",
            "studio advise --measure",
        ),
        (
            "next",
            "Measure prompting, then fine-tune and compare on the same rows.",
            "studio train --set tasks=tickets,tone",
        ),
        (
            "labels",
            "tone: 60 training rows is little. Whether more would help is seen from two short runs, on a quarter of "
            "them and on all.",
            "studio advise --learning-curve tone",
        ),
    ]


def test_a_prompt_that_leaves_room_and_one_that_may_be_enough() -> None:
    room = said(replace(FACTS, prompting=measured(0, 6), prompting_id="compare-1"))
    assert (
        "prompting",
        "few_shot:5: exact match 25.0 (95 %: 12.0 to 44.9, n 24), 0.50 s an answer, 80 prompt tokens.",
        "",
    ) in room
    assert (
        "next",
        "Fine-tune: the best prompt, few_shot:5, leaves room (95 %: 12.0 to 44.9 of 100).",
        "studio train --set tasks=tickets,tone",
    ) in room
    enough = replace(FACTS, prompting=replace_scores(measured(0, 24)), has_run=True)
    words = " ".join(one.words for one in advice_on(enough))
    assert "prompting may be enough" in words and "A run can answer already" in words


def replace_scores(comparison: Comparison) -> Comparison:
    """24 of 24 is 86 to 100: not yet 90. The same from ten times as many rows is."""
    arm = comparison.arms["few_shot:5"]
    assert arm.headline is not None and arm.headline.low < 0.9
    return replace(comparison, arms={"few_shot:5": replace(arm, headline=replace(arm.headline, low=0.98, n=240))})


def test_errors_come_first_and_loose_rows_are_split() -> None:
    found = CheckFound("contradictions", "error", 12, "The model cannot learn both answers.")
    facts = replace(FACTS, checks=[found], splits={"": {"": 40}})
    assert said(facts)[:2] == [
        (
            "mend",
            "contradictions (error): 12 rows. The model cannot learn both answers.",
            "studio check --only contradictions",
        ),
        (
            "splits",
            "40 rows in no split: nothing to train on and nothing held out.",
            "studio split --test 0.2 --validation 0.1",
        ),
    ]
    assert said(facts)[-1][1] == "Mend contradictions first: a run would not start, and would learn them."
    assert said(replace(FACTS, splits={})) == [("data", "There is no example yet.", "studio import FILE")]
    assert advice_as_json(facts)["advice"][0]["topic"] == "mend"


def test_a_learning_curve_says_what_follows_for_labelling_and_no_more_than_it_shows() -> None:
    def words(part: int, whole: int, n: int) -> str:
        rows = [FrozenRow(at, "tone", "q", "yes") for at in range(n)]
        found = summarize(rows, answers("tuned:part", part, n) + answers("tuned:all", whole, n), tuned=["tuned:all"])
        return curve_words("tone", "exact match", 240, 60, found.contrasts[0])

    assert words(8, 20, 24) == (
        "tone: all 240 training rows instead of 60, in as many steps: exact match +50.0 points (95 %: +24.2 to +68.1, "
        "n 24). More labels have helped so far, and are likely to help further."
    )
    assert words(190, 190, 400).endswith(
        "More labels of the same kind would change little: look at the rows that stay wrong."
    )
    assert words(8, 10, 24).endswith("So few rows cannot tell whether more labels would help.")
    assert curve_words("tone", "exact match", 240, 60, None) == "No row was answered by both runs."


def test_rows_without_a_split_are_to_be_split_before_anything_is_measured_or_trained() -> None:
    pieces = advice_on(replace(FACTS, splits={"tone": {"": 500}}, checks=()))
    assert ("splits", "studio split --test 0.2 --validation 0.1") in [(one.topic, one.command) for one in pieces]
    assert pieces[-1].words == "Split the rows first: nothing can be measured or trained before."
    assert not any("studio train" in one.command for one in pieces)
