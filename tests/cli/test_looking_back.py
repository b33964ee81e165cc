"""``studio losses``, ``studio run step``, ``samples`` and ``diff``, and asking something of a run by verbs."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from studio.files import take_lock
from studio.project import Project
from studio.runs.batches import Batches, Order, write_order
from studio.runs.directory import FrozenRow, RunDirectory, write_rows
from studio.runs.events import Evaluation, EventWriter, Finished, Plan, Started, Step
from studio.runs.row_losses import RowLoss, write_row_losses
from studio.runs.samples import Sample, append_samples
from studio.runs.specs import TrainSpec, write_spec
from tests.cli.conftest import Studio

ROWS = [FrozenRow(number, "tickets", f"prompt {number}", f"answer {number}") for number in range(1, 9)]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project.init(tmp_path / "desk")
    write_run(project, "train-1", TrainSpec(base_model="tiny"), ROWS[:6])
    changed = [replace(ROWS[0], completion="another"), *ROWS[2:7]]
    write_run(project, "train-2", TrainSpec(base_model="tiny", epochs=3, tasks=("tickets",)), changed)
    return project


def write_run(project: Project, name: str, spec: TrainSpec, rows: list[FrozenRow]) -> RunDirectory:
    run = RunDirectory(project.runs_path / name)
    run.path.mkdir(parents=True)
    write_rows(run.rows_path("train"), rows)
    write_rows(run.rows_path("validation"), ROWS[7:])
    write_order(run, Order(Batches(len(rows), 2, 0), [row.example_id for row in rows]))
    write_row_losses(run, [RowLoss(2, "train", 0.5, 2), RowLoss(8, "validation", 3.25, 3, base_loss=4.0)])
    append_samples(run, [Sample(0, 8, "what"), Sample(3, 8, "answer 8"), Sample(4, 8, "answer", is_cut=True)])
    events = EventWriter(run.events_path)
    events.write(Started(pid=1, kind="train"))
    events.write(Plan(steps=6, steps_per_epoch=3, rows=6))
    events.write(Step(step=1, epoch=0.3, tokens=9, loss=1.0, learning_rate=1e-3, grad_norm=1.0, tokens_per_second=1.0))
    events.close()
    run.process_path.write_text("{}")
    write_spec(run, spec)
    return run


def test_losses_lists_the_worst_rows_first_with_their_texts(studio: Studio) -> None:
    first, second = studio("losses", "train-1").stdout.splitlines()[1:3]
    assert first.split()[:5] == ["8", "validation", "3.250", "4.000", "3"] and "answer 8" in first
    assert second.split()[:3] == ["2", "train", "0.500"]
    assert [row["example_id"] for row in json.loads(studio("losses", "train-1", "--json").stdout)] == [8, 2]
    only = json.loads(studio("losses", "train-1", "--split", "train", "--json").stdout)
    assert only == [{"example_id": 2, "split": "train", "loss": 0.5, "step": 2, "base_loss": None}]
    refused = studio("losses", "train-1", "--split", "test")
    assert (refused.exit_code, "is no split with losses" in refused.stderr) == (2, True)


def test_kept_losses_filter_and_sort_the_rows_of_the_store(studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(
        "".join(json.dumps({"prompt": row.prompt, "completion": row.completion}) + "\n" for row in ROWS)
    )
    studio("import", str(tmp_path / "rows.jsonl"))
    assert json.loads(studio("rows", "--where", "loss is not null", "--json").stdout) == []
    assert studio("losses", "train-1", "--keep").exit_code == 0
    for options, wanted in (
        (("--where", "loss > 2"), [8]),
        (("--where", "base_loss - loss > 0.5 and total_tokens is null"), [8]),
        (("--where", "loss is not null", "--sort", "loss"), [2, 8]),
        (("--where", "loss is not null", "--sort", "loss:desc"), [8, 2]),
    ):
        found = json.loads(studio("rows", *options, "--json").stdout)
        assert [row["example_id"] for row in found] == wanted
    assert "label 1 example skip" in studio("label", "skip", "--where", "loss > 2", "--dry-run").stderr


def test_a_step_names_its_rows_and_samples_show_the_model_change(studio: Studio) -> None:
    named = json.loads(studio("run", "step", "train-1", "1", "--json").stdout)["example_ids"]
    assert named == [row + 1 for row in Batches(6, 2, 0).rows_of(1)]
    lines = [line.strip() for line in studio("run", "samples", "train-1").stdout.splitlines()]
    assert lines == [
        "row 8  prompt 8",
        "should be  answer 8",
        "step 0  what",
        "✓ step 3  answer 8",
        "step 4  answer …",
    ]
    (one,) = json.loads(studio("run", "samples", "train-1", "--json").stdout)
    assert (one["row"]["example_id"], len(one["samples"])) == (8, 3)


def test_diff_says_which_settings_and_which_rows_differ(studio: Studio) -> None:
    found = json.loads(studio("run", "diff", "train-1", "train-2", "--json").stdout)
    assert found["settings"] == [
        {"name": "epochs", "before": 2.0, "after": 3.0},
        {"name": "tasks", "before": [], "after": ["tickets"]},
    ]
    train, validation = found["rows"]
    assert train == {"split": "train", "added": [7], "removed": [2], "edited": [1], "same": 4}
    assert validation["same"] == 1
    text = studio("run", "diff", "train-1", "train-2").stdout
    assert "epochs  2 → 3" in text and "validation rows\n  the same 1 row" in text
    assert "settings\n  the same\n" in studio("run", "diff", "train-1", "train-1").stdout


def test_a_run_is_paused_saved_and_made_longer_by_verbs_and_refuses_when_it_is_not_there(
    studio: Studio, project: Project
) -> None:
    run = RunDirectory(project.runs_path / "train-1")
    for verb in (("pause", "train-1"), ("checkpoint", "train-1")):
        refused = studio(*verb)
        assert (refused.exit_code, "train-1 is not running: lost" in refused.stderr) == (2, True)
    with take_lock(run.lock_path):
        assert "pauses after this step" in studio("pause", "train-1").stderr
        assert run.pause_path.exists()
        assert studio("resume", "train-1").exit_code == 0
        assert not run.pause_path.exists(), "resume ends a pause"
        assert "writes a checkpoint after this step" in studio("checkpoint", "train-1").stderr
        assert "ends at step 9 instead of 6" in studio("extend", "train-1", "--epochs", "3").stderr
        assert json.loads(run.length_path.read_text()) == {"epochs": 3.0}
        assert studio("extend", "train-1").exit_code == 2


def test_watch_says_the_losses_of_each_task_and_json_has_them(studio: Studio, project: Project) -> None:
    events = EventWriter(RunDirectory(project.runs_path / "train-1").events_path)
    for at, tone in ((1, 1.27), (2, math.nan)):
        events.write(Evaluation(step=at, eval_loss=0.5, task_losses={"tickets": 0.31, "to\x1bne": tone}))
    events.write(Finished(step=2))
    events.close()
    assert "eval at step 2: tickets 0.310, to␛ne NaN" in studio("watch", "train-1").stderr
    listed = json.loads(studio("runs", "--json").stdout)
    assert {run["run_id"]: run["task_losses"] for run in listed} == {
        "train-1": {"tickets": 0.31, "to\x1bne": None},
        "train-2": {},
    }
