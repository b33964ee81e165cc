"""The verdict in golden sentences, and the figures behind it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from studio.runs.directory import FrozenRow
from studio.scoring.comparison import Comparison
from studio.scoring.intervals import interval_of
from studio.scoring.primary import has_one_answer
from studio.scoring.scored_rows import score_rows
from studio.scoring.statistics import bootstrap_mean, wilson
from studio.scoring.summary import summarize_scored
from tests.scoring.pairs import summarize

OLD_RUNS = Path(__file__).resolve().parents[1] / "old-project" / "runs"

SENTENCE = "The customer asks for a refund of order {} because the parcel never came to the door"


def answer(arm: str, row: FrozenRow, text: str, **facts: Any) -> dict[str, Any]:
    usual = {"tokens": 4, "latency_seconds": 0.4, "prompt_tokens": 80, "is_cut": False, "task": row.task, "key": "k"}
    return {"arm": arm, "example_id": row.example_id, "text": text, **usual, **facts}


def rows_of(n: int, task: str = "tickets", reference: str = "answer {}", first: int = 0) -> list[FrozenRow]:
    return [FrozenRow(i, task, f"question {i}", reference.format(i)) for i in range(first, first + n)]


def answers(arm: str, rows: list[FrozenRow], right: range, **facts: Any) -> list[dict[str, Any]]:
    """Answers that are right for the rows at the places in ``right`` and "no idea" elsewhere."""
    return [answer(arm, row, row.completion if i in right else "no idea", **facts) for i, row in enumerate(rows)]


def test_a_clear_win() -> None:
    rows = rows_of(60)
    found = summarize(
        rows,
        answers("zero_shot", rows, range(0))
        + answers("few_shot:5", rows, range(7))
        + answers("tuned", rows, range(51)),
    )
    assert found.verdict == (
        "tuned answers 51 of 60 exactly (85 %), few_shot:5 7 (12 %): 73 points better, p < 0.001; "
        "44 rows fixed, 0 broken."
    )
    assert found.baseline == "few_shot:5"
    assert (found.headline_scorer, found.headline_tasks, found.rows) == ("exact_match", ("tickets",), 60)


def test_a_clear_loss_is_corrected_for_choosing_the_best_prompt() -> None:
    rows = rows_of(60)
    found = summarize(
        rows,
        answers("zero_shot", rows, range(30, 32))
        + answers("one_shot", rows, range(20))
        + answers("tuned", rows, range(10)),
    )
    assert found.verdict == (
        "tuned answers 10 of 60 exactly (17 %), one_shot 20 (33 %): 17 points worse, "
        "p = 0.004 (Holm over 2 arms); 0 rows fixed, 10 broken."
    )


def test_the_best_of_several_tuned_arms_is_corrected_for_choosing_it() -> None:
    rows = rows_of(60)
    found = summarize(
        rows,
        answers("few_shot:5", rows, range(7))
        + answers("tuned:train-1:40", rows, range(11))
        + answers("tuned:train-2", rows, range(15)),
    )
    assert (found.baseline, found.tuned) == ("few_shot:5", "tuned:train-2")
    assert found.tuned_arms == ("tuned:train-1:40", "tuned:train-2")
    assert found.verdict == (
        "tuned:train-2 answers 15 of 60 exactly (25 %), few_shot:5 7 (12 %): 13 points better, "
        "p = 0.016 (Holm over 2 arms); 8 rows fixed, 0 broken."
    )
    assert summarize(rows, answers("tuned:a", rows, range(9)) + answers("tuned:b", rows, range(3))).verdict == (
        "tuned:a answers 9 of 60 exactly (15 %; 95 %: 8 to 26 %), the best of 2 tuned arms. "
        "There is no untuned arm to compare with."
    )


def test_every_pair_is_kept_with_what_several_looks_cost() -> None:
    """p of 8 of 8 is 2/2**8, of 4 of 4 is 2/2**4: Holm over both doubles the smaller."""
    rows = rows_of(60)
    found = summarize(
        rows,
        answers("few_shot:5", rows, range(7))
        + answers("tuned:a", rows, range(11))
        + answers("tuned:b", rows, range(15)),
    )
    assert [(one.a, one.b, one.fixed, one.broken) for one in found.contrasts] == [
        ("tuned:a", "few_shot:5", 4, 0),
        ("tuned:b", "few_shot:5", 8, 0),
    ]
    assert [one.p_value for one in found.contrasts] == pytest.approx([2 / 16, 2 / 256])
    assert [one.p_adjusted for one in found.contrasts] == pytest.approx([2 / 16, 4 / 256])
    assert found.contrasts[1].difference == pytest.approx(8 / 60) and found.contrasts[1].n == 60
    assert 0 < found.contrasts[1].low < 8 / 60 < found.contrasts[1].high
    prompting = summarize(rows, answers("zero_shot", rows, range(3)) + answers("one_shot", rows, range(9)))
    assert [(one.a, one.b) for one in prompting.contrasts] == [("one_shot", "zero_shot")]
    assert Comparison.from_dict(json.loads(json.dumps(found.to_dict()))) == found


def test_ten_rows_of_one_conversation_are_not_ten_conversations() -> None:
    """6 conversations of 10 turns; tuned is right in all of them, prompting in none: p is 2/2**6, not 2/2**60."""
    rows = [replace(row, source=f"chats.jsonl:{row.example_id // 10}") for row in rows_of(60)]
    found = summarize(rows, answers("zero_shot", rows, range(0)) + answers("tuned", rows, range(60)))
    assert found.sources == 6
    assert found.contrasts[0].p_value == pytest.approx(2 / 64)
    assert found.verdict.endswith("Rows share 6 sources: intervals and tests are over these.")
    half = summarize(rows, answers("zero_shot", rows, range(0)) + answers("tuned", rows, range(30)))
    alone = summarize(rows_of(60), answers("tuned", rows_of(60), range(30)))
    wide, narrow = half.arms["tuned"].scores["exact_match"], alone.arms["tuned"].scores["exact_match"]
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)
    assert half.arms["tuned"].headline == wide
    spread = [replace(row, source=f"tickets.jsonl:{row.example_id}") for row in rows_of(60)]
    assert summarize(spread, answers("tuned", spread, range(30))).sources == 0, "a line each is no shared source"


def test_an_arm_of_another_name_is_tuned_where_the_comparer_says_so() -> None:
    rows = rows_of(20)
    given = answers("zero_shot", rows, range(2)) + answers("model:mine", rows, range(19))
    assert (summarize(rows, given).tuned, summarize(rows, given, ["model:mine"]).tuned) == ("", "model:mine")


def test_a_difference_that_the_rows_cannot_show() -> None:
    rows = rows_of(24)
    found = summarize(rows, answers("few_shot:5", rows, range(4, 15)) + answers("tuned", rows, range(13)))
    assert found.verdict == (
        "No difference that 24 rows can show: tuned answers 13 of 24 exactly (54 %), few_shot:5 11 (46 %), p = 0.69; "
        "4 rows fixed, 2 broken. A true difference under 33 points can stay invisible."
    )


def test_five_of_five_against_none_is_still_no_proof() -> None:
    rows = rows_of(5)
    found = summarize(rows, answers("zero_shot", rows, range(0)) + answers("tuned", rows, range(5)))
    assert found.verdict == (
        "No difference that 5 rows can show: tuned answers 5 of 5 exactly (100 %), zero_shot 0 (0 %), p = 0.062; "
        "5 rows fixed, 0 broken. So few rows cannot show any difference."
    )


def test_a_win_overall_does_not_hide_a_task_that_got_worse() -> None:
    tickets, tone = rows_of(60), rows_of(20, "tone", "calm {}", first=100)
    found = summarize(
        tickets + tone,
        answers("one_shot", tickets, range(5))
        + answers("one_shot", tone, range(20))
        + answers("tuned", tickets, range(50))
        + answers("tuned", tone, range(8)),
    )
    assert found.verdict == (
        "tuned answers 58 of 80 exactly (72 %), one_shot 25 (31 %): 41 points better, p < 0.001; 45 rows fixed, "
        "12 broken. But worse on tone by 60 points (Holm over 2 tasks)."
    )


def test_free_text_tasks_stay_out_of_exact_match_and_are_told_apart() -> None:
    tickets, summaries = rows_of(30), rows_of(12, "summaries", SENTENCE, first=100)
    found = summarize(
        tickets + summaries,
        answers("few_shot:5", tickets, range(3))
        + answers("few_shot:5", summaries, range(0))
        + answers("tuned", tickets, range(27))
        + answers("tuned", summaries, range(6, 12)),
    )
    assert found.headline_tasks == ("tickets",)
    assert found.verdict == (
        "On tickets, tuned answers 27 of 30 exactly (90 %), few_shot:5 3 (10 %): 80 points better, p < 0.001; "
        "24 rows fixed, 0 broken. On summaries, ROUGE-L 50.0 against 0.0: 50 points better."
    )
    assert found.arms["tuned"].headline == interval_of([1.0] * 27 + [0.0] * 3, is_binary=True)
    assert found.arms["tuned"].scores["exact_match"].n == 42


def test_free_text_alone_is_judged_by_rouge() -> None:
    rows = rows_of(20, "summaries", SENTENCE)
    # The first k of 17 words, k from 6 to 9: F = 2k / (k + 17).
    half = [answer("few_shot:5", row, " ".join(row.completion.split()[: 6 + row.example_id % 4])) for row in rows]
    found = summarize(rows, half + answers("tuned", rows, range(20)))
    assert found.headline_scorer == "rouge_l"
    assert found.verdict == (
        "tuned scores ROUGE-L 100.0, few_shot:5 60.9, on 20 rows: 39 points better (95 %: 36.3 to 41.8), p < 0.001."
    )
    same = summarize(rows, half + [{**one, "arm": "tuned"} for one in half])
    assert same.verdict == (
        "No difference that 20 rows can show: tuned scores ROUGE-L 60.9, few_shot:5 60.9, on 20 rows "
        "(95 %: −12.6 to 12.6), p = 1.00."
    )


def test_cut_answers_and_missing_ones_are_said() -> None:
    rows = rows_of(60)
    found = summarize(
        rows,
        answers("zero_shot", rows, range(7), is_cut=True)
        + answers("few_shot:40", rows[:50], range(6))
        + answers("tuned", rows, range(51)),
    )
    assert found.verdict.endswith(
        "50 of 50 answers of zero_shot were cut at the length limit. "
        "Not answered, and so left out of all arms: 10 by few_shot:40."
    )
    assert (found.rows, found.left_out) == (50, 10)
    whole = summarize(rows, answers("zero_shot", rows[:57], range(7)) + answers("tuned", rows[:57], range(51)))
    assert whole.verdict.endswith("44 rows fixed, 0 broken. 3 rows not answered by any arm.")
    assert {arm.n for arm in found.arms.values()} == {50}


@pytest.mark.parametrize(
    ("arms", "verdict"),
    [
        (
            ["tuned"],
            "tuned answers 9 of 10 exactly (90 %; 95 %: 60 to 98 %). There is no untuned arm to compare with.",
        ),
        (
            ["zero_shot", "one_shot"],
            "zero_shot answers 9 of 10 exactly (90 %; 95 %: 60 to 98 %), the best of 2 untuned arms. "
            "There is no tuned arm to compare with.",
        ),
        ([], "No row is answered by every arm yet."),
    ],
)
def test_without_a_pair_of_arms(arms: list[str], verdict: str) -> None:
    rows = rows_of(10)
    assert summarize(rows, [one for arm in arms for one in answers(arm, rows, range(9))]).verdict == verdict


def test_a_resumed_run_counts_the_later_prediction_and_foreign_rows_not_at_all() -> None:
    rows = rows_of(2)
    stray = answer("tuned", FrozenRow(99, "", "", ""), "x")
    found = summarize(rows, [answer("tuned", rows[0], "wrong"), stray, *answers("tuned", rows, range(2))])
    assert found.arms["tuned"].scores["exact_match"].score == 1.0


def test_scores_json_holds_the_words_of_the_design_and_comes_back_whole() -> None:
    rows = rows_of(10) + rows_of(4, "json", '{{"n": {}}}', first=50)
    found = summarize(
        rows,
        answers("zero_shot", rows, range(3), latency_seconds=1.0) + answers("tuned", rows, range(14), prompt_tokens=70),
    )
    facts = json.loads(json.dumps(found.to_dict()))
    assert facts["arms"]["tuned"]["scores"]["exact_match"] == {
        "score": 1.0,
        "low": pytest.approx(0.7847, abs=1e-4),
        "high": 1.0,
        "n": 14,
    }
    assert facts["arms"]["tuned"]["scores"]["valid_json"]["n"] == 4
    assert facts["arms"]["zero_shot"]["latency_p50_seconds"] == facts["arms"]["zero_shot"]["latency_max_seconds"] == 1.0
    assert facts["arms"]["tuned"]["prompt_tokens_mean"] == 70
    assert set(facts["arms"]["tuned"]["tasks"]) == {"tickets", "json"}
    assert (facts["rows"], facts["headline_scorer"]) == (14, "exact_match")
    assert Comparison.from_dict(facts) == found
    assert Comparison.from_dict(facts | {"what a newer studio says": 1}) == found
    assert Comparison.from_dict(summarize([], []).to_dict()).rows == 0


@pytest.mark.parametrize(
    ("seconds", "median", "largest", "p95"),
    [
        ([], None, None, None),
        ([0.4], 0.4, None, None),
        ([0.4, 0.8], 0.6, 0.8, None),
        ([0.1 * row for row in range(1, 20)], 1.0, 1.9, None),
        ([0.1 * row for row in range(1, 21)], 1.05, 2.0, 1.905),
    ],
    ids=lambda value: f"n={len(value)}" if isinstance(value, list) else "",
)
def test_p95_of_two_rows_was_the_larger_one(
    seconds: list[float], median: float | None, largest: float | None, p95: float | None
) -> None:
    """Under 20 timed rows a 95th percentile is the largest by another name, under 2 nothing can be said."""
    rows = rows_of(24)
    taken: list[float | None] = [*seconds, *[None] * (24 - len(seconds))]
    given = [
        answer("tuned", row, "x", latency_seconds=latency) for row, latency in zip(rows, reversed(taken), strict=True)
    ]
    arm = summarize(rows, given).arms["tuned"]
    assert arm.latency_n == len(seconds)
    found = (arm.latency_p50_seconds, arm.latency_max_seconds, arm.latency_p95_seconds)
    assert found == pytest.approx((median, largest, p95))


def test_a_comparison_says_in_which_dtype_it_was_answered() -> None:
    rows = rows_of(3)
    found = replace(summarize(rows, answers("tuned", rows, range(2))), dtype="bfloat16")
    assert found.to_dict()["dtype"] == "bfloat16"
    assert Comparison.from_dict(json.loads(json.dumps(found.to_dict()))) == found


def test_scores_of_an_older_studio_are_read() -> None:
    """They have no dtype and no largest latency, and a p95 that was interpolated between two rows."""
    found = Comparison.from_dict(json.loads((OLD_RUNS / "compare-1122-171723-1e" / "scores.json").read_text()))
    assert (found.dtype, found.tuned, found.tuned_arms) == ("", "tuned", ("tuned",))
    assert found.arms["tuned"].latency_n == 2
    assert (found.arms["tuned"].latency_p95_seconds, found.arms["tuned"].latency_max_seconds) == (None, None)
    assert found.arms["tuned"].headline is not None and found.arms["tuned"].headline.n == 40


def test_an_interval_never_claims_certainty() -> None:
    assert interval_of([1.0, 1.0, 1.0], is_binary=True).low == pytest.approx(0.4385, abs=1e-4)
    assert interval_of([1.0, 1.0, 1.0], is_binary=False).low == pytest.approx(0.4385, abs=1e-4)
    alike = interval_of([0.4] * 10, is_binary=False)
    assert (alike.low, alike.high) == pytest.approx((0.1682, 0.6873), abs=1e-4), "Wilson of 4 of 10"
    alone = interval_of([0.4], is_binary=False)
    assert (alone.low, alone.high) == (0.0, 1.0)
    spread = interval_of([0.1, 0.5, 0.9, 0.5], is_binary=False)
    assert 0.1 <= spread.low < 0.5 < spread.high <= 0.9


def test_the_interval_goes_by_the_scorer_and_not_by_how_its_values_happen_to_look() -> None:
    """ROUGE-L of 0 and 1 alone is still no yes-or-no score: it takes the bootstrap, as every other ROUGE-L does."""
    values = [0.0, 1.0] * 10
    assert interval_of(values, is_binary=True).low == pytest.approx(wilson(10, 20)[0])
    assert interval_of(values, is_binary=False).low == pytest.approx(bootstrap_mean(values)[0])
    assert wilson(10, 20)[0] != pytest.approx(bootstrap_mean(values)[0], abs=1e-6)


def test_which_tasks_have_one_right_answer() -> None:
    assert has_one_answer(['{"a": 1, "b": "a longer text with many words in it that goes on"}'] * 3)
    assert has_one_answer(["angry", "calm"])
    assert not has_one_answer([SENTENCE] * 3)
    assert not has_one_answer(["顾客要求退款因为包裹一直没有送到"])


def test_what_tuning_forgot_is_said_task_by_task() -> None:
    """general: 12 of 40 lost, none gained, p = 2/2**12, twice for two tasks; tone: as before."""
    general, tone = rows_of(40, "general"), rows_of(20, "tone", "calm {}", first=100)
    said = answers("zero_shot", general, range(30)) + answers("zero_shot", tone, range(8))
    said += answers("tuned", general, range(18)) + answers("tuned", tone, range(8))
    found = summarize_scored(score_rows(general + tone, said), is_forgetting=True)
    assert found.verdict == (
        "general: exact match 75.0 before, 45.0 after tuned: 30 points forgotten, p < 0.001. "
        "tone: exact match 40.0 before, 40.0 after tuned: no difference that 20 rows can show (95 %: −12.6 to 12.6). "
        "(Holm over 2.)"
    )
    assert found.task_contrasts["general"][0].p_adjusted == pytest.approx(4 / 4096)
    assert Comparison.from_dict(json.loads(json.dumps(found.to_dict()))) == found
    assert summarize_scored(score_rows(tone, []), is_forgetting=True).verdict.startswith("No row is answered both")
