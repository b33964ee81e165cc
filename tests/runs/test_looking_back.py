"""From a run back to its rows: which examples a step saw, which rows have the highest loss."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from studio.acts.looking_back import examples_of_step, row_losses
from studio.errors import AskedWrongly, StudioError
from studio.project import Project
from studio.runs.row_losses import RowLoss, as_json, read_row_losses, worst_first, write_row_losses
from tests.worker.worker_runs import colour_rows, make_run, named, run_here, tiny_spec


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("studio.worker.compute.measure.thread_counts", lambda: [1])


def test_each_step_leads_to_the_rows_it_learned_and_each_row_to_its_loss(
    tmp_path: Path, tiny_model_folder: Path
) -> None:
    project = Project.init(tmp_path / "desk")
    spec = tiny_spec(
        tiny_model_folder, max_length=45, overlong="drop", batch_size=1, micro_batch_size=1, seed=3, epochs=4
    )
    run = make_run(
        project.runs_path / "train-1", spec, train=colour_rows(8, start=20), validation=colour_rows(3, start=50)
    )
    events = run_here(run)
    (plan,) = named(events, "plan")
    assert plan["dropped_rows"] > 0, "the rows that were left out are counted with, or every step leads to another"
    steps = named(events, "step")
    seen = {step["step"]: examples_of_step(project, "train-1", step["step"]) for step in steps}
    one_epoch = [seen[step][0] for step in range(1, plan["rows"] + 1)]
    assert len(set(one_epoch)) == plan["rows"], "an epoch sees every row once"
    newest = {seen[step["step"]][0]: (step["loss"], step["step"]) for step in steps}
    _, losses = row_losses(project, "train-1", "train")
    assert {row.example_id: row.step for row in losses} == {row: step for row, (_, step) in newest.items()}
    for row in losses:  # of a batch of one row, the step's loss is the row's
        assert row.loss == pytest.approx(newest[row.example_id][0], rel=1e-5)
    assert [row.loss for row in losses] == sorted((row.loss for row in losses), reverse=True)
    _, held_out = row_losses(project, "train-1", "validation")
    assert {row.example_id for row in held_out} == {52}, "those that are too long were not measured"
    assert {row.step for row in held_out} == {steps[-1]["step"]}
    assert all(row.base_loss is not None and row.base_loss > row.loss for row in held_out)
    with pytest.raises(AskedWrongly, match="is no split with losses"):
        row_losses(project, "train-1", "test")


def test_losses_go_on_behind_a_resume_and_a_damaged_file_names_its_line(
    tmp_path: Path, tiny_model_folder: Path
) -> None:
    run = make_run(tmp_path / "run", tiny_spec(tiny_model_folder, epochs=1), train=colour_rows(8))
    run.stop_path.touch()  # before the first step: a checkpoint, and nothing learned
    run_here(run)
    assert read_row_losses(run) == []
    write_row_losses(run, [RowLoss(99, "train", 1.5, 1)])  # as an earlier life wrote it
    run.stop_path.unlink()
    run_here(run)
    assert {row.example_id for row in read_row_losses(run)} == {99, *range(8)}
    run.row_losses_path.write_text(run.row_losses_path.read_text() + '{"example_id": "x"}\n')
    with pytest.raises(StudioError, match="line 10 is no row's loss"):
        read_row_losses(run)


def test_a_loss_that_is_no_number_comes_first_and_is_null_to_scripts() -> None:
    rows = [RowLoss(1, "train", 0.5, 4), RowLoss(2, "train", float("inf"), 4)]
    assert [row.example_id for row in worst_first(rows)] == [2, 1]
    assert json.loads(json.dumps(as_json(rows[1])))["loss"] is None
