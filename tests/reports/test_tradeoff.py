"""Quality against what it costs: which arms nothing beats, and what the plot shows of them without colour."""

from __future__ import annotations

import pytest

from studio.reports.compare import compare_table, dominated_arms
from studio.reports.tradeoff import PRICES, Price, drawn, frontier, legend, prices_known, scales, trade_points
from studio.scoring.comparison import ArmSummary, Comparison
from studio.scoring.effort import Effort, Spread
from studio.scoring.intervals import Interval

CONTEXT, LATENCY = (next(price for price in PRICES if price.name == name) for name in ("context", "latency"))
SHOWN = {"zero_shot": (0.1, 71.0), "few_shot:5": (0.4, 482.0), "rag:3": (0.3, 900.0), "tuned": (0.8, 71.0)}


def arm(name: str, score: float, tokens: float, seconds: float | None = None, cost: float | None = None) -> ArmSummary:
    headline = Interval(score, max(0.0, score - 0.1), min(1.0, score + 0.1), 50)
    effort = Effort(cost=None if cost is None else Spread(cost, cost, cost, 50))
    return ArmSummary(name, 50, headline, {}, {}, seconds, None, 0, tokens, None, 0, 0, effort=effort)


def comparison(arms: dict[str, tuple[float, float]]) -> Comparison:
    made = {name: arm(name, *facts) for name, facts in arms.items()}
    return Comparison(made, 50, 0, ("t",), "exact_match", ("t",), "", "")


def scores(of: Comparison) -> dict[str, Interval]:
    return {name: one.headline for name, one in of.arms.items() if one.headline}


def plotted(arms: dict[str, tuple[float, float]], width: int, height: int, price: Price = CONTEXT) -> list[str]:
    points = trade_points(comparison(arms), price, scores(comparison(arms)))
    return ["".join(text for text, _ in line) for line in drawn(points, price, width, height)]


def test_the_plot_as_it_is_seen_without_colour() -> None:
    assert plotted(SHOWN, 50, 11) == [
        "   │   ┬                                          ",
        "   │   4 tuned╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌",
        "   │   ┴                                          ",
        "   │   ┊                                          ",
        "50 ┤   ┊                 few_shot:5  2          ┬ ",
        "   │   ┊                             ┴   rag:3  3 ",
        "   │ ┬ ┊                                        ┴ ",
        "   │ 1 zero_shot                                  ",
        " 0 ┤ ┴ ┊                                          ",
        "   └───────┬───────────┬──────────────┬───────────",
        "          100         200            500          ",
    ]


def test_the_frontier_is_what_nothing_beats_and_of_equals_all() -> None:
    def best(arms: dict[str, tuple[float, float]]) -> list[str]:
        return [point.arm for point in frontier(trade_points(comparison(arms), CONTEXT, scores(comparison(arms))))]

    assert best(SHOWN) == ["tuned"], "as cheap as zero_shot, and better than all"
    assert best({**SHOWN, "endpoint:big": (0.9, 482.0)}) == ["tuned", "endpoint:big"]
    assert best({"a": (0.5, 70.0), "b": (0.5, 70.0), "c": (0.5, 71.0)}) == ["a", "b"]


def test_a_wide_range_has_a_logarithmic_axis_and_one_price_an_axis_at_all() -> None:
    def axis(*tokens: float) -> tuple[bool, float, float]:
        made = comparison({f"a{at}": (0.5, one) for at, one in enumerate(tokens)})
        x_scale, _ = scales(trade_points(made, CONTEXT, scores(made)))
        return x_scale.is_log, x_scale.low, x_scale.high

    assert axis(71, 500) == (False, 71, 500)
    assert axis(71, 710) == (True, 71, 710)
    assert axis(100, 100) == (False, 50, 150)


def test_arms_of_one_price_hide_one_another_nowhere() -> None:
    rows = plotted({f"arm_{at}": (0.5, 71.0) for at in range(1, 9)}, 78, 14)
    assert "7╌5╌3╌1╌2╌4╌6╌8" in "".join(rows)


@pytest.mark.parametrize(("width", "height"), [(24, 5), (40, 8), (78, 15), (138, 30)])
def test_every_line_is_as_wide_as_it_was_asked_for(width: int, height: int) -> None:
    rows = plotted(SHOWN, width, height)
    assert {len(row) for row in rows} == {width}
    assert len(rows) == height


def test_what_cannot_be_drawn_is_said() -> None:
    assert plotted(SHOWN, 10, 4) == ["no room t…"]
    assert plotted({}, 40, 10)[0].strip() == "nothing to draw"


def test_a_price_that_fewer_than_two_arms_know_is_no_choice() -> None:
    made = comparison(SHOWN)
    assert [price.name for price in prices_known(made)] == ["context"]
    made.arms["tuned"] = arm("tuned", 0.8, 71, 0.4)
    assert LATENCY not in prices_known(made)
    made.arms["rag:3"] = arm("rag:3", 0.3, 900, 1.2)
    assert LATENCY in prices_known(made)


def test_money_is_a_price_too_and_a_dearer_arm_is_dominated_by_it() -> None:
    made = comparison(SHOWN)
    made.arms["endpoint:big"] = arm("endpoint:big", 0.3, 71, 0.4, cost=4.2)
    made.arms["endpoint:small"] = arm("endpoint:small", 0.8, 71, 0.4, cost=0.25)
    assert [price.name for price in prices_known(made)] == ["context", "latency", "cost"]
    table = compare_table(made)
    assert [row[-1].text for row in table.rows] == ["–", "–", "–", "–", "4.2", "0.25"]
    assert "Cost: of 1,000 answers, by the prices in studio.toml." in table.notes
    dear = dominated_arms(made.arms.values(), scores(made))
    assert "endpoint:big" in dear and "endpoint:small" not in dear
    made.arms["endpoint:big"] = arm("endpoint:big", 0.3, 71, 0.4, cost=0.01)
    assert "endpoint:big" in dominated_arms(made.arms.values(), scores(made)), "tuned has no price to hold against it"
    del made.arms["tuned"]
    assert "endpoint:big" not in dominated_arms(made.arms.values(), scores(made))


def test_the_legend_says_score_and_price_of_every_arm() -> None:
    made = comparison(SHOWN)
    lines = ["".join(text for text, _ in line) for line in legend(trade_points(made, CONTEXT, scores(made)), CONTEXT)]
    assert lines == ["1 zero_shot 10 % 71", "2 few_shot:5 40 % 482", "3 rag:3 30 % 900", "4 tuned 80 % 71"]
