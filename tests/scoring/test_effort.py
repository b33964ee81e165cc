"""What answers took, and when a verdict may say that a small model matches a dear one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from studio.runs.directory import FrozenRow
from studio.scoring.comparison import Comparison
from studio.scoring.effort import effort_of, quantile_spread
from tests.scoring.pairs import summarize


def answer(arm: str, row: FrozenRow, text: str, **facts: Any) -> dict[str, Any]:
    usual = {"tokens": 5, "latency_seconds": 0.4, "prompt_tokens": 80, "is_cut": False}
    return {"arm": arm, "example_id": row.example_id, "text": text, **usual, **facts}


def rows_of(n: int) -> list[FrozenRow]:
    return [FrozenRow(at, "tickets", f"q {at}", f"answer {at}") for at in range(n)]


@pytest.mark.parametrize(
    ("n", "share", "low", "high"),
    [
        (5, 0.5, None, None),  # 2/2**5 = 6 % lie outside all five
        (6, 0.5, 1, 6),
        (10, 0.5, 2, 9),  # the ranks of every table of the sign test
        (20, 0.5, 6, 15),
        (71, 0.95, 63, None),
        (72, 0.95, 64, 72),  # 0.95**72 = 2.49 %; 63 or fewer of 72 below it: 1.86 %
    ],
)
def test_a_quantile_lies_between_two_ranks_golden(n: int, share: float, low: int | None, high: int | None) -> None:
    found = quantile_spread(list(range(1, n + 1)), share)
    assert (found.low, found.high, found.n) == (low, high, n)


def test_the_interval_of_thousands_is_that_of_hundreds_scaled() -> None:
    """(n + 1) × ½ ± 1.96 × √n / 2 in ranks, of 0..1 evenly."""
    for n in (999, 1001):
        found = quantile_spread([rank / n for rank in range(n)], 0.5)
        assert (found.low, found.high) == pytest.approx((0.469, 0.531), abs=0.003)


def test_seconds_tokens_and_money_by_hand() -> None:
    rows = rows_of(2)
    lines = [
        answer("a", rows[0], "x", latency_seconds=1.0, ttft_seconds=0.2, tokens=5, cost=0.002),
        answer("a", rows[1], "x", latency_seconds=2.0, ttft_seconds=0.4, tokens=1, cost=0.004),
    ]
    effort = effort_of(lines)
    assert effort.first_token is not None and effort.first_token.value == pytest.approx(0.3)
    assert effort.per_token is not None and effort.per_token.value == pytest.approx(0.2)
    assert effort.per_token.n == 1
    assert effort.cost is not None and effort.cost.value == pytest.approx(3.0), "of 1,000 answers"
    assert effort.output_tokens is not None and effort.output_tokens.value == 3.0
    assert effort.whole_p95 is None and effort.whole is not None and effort.whole.low is None
    assert effort_of([lines[0], {**lines[1], "cost": None}]).cost is None, "a price that half the answers lack is none"


def found_of(tuned_right: int, other_right: int, **tuned: Any) -> Comparison:
    rows = rows_of(400)
    dear = {"latency_seconds": None, "cost": 0.05}
    said = [
        answer("endpoint:big", row, row.completion if at < other_right else "no", **dear) for at, row in enumerate(rows)
    ]
    for at, line in enumerate(said[:40]):
        line["latency_seconds"] = 1.2 + at / 1000
    facts = {"latency_seconds": None, "cost": 0.001} | tuned
    said += [answer("tuned", row, row.completion if at < tuned_right else "no", **facts) for at, row in enumerate(rows)]
    for at, line in enumerate(said[400:440]):
        line["latency_seconds"] = 0.4 + at / 1000
    return summarize(rows, said)


def test_a_small_model_that_matches_a_dear_one_is_said_with_the_margin() -> None:
    found = found_of(380, 382)
    assert found.verdict == (
        "No difference that 400 rows can show: tuned answers 380 of 400 exactly (95 %), endpoint:big 382 (96 %), "
        "p = 0.50; 0 rows fixed, 2 broken. A true difference under 6 points can stay invisible. It is at most 5 points "
        "worse (95 %: −1.5 to 0.5), and takes 1/50 of the cost of 1,000 answers (1 against 50) and 1/3 of the latency "
        "(0.42 s against 1.22 s)."
    )
    assert Comparison.from_dict(json.loads(json.dumps(found.to_dict()))) == found


def test_a_better_one_says_what_it_takes_and_a_worse_one_does_not() -> None:
    assert found_of(380, 300).verdict.endswith(
        "80 rows fixed, 0 broken. It takes 1/50 of the cost of 1,000 answers (1 against 50) and 1/3 of the latency "
        "(0.42 s against 1.22 s)."
    )
    assert found_of(300, 380).verdict.endswith("0 rows fixed, 80 broken.")


def test_that_few_rows_match_is_not_claimed() -> None:
    rows = rows_of(12)
    said = [answer("zero_shot", row, row.completion if at % 2 else "no", cost=0.02) for at, row in enumerate(rows)]
    said += [answer("tuned", row, row.completion if at % 3 else "no", cost=0.001) for at, row in enumerate(rows)]
    assert summarize(rows, said).verdict.endswith(
        "It takes 1/20 of the cost of 1,000 answers (1 against 20); that it is at most 5 points worse these rows do "
        "not show."
    )
