"""What the Window screen says, from counts alone."""

from __future__ import annotations

import json

import numpy as np
import pytest

from studio.reports.window import WindowReport, fate_table, lengths_sentence, shots_table, window_report
from studio.tokens.layout import Budget, ContextWindow
from studio.tokens.window import Fate

BUDGET, WINDOW = Budget(512), ContextWindow(8192)


def report() -> WindowReport:
    """100 rows of 60 + 40 tokens, and three that a max_length of 512 does not hold."""
    prompts = [60] * 100 + [60, 300, 600]
    completions = [40] * 100 + [453, 300, 20]
    return window_report(range(1, 104), prompts, completions, BUDGET, WINDOW, shot_tokens=[105] * 103, shots=(0, 1, 5))


def test_fates_and_the_rows_behind_them() -> None:
    found = report()
    assert found.fates == {Fate.WHOLE: 100, Fate.ANSWER_CUT: 1, Fate.END_OF_TURN_CUT: 1, Fate.NOTHING_LEFT: 1}
    assert {fate: ids.tolist() for fate, ids in found.fate_ids.items()} == {
        Fate.ANSWER_CUT: [102],
        Fate.END_OF_TURN_CUT: [101],
        Fate.NOTHING_LEFT: [103],
    }
    assert (found.n, found.total.median, found.total.p95, found.total.max) == (103, 100, 100, 620)
    assert found.longest[:4] == [(103, 620), (102, 600), (101, 513), (1, 100)]


def test_shots_cost_what_they_cost() -> None:
    found = report()
    assert [cost.shots for cost in found.shots] == [0, 1, 5, 77]
    mean = (60 * 101 + 300 + 600) / 103
    assert [cost.prompt_tokens_mean for cost in found.shots] == pytest.approx([mean + k * 105 for k in (0, 1, 5, 77)])
    assert found.shots[-1].share_of_window == pytest.approx((mean + 77 * 105) / 8192)
    assert [cost.rows_that_no_longer_fit for cost in found.shots] == [0, 0, 0, 3]
    assert found.max_shots == 77


def test_the_most_shots_is_the_last_number_with_which_nearly_all_rows_fit() -> None:
    one_more = window_report([1] * 100, [60] * 100, [40] * 100, BUDGET, WINDOW, [105] * 100, shots=(77, 78))
    assert [cost.rows_that_no_longer_fit for cost in one_more.shots] == [0, 100]
    few = window_report([1] * 3, [60] * 3, [40] * 3, BUDGET, WINDOW, [105] * 3)
    assert few.max_shots == 3
    assert window_report([1], [9000], [40], BUDGET, WINDOW, [9045]).max_shots == 0


def test_tables_as_they_are_printed() -> None:
    found = report()
    assert fate_table(found).lines(50) == [
        "   fate                   rows   share",
        "✓  whole                   100  97.1 %  ━━━━━━━━━━",
        "▲  answer cut                1   1.0 %  ━",
        "▲  end-of-turn cut           1   1.0 %  ━",
        "✗  nothing left to learn     1   1.0 %  ━",
    ]
    assert fate_table(found).lines(40)[1] == "✓  whole                   100  97.1 %"
    assert [row[0].style for row in fate_table(found).rows] == ["good", "warn", "warn", "bad"]
    assert shots_table(found).lines() == [
        "shots  prompt tokens  of the window  rows that no longer fit",
        "    0             68          0.8 %                        0",
        "    1            173          2.1 %                        0",
        "    5            593          7.2 %                        0",
        "   77          8,153         99.5 %                        3  the most",
        "At most 77 shots fit for 95 % of the rows; they make every prompt 121 times as long.",
        "Fine-tuned, a prompt stays at 68 tokens.",
    ]
    assert lengths_sentence(found) == "median 100 · p95 100 · max 620 · n 103"


def test_where_not_one_shot_fits_it_is_said() -> None:
    """And not that 0 shots fit, or make every prompt 1 times as long."""
    assert shots_table(window_report([1], [9000], [40], BUDGET, WINDOW, [9045])).notes == [
        "No shot fits for 95 % of the rows."
    ]
    only = shots_table(window_report([1], [60], [40], BUDGET, WINDOW, [105], shots=(1,)))
    assert only.notes == ["At most 1 shot fits for 95 % of the rows."]


def test_an_empty_dataset_has_an_empty_report() -> None:
    found = window_report([], [], [], BUDGET, WINDOW, [])
    assert (found.n, found.total.median, found.total.max, found.shots, found.longest) == (0, 0, 0, [], [])
    assert shots_table(found).lines() == ["shots  prompt tokens  of the window  rows that no longer fit"]
    assert fate_table(found).lines()[1] == "✓  whole                     0"


def test_the_report_as_json() -> None:
    facts = json.loads(json.dumps(report().to_dict()))
    assert facts["fates"]["answer cut"] == 1
    assert facts["total_tokens"] == {"median": 100, "p95": 100, "max": 620}
    assert facts["shots"][1] == {
        "shots": 1,
        "prompt_tokens_mean": pytest.approx(172.57, abs=0.01),
        "share_of_window": pytest.approx(0.02107, abs=1e-4),
        "rows_that_no_longer_fit": 0,
    }
    assert facts["longest"][0] == {"example_id": 103, "total_tokens": 620}


def test_a_million_rows_take_well_under_a_second() -> None:
    rng = np.random.default_rng(0)
    prompts, completions = rng.integers(10, 300, 1_000_000), rng.integers(10, 300, 1_000_000)
    assert (
        window_report(np.arange(1_000_000), prompts, completions, BUDGET, WINDOW, prompts + completions).n == 1_000_000
    )
