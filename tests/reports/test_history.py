"""The history of comparisons."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from studio.acts.past import past_comparisons
from studio.project import Project
from studio.reports.compare import compare_view
from studio.reports.history import history_json, history_table
from studio.runs.directory import read_rows, write_rows
from studio.runs.predictions import read_predictions
from tests.tui.run_story import comparison


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Three comparisons with results, the last on other rows, and one without."""
    project = Project.init(tmp_path)
    for number in (1, 2, 3, 4):
        directory = comparison(project, f"compare-{number}", ("zero_shot", "tuned"))
        rows = read_rows(directory.rows_path("test"))
        scores = compare_view(rows, read_predictions(directory)).comparison
        if number < 4:
            directory.scores_path.write_text(json.dumps(scores.to_dict()))
        if number == 3:
            write_rows(directory.rows_path("test"), [replace(rows[0], completion="mended"), *rows[1:]])
        os.utime(directory.spec_path, (number * 86_400, number * 86_400))
    return project


def test_the_oldest_comes_first_and_a_letter_says_which_answered_the_same_rows(project: Project) -> None:
    past = past_comparisons(project)
    assert [(one.run_id, one.row_set, one.tuned_arm) for one in past] == [
        ("compare-1", "A", "tuned"),
        ("compare-2", "A", "tuned"),
        ("compare-3", "B", "tuned"),
    ]
    lines = history_table(past).lines(120)
    assert "compare-1" in lines[1] and "66.7" in lines[1] and "├" in lines[1] and "zero_shot" in lines[1]
    assert lines[-1] == "Only comparisons of one letter answered the same rows."


def test_each_task_has_its_own_line(project: Project) -> None:
    lines = history_table(past_comparisons(project)[:1], by_task=True).lines(120)
    assert ["tickets" in lines[1], "tone" in lines[2]] == [True, True]
    assert "50.0" in lines[1] and "100.0" in lines[2]
    assert len(history_table(past_comparisons(project), "tone").rows) == 3
    assert history_table(past_comparisons(project), "nothing").rows == []


def test_the_history_for_scripts(project: Project) -> None:
    first = history_json(past_comparisons(project))[0]
    assert (first["run_id"], first["tuned_run"], first["row_set"], first["scorer"]) == (
        *("compare-1", "train-1", "A", "exact_match"),
    )
    assert first["arms"]["tuned"]["score"] == pytest.approx(2 / 3)
    assert first["tasks"]["tone"]["tuned"]["n"] == 1


def test_a_damaged_comparison_does_not_hide_the_others(project: Project) -> None:
    (project.runs_path / "compare-2" / "scores.json").write_text("{}")
    assert [one.run_id for one in past_comparisons(project)] == ["compare-1", "compare-3"]
