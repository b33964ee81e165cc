"""The Compare screen: which rows were fixed, which broke, and what every arm costs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from rich.cells import cell_len

from studio.reports.compare import compare_table, compare_view, dominated_arms, task_table
from studio.reports.compare_rows import RowChoice, chosen_rows
from studio.reports.table import Cell
from studio.runs.directory import FrozenRow
from studio.scoring.scorers import SCORERS
from studio.scoring.scorers.scorer import Scorer

LONG = "The customer would like to send the lamp back because it arrived with a broken foot"
ROWS = [
    FrozenRow(1, "tickets", "q1", '{"order": 1}'),
    FrozenRow(2, "tickets", "q2", '{"order": 2}'),
    FrozenRow(3, "tickets", "q3", '{"order": 3}'),
    FrozenRow(4, "tickets", "q4", '{"order": 4}'),
    FrozenRow(5, "summaries", "q5", LONG),
    FrozenRow(6, "summaries", "q6", LONG),
    FrozenRow(7, "summaries", "q7", LONG),
]
FEW_SHOT = ["sorry", '{"order": 2}', '{"order": 3}', "no", "It is late", LONG, LONG]
TUNED = ['{"order":1}', '{"order": 9}', '{ "order": 3 }', "no idea", LONG, "It is late", LONG]


def answers(arm: str, texts: list[str], latency: float, prompt_tokens: int) -> list[dict[str, Any]]:
    return [answered(arm, row, text, latency, prompt_tokens) for row, text in zip(ROWS, texts, strict=True)]


def answered(arm: str, row: FrozenRow, text: str, latency: float | None, prompt_tokens: int) -> dict[str, Any]:
    facts = {"arm": arm, "example_id": row.example_id, "task": row.task, "text": text, "tokens": 5, "is_cut": False}
    return facts | {"latency_seconds": latency, "prompt_tokens": prompt_tokens}


PREDICTIONS = (
    answers("zero_shot", ["no"] * 7, 0.3, 71)
    + answers("few_shot:5", FEW_SHOT, 0.9, 482)
    + answers("tuned", TUNED, 0.42, 71)
)


def test_every_row_says_what_tuning_did_to_it() -> None:
    view = compare_view(ROWS, PREDICTIONS)
    assert [(row.example_id, row.change, row.glyph) for row in view.rows] == [
        (1, "fixed", "✚"),
        (2, "broken", "✖"),
        (3, "both", "✓"),
        (4, "neither", "·"),
        (5, "closer", "▲"),
        (6, "farther", "▼"),
        (7, "alike", "≈"),
    ]
    assert view.changes["fixed"] == 1
    assert view.rows[0].answers == {"zero_shot": "no", "few_shot:5": "sorry", "tuned": '{"order":1}'}
    assert view.rows[0].scores["tuned"]["valid_json"] == 1.0


def test_rows_worth_reading_come_first() -> None:
    order = [row.example_id for row in chosen_rows(compare_view(ROWS, PREDICTIONS), RowChoice())]
    assert order[0] == 1
    assert set(order[:4]) == {1, 2, 5, 6}
    assert order[-2:] == [3, 7]


def test_the_table_of_arms_as_it_is_printed() -> None:
    comparison = replace(compare_view(ROWS, PREDICTIONS).comparison, dtype="bfloat16")
    table = compare_table(comparison, context_window=8192)
    assert table.lines(100) == [
        "arm         n  exact*                         95 %    F1  ROUGE-L  JSON n 4  latency  prompt  window",
        "zero_shot   4     0.0  ●──────┤           0.0–49.0   0.0      0.0       0.0   0.30 s      71   0.9 %",
        "few_shot:5  4    50.0    ├─────●────┤    15.0–85.0  58.6     58.6      50.0   0.90 s     482   5.9 %",
        "tuned       4    50.0    ├─────●────┤    15.0–85.0  65.8     65.8      75.0   0.42 s      71   0.9 %",
        "* over tickets; the other scores over all rows.",
        "Answered in bfloat16.",
        "Latency: the median of 7 rows an arm, asked one at a time.",
    ]
    assert [row[0].style for row in table.rows] == ["title", "title", "title"]


def test_the_table_takes_the_room_it_gets() -> None:
    table = compare_table(compare_view(ROWS, PREDICTIONS).comparison, context_window=8192)
    assert [column.title for column in table.columns if column.title] == [
        *["arm", "n", "exact match*", "95 %", "token F1", "ROUGE-L", "valid JSON n 4"],
        *["latency", "slowest", "prompt tokens", "of the window"],
    ]
    assert [cell.text for cell in table.rows[2]][5:10:2] == ["65.8", "65.8", "75.0"]
    for width in range(30, 200):
        assert max(sum(cell_len(text) for text, _ in line) for line in table.drawn(width)) <= max(width, 56)


def test_one_task_alone_has_its_own_scores() -> None:
    table = compare_table(compare_view(ROWS, PREDICTIONS).comparison, task="summaries")
    assert table.rows[2][:3] == [Cell("tuned", "title"), Cell("3"), Cell("66.7", "good")]
    assert not any("*" in column.title for column in table.columns)


def test_a_column_of_the_slowest_answer_is_p95_from_20_timed_rows_on() -> None:
    def titles(timed: int) -> list[str]:
        rows = [FrozenRow(row, "t", "q", "yes") for row in range(24)]
        given = [answered("tuned", row, "yes", 0.1 if row.example_id < timed else None, 9) for row in rows]
        return [column.title for column in compare_table(compare_view(rows, given).comparison).columns]

    assert "p95" in titles(20) and "slowest" not in titles(20)
    assert "slowest" in titles(19) and "p95" not in titles(19)
    assert "slowest" in titles(2)
    assert {"slowest", "p95"}.isdisjoint(titles(1))


@pytest.mark.parametrize(
    ("right", "seconds", "tokens", "dominated"),
    [
        pytest.param((4, 36), (0.5, 0.4), (71, 71), {"zero_shot"}, id="better and no dearer"),
        pytest.param((19, 21), (0.5, 0.4), (71, 71), set(), id="2 rows of 40 show nothing"),
        pytest.param((20, 20), (0.5, 0.4), (482, 71), set(), id="equal is nothing that rows can show"),
        pytest.param((4, 36), (0.3, 0.4), (71, 71), set(), id="better, but slower"),
        pytest.param((4, 36), (0.5, 0.4), (71, 482), set(), id="better, but more tokens"),
        pytest.param((4, 36), (None, None), (71, 71), {"zero_shot"}, id="not timed: tokens decide"),
    ],
)
def test_an_arm_is_dim_only_by_what_the_rows_can_carry(
    right: tuple[int, int], seconds: tuple[float | None, float | None], tokens: tuple[int, int], dominated: set[str]
) -> None:
    rows = [FrozenRow(row, "t", f"q{row}", "yes") for row in range(40)]
    given = [
        answered(arm, row, "yes" if row.example_id < right[at] else "no", seconds[at], tokens[at])
        for at, arm in enumerate(("zero_shot", "tuned"))
        for row in rows
    ]
    found = compare_view(rows, given).comparison
    assert dominated_arms(found.arms.values(), {arm: one.headline for arm, one in found.arms.items()}) == dominated
    assert {row[0].text for row in compare_table(found).rows if row[0].style == "dim"} == dominated


def test_a_new_scorer_has_its_column_by_its_line_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    short = Scorer("short", "is short", "1 where the answer is short.", True, lambda answer, _: len(answer) < 9)
    for room in ("scoring.scored_rows", "scoring.summary", "scoring.comparison"):
        monkeypatch.setattr(f"studio.{room}.SCORERS", (*SCORERS, short))
    comparison = compare_view(ROWS, PREDICTIONS).comparison
    assert "is short" in compare_table(comparison).lines()[0] and "is short" in task_table(comparison).lines()[0]
    assert comparison.to_dict()["arms"]["tuned"]["scores"]["short"]["n"] == 7


def test_the_table_of_tasks_keeps_every_scorer() -> None:
    rows = [[cell.text for cell in row] for row in task_table(compare_view(ROWS, PREDICTIONS).comparison).rows]
    assert rows[2] == ["", "", "tuned", "50.0 (15.0–85.0)", *["62.5 (25.0–100.0)"] * 2, "75.0 (30.1–95.4)"]
    assert [row[0] for row in rows] == ["tickets", "", "", "summaries", "", ""]
    assert rows[3] == ["summaries", "3", "zero_shot", *["0.0 (0.0–56.1)"] * 3, "–"]


def test_a_comparison_still_running_and_one_without_tuned() -> None:
    half = [one for one in PREDICTIONS if one["arm"] != "tuned"] + PREDICTIONS[14:16]
    assert [row.example_id for row in compare_view(ROWS, half).rows] == [1, 2]
    alone = compare_view(ROWS, PREDICTIONS[:7])
    assert {row.change for row in alone.rows} == {"single"}
    empty = compare_view(ROWS, [])
    assert (empty.rows, empty.comparison.verdict) == ([], "No row is answered by every arm yet.")
    assert len(compare_table(empty.comparison).lines()) == 1
