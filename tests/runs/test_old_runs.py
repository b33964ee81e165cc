"""Runs of an older version are shown as they were: their events, their comparison, in verbs and on screens alike."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from studio.acts.comparing import load_comparison
from studio.acts.training import run_states
from studio.project import Project
from studio.reports.compare import compare_view
from studio.runs.events import Plan, Step, Unknown, read_events
from studio.runs.specs import CompareSpec, TrainSpec
from studio.runs.status import Status
from studio.worker.methods import work_of

OLD_RUNS = Path(__file__).resolve().parents[1] / "old-project" / "runs"
TRAINED, COMPARED = "train-1122-171353-58", "compare-1122-171723-1e"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project.init(tmp_path / "desk")
    shutil.copytree(OLD_RUNS, project.runs_path, dirs_exist_ok=True)
    return project


def test_both_have_finished_with_what_they_found(project: Project) -> None:
    states = {state.run_id: state for state in run_states(project)}
    trained, compared = states[TRAINED], states[COMPARED]
    assert trained.status is Status.FINISHED and compared.status is Status.FINISHED
    assert (trained.step, trained.steps, trained.best_step) == (84, 84, 84)
    assert len(trained.series.loss) == 84 and trained.best_eval_loss == pytest.approx(0.049, abs=0.001)
    assert [(arm.arm, arm.done) for arm in compared.arms] == [
        ("zero_shot", 40),
        ("one_shot", 40),
        ("few_shot:5", 40),
        ("tuned", 40),
    ]


def test_every_event_is_known_and_what_it_did_not_say_has_its_default(project: Project) -> None:
    for run_id in (TRAINED, COMPARED):
        events, _ = read_events(project.runs_path / run_id / "events.jsonl")
        lines = (project.runs_path / run_id / "events.jsonl").read_text().splitlines()
        assert len(events) == len(lines) and not any(isinstance(event, Unknown) for event in events)
    plan = next(event for event in events if isinstance(event, Plan))
    assert plan.dtype and plan.batch_size == 0  # a comparison did not say then how many it answered together


def test_its_comparison_opens_and_says_what_it_said(project: Project) -> None:
    loaded = load_comparison(project, COMPARED)
    assert loaded.scores is not None and loaded.scores.dtype == ""
    assert loaded.scores.verdict.startswith("tuned answers 28 of 40 exactly (70 %)")
    view = compare_view(loaded.rows, loaded.predictions)
    assert view.changes["fixed"] == 20 and len(view.rows) == 40


def test_its_specs_are_read_and_its_method_still_answers(project: Project) -> None:
    specs = {state.spec.kind: state.spec for state in run_states(project) if state.spec is not None}
    trained, compared = specs["train"], specs["compare"]
    assert isinstance(trained, TrainSpec) and trained.place == "local" and trained.how.leaves == "adapter"
    assert isinstance(compared, CompareSpec) and work_of(compared.tuned_method).needs_base


def test_a_loss_is_read_to_the_last_digit(project: Project) -> None:
    events, _ = read_events(project.runs_path / TRAINED / "events.jsonl")
    first = next(event for event in events if isinstance(event, Step))
    assert f'"loss": {first.loss!r}' in (project.runs_path / TRAINED / "events.jsonl").read_text()
