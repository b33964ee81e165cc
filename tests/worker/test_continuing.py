"""A run that continues another: one longer run where nothing changed, what was learned where the data did."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from studio.acts import training
from studio.dataset.candidates import Candidate
from studio.dataset.store import Store
from studio.errors import AskedWrongly
from studio.files import JsonObject
from studio.project import Project
from studio.runs.directory import FrozenRow, RunDirectory
from studio.runs.specs import TrainSpec, read_spec
from tests.worker.worker_runs import colour_rows, make_run, named, run_here, tiny_spec

CONSTANT: dict[str, Any] = {"schedule": "constant", "warmup_ratio": 0.0, "learning_rate": 5e-3}


def losses(events: list[JsonObject]) -> list[float]:
    assert events[-1]["event"] == "finished", events[-1]
    return [step["loss"] for step in named(events, "step")]


def continued(folder: Path, earlier: RunDirectory, spec: TrainSpec, rows: list[FrozenRow]) -> RunDirectory:
    """A run that begins from the newest checkpoint of ``earlier``, as the act lays it out."""
    checkpoint = earlier.checkpoint_paths()[0]
    step = checkpoint.name.removeprefix("step-")
    run = make_run(folder, replace(spec, continue_from=f"{earlier.run_id}:{step}"), train=rows)
    shutil.copytree(checkpoint, run.begin_path)
    return run


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"method": "full"},
        {"lora_dropout": 0.2},
        {"lora_start": "pissa"},
        {"mixture": "equal", "batch_size": 3},
    ],
    ids=lambda settings: " ".join(settings) or "lora",
)
def test_two_runs_are_one_longer_run_where_the_rate_is_constant(
    settings: dict[str, Any], tmp_path: Path, tiny_model_folder: Path
) -> None:
    rows = colour_rows(9)
    rows = [replace(row, task="other") if row.example_id < 2 else row for row in rows]
    spec = tiny_spec(tiny_model_folder, **{**CONSTANT, "epochs": 1, **settings})
    longer = losses(run_here(make_run(tmp_path / "longer", replace(spec, epochs=3), train=rows)))
    first = make_run(tmp_path / "first", spec, train=rows)
    found = losses(run_here(first))
    second = continued(tmp_path / "second", first, spec, rows)
    found += losses(run_here(second))
    found += losses(run_here(continued(tmp_path / "third", second, spec, rows)))
    drifts = [abs(mine - other) for mine, other in zip(found, longer, strict=True)]
    assert max(drifts) < 5e-5 and sum(drifts) / len(drifts) < 1e-5, (found, longer)


def test_on_other_rows_it_begins_with_the_weights_alone(tmp_path: Path, tiny_model_folder: Path) -> None:
    spec = tiny_spec(tiny_model_folder, **CONSTANT, epochs=6)
    first = make_run(tmp_path / "first", spec, train=colour_rows(8))
    learned = losses(run_here(first))
    events = run_here(continued(tmp_path / "second", first, replace(spec, epochs=1), colour_rows(9)))
    assert named(events, "plan")[0]["continued_from"] == "first:12"
    assert "beginning with what first:12 has learned" in [event["message"] for event in named(events, "preparing")]
    assert losses(events)[0] < 0.8 * learned[0]


def test_a_continued_run_resumes_as_itself(tmp_path: Path, tiny_model_folder: Path, monkeypatch: Any) -> None:
    from studio.runs.events import Step
    from studio.worker.session import Session

    rows, spec = colour_rows(8), tiny_spec(tiny_model_folder, **CONSTANT, epochs=1)
    first = make_run(tmp_path / "first", spec, train=rows)
    run_here(first)
    whole = losses(run_here(continued(tmp_path / "whole", first, replace(spec, epochs=2), rows)))
    stopped = continued(tmp_path / "stopped", first, replace(spec, epochs=2), rows)
    with monkeypatch.context() as patch:
        patch.setattr(Session, "is_stop_asked", lambda session: session.last_event(Step) is not None)
        run_here(stopped)
    again = {event["step"]: event["loss"] for event in named(run_here(stopped), "step")}
    assert list(again.values()) == pytest.approx(whole, abs=2e-5)


@pytest.fixture
def project(tmp_path: Path, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setattr(training, "submit", lambda directory: None)
    project = Project.init(tmp_path / "desk", base_model=str(tiny_model_folder), max_length=128)
    with Store.open(project.store_path, "anna") as store:
        store.add([Candidate(f"order {number}", "on its way", split="train") for number in range(8)], "rows")
    return project


def test_the_act_finds_the_checkpoint_and_keeps_its_own(project: Project) -> None:
    """What is told: run and step. What is safe: the earlier run may go, the later one has what it begins from."""
    spec = TrainSpec(max_length=128, dtype="float32", micro_batch_size=2, epochs=1, lora_rank=4, save_every=1)
    with Store.open(project.store_path, "anna") as store:
        first = RunDirectory(project.runs_path / training.start_training(project, store, spec))
        with pytest.raises(AskedWrongly, match="has no checkpoint to begin from"):
            training.start_training(project, store, replace(spec, continue_from=first.run_id))
        run_here(first)
        again = replace(spec, continue_from=first.run_id)
        second = RunDirectory(project.runs_path / training.start_training(project, store, again))
        written = read_spec(second)
        assert isinstance(written, TrainSpec) and written.continue_from == f"{first.run_id}:1"
        linked = (second.begin_path / "weights.safetensors").stat()
        assert os.path.samestat(linked, (first.checkpoint_paths()[0] / "weights.safetensors").stat())
        with pytest.raises(AskedWrongly, match="no checkpoint of step 7"):
            training.plan_training(project, store, replace(spec, continue_from=f"{first.run_id}:7"))
        with pytest.raises(AskedWrongly, match="no run"):
            training.plan_training(project, store, replace(spec, continue_from="nothing"))
    shutil.rmtree(first.path)
    events = run_here(second)
    assert events[-1]["event"] == "finished", events[-1]


@pytest.mark.parametrize(
    ("settings", "why", "instead"),
    [
        ({"lora_rank": 8}, "lora_rank is 8, but 4 in the run", "Set lora_rank=4"),
        ({"method": "full"}, "method is full, but lora", "Set method=lora"),
        ({"lora_targets": ("q_proj",)}, "lora_targets is q_proj, but all-linear", "Set lora_targets=all-linear"),
    ],
)
def test_settings_that_do_not_fit_what_was_learned_are_refused(
    settings: dict[str, Any], why: str, instead: str, project: Project
) -> None:
    spec = TrainSpec(max_length=128, dtype="float32", micro_batch_size=2, epochs=1, lora_rank=4)
    with Store.open(project.store_path, "anna") as store:
        first = RunDirectory(project.runs_path / training.start_training(project, store, spec))
        run_here(first)
        with pytest.raises(AskedWrongly, match=why) as refused:
            training.start_training(project, store, replace(spec, continue_from=first.run_id, **settings))
        assert instead in refused.value.hint
