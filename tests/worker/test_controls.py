"""What a person, or a watchdog, changes about a run while it goes on."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from studio.acts.controlling import ask_checkpoint, change_length, pause_run
from studio.acts.training import resume_run
from studio.errors import AskedWrongly
from studio.files import take_lock
from studio.project import Project
from studio.runs.directory import RunDirectory
from studio.runs.schedules import learning_rate_at
from studio.runs.specs import TrainSpec, read_spec
from studio.runs.status import Status
from studio.runs.watch import RunWatch
from studio.runs.watchdogs.watchdog import Alarm
from studio.worker.training import train
from studio.worker.training.gradients import Gradients
from tests.worker.worker_runs import colour_rows, make_run, named, run_here, tiny_spec

At = dict[int, Callable[[], Any]]


def after_steps(monkeypatch: pytest.MonkeyPatch, acts: At) -> None:
    """Do something when a step is made, as a person in another terminal would."""
    step = train._step

    def step_and_act(*given: Any) -> Any:
        trainer, progress = step(*given)
        acts.pop(progress.step, lambda: None)()
        return trainer, progress

    monkeypatch.setattr(train, "_step", step_and_act)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.init(tmp_path / "desk")


def new_run(project: Project, model: Path, **settings: Any) -> RunDirectory:
    spec = tiny_spec(model, epochs=3, **settings)  # 4 steps an epoch
    return make_run(project.runs_path / "train-1", spec, train=colour_rows(16), validation=colour_rows(2, start=40))


def test_a_pause_writes_a_checkpoint_and_waits_until_the_run_is_resumed(
    project: Project, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run(project, tiny_model_folder)
    seen: list[tuple[Status, str, list[str]]] = []

    def look_and_go_on(_: float) -> None:
        state = RunWatch(run).poll()
        seen.append((state.status, state.phase, [path.name for path in run.checkpoint_paths()][:1]))
        resume_run(project, "train-1")

    monkeypatch.setattr("studio.worker.training.controls.time.sleep", look_and_go_on)
    after_steps(monkeypatch, {3: lambda: pause_run(project, "train-1")})
    with take_lock(run.lock_path):
        events = run_here(run)
    assert seen == [(Status.PAUSED, "paused", ["step-3"])]
    assert not run.pause_path.exists()
    said = [event["event"] for event in events if event.get("step") == 3]
    assert said[-3:] == ["checkpoint", "paused", "continued"]
    assert [event["step"] for event in named(events, "step")] == list(range(1, 13)), "no step is made twice or left out"


def test_a_stop_ends_a_pause_too(project: Project, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = new_run(project, tiny_model_folder)
    monkeypatch.setattr("studio.worker.training.controls.time.sleep", lambda _: run.stop_path.touch())
    after_steps(monkeypatch, {2: run.pause_path.touch})
    events = run_here(run)
    assert (events[-1]["event"], events[-1]["step"]) == ("stopped", 2)


def test_a_checkpoint_is_written_when_it_is_asked_for(
    project: Project, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run(project, tiny_model_folder, save_every=100, eval_every=100)
    after_steps(monkeypatch, {5: lambda: ask_checkpoint(project, "train-1")})
    with take_lock(run.lock_path):
        events = run_here(run)
    assert [event["step"] for event in named(events, "checkpoint")] == [5, 12]


def test_a_run_is_made_longer_then_shorter_and_its_spec_says_so(
    project: Project, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run(project, tiny_model_folder, schedule="cosine")
    said: list[str] = []

    def to(steps: int) -> Callable[[], Any]:
        return lambda: said.append(change_length(project, "train-1", steps=steps)[1])

    after_steps(monkeypatch, {3: to(20), 6: to(9)})
    with take_lock(run.lock_path):
        events = run_here(run)
    assert [(event["step"], event["steps"]) for event in named(events, "length_changed")] == [(3, 20), (6, 9)]
    assert "ends at step 20 instead of 12; the learning rate goes on at" in said[0]
    assert events[-1]["event"] == "finished" and events[-1]["step"] == 9
    spec = read_spec(run)
    assert isinstance(spec, TrainSpec) and spec.steps_of(16) == 9
    rates = [event["learning_rate"] for event in named(events, "step")]
    wanted = [*((step, 12) for step in (1, 2, 3)), *((step, 20) for step in (4, 5, 6)), (7, 9), (8, 9), (9, 9)]
    assert rates == pytest.approx([learning_rate_at(step, steps, spec) for step, steps in wanted])
    state = RunWatch(run).poll()
    assert (state.steps, state.step, state.status) == (9, 9, Status.FINISHED)
    with pytest.raises(AskedWrongly, match="is finished"):
        change_length(project, "train-1", steps=30)


def test_a_length_that_makes_no_sense_is_refused_with_the_reason(
    project: Project, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run(project, tiny_model_folder, schedule="linear", patience=0)
    after_steps(monkeypatch, {11: run.stop_path.touch})
    run_here(run)
    for wish, why in (
        ({}, "not clear"),
        ({"steps": 12}, "ends at step 12 already"),
        ({"steps": 5}, "is at step 11: it cannot end at 5"),
        ({"steps": 100}, "which undoes what it has settled"),
    ):
        with pytest.raises(AskedWrongly, match=why):
            change_length(project, "train-1", **wish)


def test_a_stopped_run_gets_its_new_length_for_the_resume(
    project: Project, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run(project, tiny_model_folder, schedule="constant")
    after_steps(monkeypatch, {4: run.stop_path.touch})
    run_here(run)
    change_length(project, "train-1", epochs=1.5)
    run.stop_path.unlink()
    events = run_here(run)
    assert (events[-1]["event"], events[-1]["step"]) == ("finished", 6)


def with_bad_steps(monkeypatch: pytest.MonkeyPatch, bad: list[int]) -> None:
    """The next gradient is NaN each time a step in ``bad`` is made; each entry is used once."""
    learn, step = train._learn, train._step
    at = [0]

    def note(trainer: Any, progress: Any, *rest: Any) -> Any:
        at[0] = progress.step + 1
        return step(trainer, progress, *rest)

    def learn_or_not(trainer: Any, rows: Any) -> tuple[Gradients, float]:
        gradients, norm = learn(trainer, rows)
        if at[0] in bad:
            bad.remove(at[0])
            return replace(gradients, loss=math.nan), math.nan
        return gradients, norm

    monkeypatch.setattr(train, "_step", note)
    monkeypatch.setattr(train, "_learn", learn_or_not)


def test_a_watchdog_may_go_back_to_the_last_good_checkpoint_at_half_the_rate(
    project: Project, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run(
        project, tiny_model_folder, watchdogs=("non_finite=rollback",), save_every=4, eval_every=4, schedule="constant"
    )
    with_bad_steps(monkeypatch, [7])
    events = run_here(run)
    (back,) = named(events, "rolled_back")
    assert (back["step"], back["from_step"], back["rate_scale"]) == (4, 7, 0.5)
    steps = named(events, "step")
    assert [step["step"] for step in steps] == [*range(1, 8), *range(5, 13)]
    assert steps[6]["learning_rate"] == 2 * steps[7]["learning_rate"]
    assert steps[7]["loss"] == pytest.approx(steps[4]["loss"], rel=1e-5), "the same rows under the same weights"
    warning = named(events, "warning")[0]
    assert (warning["watchdog"], warning["step"]) == ("non_finite", 7)
    assert "Look at the examples" in warning["hint"]
    state = RunWatch(run).poll()
    assert state.status is Status.FINISHED
    assert list(state.series.step) == list(range(1, 13))
    assert [step for step, _ in state.series.warnings] == [7, 4], "why it went back stays on the chart"


def test_a_run_that_goes_back_keeps_no_best_step_whose_weights_are_gone(
    project: Project, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run(
        project, tiny_model_folder, watchdogs=("non_finite=rollback",), save_every=1, eval_every=2, learning_rate=1e-2
    )
    monkeypatch.setattr("studio.runs.watchdogs.non_finite.Alarm", lambda why, advice, at: Alarm(why, advice, at - 1))
    after_steps(monkeypatch, {5: run.stop_path.touch})
    with_bad_steps(monkeypatch, [5])
    events = run_here(run)
    assert [event["step"] for event in named(events, "checkpoint") if event["is_best"]] == [2, 4], "step 4 replaced 2"
    assert [event["step"] for event in named(events, "rolled_back")] == [3]
    assert not [event for event in named(events, "warning") if "not the best" in event["message"]]


def test_what_comes_again_after_three_rollbacks_stops_the_run(
    project: Project, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run(project, tiny_model_folder, watchdogs=("non_finite=rollback",))
    with_bad_steps(monkeypatch, [2] * 9)
    events = run_here(run)
    assert [event["rate_scale"] for event in named(events, "rolled_back")] == [0.5, 0.25, 0.125]
    assert events[-1]["event"] == "stopped"
    assert "went back 3 times" in named(events, "warning")[-1]["message"]


def test_a_step_that_is_no_number_changes_nothing_where_the_watchdog_only_notifies(
    project: Project, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run(project, tiny_model_folder, watchdogs=("non_finite=notify",))
    with_bad_steps(monkeypatch, [2])
    events = run_here(run)
    assert events[-1]["event"] == "finished"
    steps = named(events, "step")
    assert math.isnan(steps[1]["loss"]) and all(math.isfinite(step["loss"]) for step in steps[2:])
