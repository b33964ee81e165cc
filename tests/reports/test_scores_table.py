"""All scores of a comparison as the verb prints them."""

from __future__ import annotations

from typing import Any

from studio.reports.scores import all_scores_tables
from studio.runs.directory import FrozenRow
from tests.scoring.pairs import summarize


def answer(arm: str, row: FrozenRow, text: str) -> dict[str, Any]:
    facts = {"tokens": 4, "latency_seconds": None, "prompt_tokens": 8, "is_cut": False}
    return {"arm": arm, "example_id": row.example_id, "task": row.task, "text": text, **facts}


def test_every_score_has_a_row_and_the_one_that_decides_is_marked() -> None:
    tone = [FrozenRow(at, "tone", "q", label) for at, label in enumerate(["calm"] * 4 + ["angry"] * 2)]
    json = [FrozenRow(at, "json", "q", f'{{"order": {at}}}') for at in (10, 11)]
    said = [answer("zero_shot", row, "calm") for row in tone + json]
    said += [answer("tuned", row, row.completion) for row in tone + json]
    tables = dict(all_scores_tables(summarize(tone + json, said)))
    assert tables["every pair of arms, by exact match"].lines()[1].split() == [
        *["tuned", "−", "zero_shot", "8", "+50.0", "(−1.1", "to", "+81.1)", "0.125", "0.125", "4", "0"]
    ]
    assert tables["what the answers took"].lines()[1].split() == ["zero_shot", "8", "(8–8)", "4", "(4–4)"]
    assert list(tables)[2:] == [
        "tone",
        "tone: the right label in rows, what zero_shot answered in columns",
        "tone: the right label in rows, what tuned answered in columns",
        "json",
        "json: fields of the JSON that are right",
    ]
    lines = tables["tone"].lines()
    assert lines[1].split("  ")[0] == "exact match ◂"
    assert "macro-F1" in lines[5] and "40.0 (25.0–100.0)" in lines[5]
    assert any(line.startswith("bleu: BLEU|nrefs:1|case:mixed") for line in lines)
    assert tables["tone: the right label in rows, what zero_shot answered in columns"].lines()[1:3] == [
        "angry            0     2      0",
        "calm             0     4      0",
    ]
    assert (
        tables["json: fields of the JSON that are right"].lines()[1] == "order  2  0.0 (0.0–65.8)  100.0 (34.2–100.0)"
    )
