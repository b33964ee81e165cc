"""The Compare screen: which rows were fixed, which broke, and what every arm costs."""

from __future__ import annotations

from typing import Any

from studio.reports.compare import compare_table, compare_view, task_table
from studio.runs.directory import FrozenRow

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
    return [
        {"arm": arm, "example_id": row.example_id, "task": row.task, "text": text, "tokens": 5, "is_cut": False}
        | {"latency_seconds": latency, "prompt_tokens": prompt_tokens}
        for row, text in zip(ROWS, texts, strict=True)
    ]


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
    order = [row.example_id for row in compare_view(ROWS, PREDICTIONS).by_disagreement()]
    assert order[0] == 1
    assert set(order[:4]) == {1, 2, 5, 6}
    assert order[-2:] == [3, 7]


def test_the_table_of_arms_as_it_is_printed() -> None:
    comparison = compare_view(ROWS, PREDICTIONS).comparison
    table = compare_table(comparison, context_window=8192, bar_width=12, width=100)
    assert table.lines() == [
        "arm         n  exact match*                     95 %  latency p50  prompt tokens  of the window",
        "zero_shot   4           0.0  ●────┤         0.0–49.0       0.30 s             71          0.9 %",
        "few_shot:5  4          50.0    ├───●──┤    15.0–85.0       0.90 s            482          5.9 %",
        "tuned       4          50.0    ├───●──┤    15.0–85.0       0.42 s             71          0.9 %",
        "* over tickets; the other scores over all rows.",
    ]
    assert [row[0][1] for row in table.rows] == ["", "dim", "good"]


def test_the_table_takes_the_room_it_gets() -> None:
    comparison = compare_view(ROWS, PREDICTIONS).comparison
    wide = compare_table(comparison, context_window=8192)
    assert wide.header[5:] == [
        "token F1",
        "ROUGE-L",
        "valid JSON",
        "latency p50",
        "p95",
        "prompt tokens",
        "of the window",
    ]
    assert [text for text, _ in wide.rows[2][5:8]] == ["65.8", "65.8", "75.0"]
    narrow = compare_table(comparison, context_window=8192, width=78)
    assert narrow.header == ["arm", "n", "exact match*", "95 %", "latency p50", "prompt tokens"]
    assert max(len(line) for line in narrow.lines()) <= 78


def test_the_table_of_tasks_keeps_every_scorer() -> None:
    rows = [[text for text, _ in row] for row in task_table(compare_view(ROWS, PREDICTIONS).comparison).rows]
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
