"""The run directory is the whole protocol: torn lines, dead processes and resumes are ordinary states."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from studio.errors import StudioError
from studio.files import is_locked, take_lock
from studio.runs.directory import RunDirectory, find_run, runs_in
from studio.runs.events import (
    ArmAsked,
    Evaluation,
    EventWriter,
    Plan,
    Progressed,
    Resumed,
    Started,
    Step,
    Stopped,
    read_events,
)
from studio.runs.specs import TrainSpec
from studio.runs.state import state_as_json
from studio.runs.watch import RunWatch


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    directory = RunDirectory(tmp_path / "train-1122-130000-aa")
    directory.path.mkdir()
    directory.spec_path.write_text(TrainSpec(base_model="m").to_json())
    return directory


def step(writer: EventWriter, number: int, loss: float | None) -> None:
    writer.write(Step(step=number, epoch=number / 10, tokens=number * 100, loss=loss, learning_rate=1e-3, grad_norm=1.0,
        tokens_per_second=200.0, memory_bytes=10))  # fmt: skip


def started(run: RunDirectory) -> EventWriter:
    run.process_path.write_text("{}")
    writer = EventWriter(run.events_path)
    writer.write(Started(pid=1, host="here", kind="train"))
    return writer


def test_a_torn_last_line_waits_until_it_is_whole(run: RunDirectory) -> None:
    with run.events_path.open("w") as file:
        file.write('{"event": "started", "time": 1}\n{"event": "st')
        file.flush()
        events, offset = read_events(run.events_path)
        assert [event.NAME for event in events] == ["started"]
        file.write('opped", "time": 2}\n')
    assert [event.NAME for event in read_events(run.events_path, offset)[0]] == ["stopped"]


def test_a_line_torn_by_a_crash_costs_that_line_and_no_other(run: RunDirectory) -> None:
    run.events_path.write_text('{"event": "started", "time": 1}\n{"event": "st')
    EventWriter(run.events_path).write(Resumed(step=0))
    events, _ = read_events(run.events_path)
    assert [event.NAME for event in events] == ["started", "resumed"]


def test_status_is_computed_from_lock_and_last_event(run: RunDirectory) -> None:
    watch = RunWatch(run)
    assert watch.poll().status == "starting"
    writer = started(run)
    with take_lock(run.lock_path):
        assert watch.poll().status == "running"
        os.utime(run.events_path, (1, 1))
        assert watch.poll().status == "stalled"
    assert watch.poll().status == "lost"
    assert "resume" in watch.poll().hint
    writer.write(Stopped(step=3))
    assert watch.poll().status == "stopped"


def test_a_killed_process_lets_go_of_its_lock(run: RunDirectory) -> None:
    program = (
        "import sys; from pathlib import Path; from studio.files import take_lock\n"
        f"lock = take_lock(Path({str(run.lock_path)!r})); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert is_locked(run.lock_path)
        with pytest.raises(StudioError, match="another process"):
            take_lock(run.lock_path, wait_seconds=0)
        child.kill()
    assert not is_locked(run.lock_path)


def test_opening_again_shows_the_whole_curve(run: RunDirectory) -> None:
    writer = started(run)
    writer.write(Plan(steps=10, rows=80))
    for number in range(1, 6):
        step(writer, number, 1.0 / number)
    writer.write(Evaluation(step=5, eval_loss=0.3, tokens=50))
    state = RunWatch(run).poll()
    assert list(state.series.step) == [1, 2, 3, 4, 5]
    assert (state.step, state.steps, state.loss, state.eval_loss, state.best_step) == (5, 10, 0.2, 0.3, 5)


def test_the_untuned_model_s_loss_is_on_the_chart_but_is_never_the_best(run: RunDirectory) -> None:
    writer = started(run)
    writer.write(Evaluation(step=0, eval_loss=0.1, tokens=0))
    assert RunWatch(run).poll().best_step is None
    step(writer, 1, 1.0)
    writer.write(Evaluation(step=1, eval_loss=0.3, tokens=50))
    state = RunWatch(run).poll()
    assert (state.series.eval_step, state.best_step, state.best_eval_loss) == ([0, 1], 1, 0.3)


def test_a_resume_draws_the_repeated_steps_once(run: RunDirectory) -> None:
    writer = started(run)
    for number in range(1, 8):
        step(writer, number, 1.0)
    writer.write(Evaluation(step=6, eval_loss=0.1, tokens=50))
    writer.write(Started(pid=2, host="here", kind="train"))
    writer.write(Resumed(step=4))
    for number in range(5, 7):
        step(writer, number, 0.5)
    series = RunWatch(run).poll().series
    assert list(series.step) == [1, 2, 3, 4, 5, 6]
    assert list(series.loss) == [1.0, 1.0, 1.0, 1.0, 0.5, 0.5]
    assert series.eval_step == []


def test_a_loss_that_is_not_a_number_is_null_in_json(run: RunDirectory) -> None:
    writer = started(run)
    step(writer, 1, float("nan"))
    listed = state_as_json(RunWatch(run).poll())
    assert listed["loss"] is None
    json.dumps(listed, allow_nan=False)


def test_an_event_of_a_newer_studio_does_not_stop_the_reading(run: RunDirectory) -> None:
    writer = started(run)
    with run.events_path.open("a") as file:
        file.write('{"event": "levitated", "time": 5, "height": 3}\n')
    step(writer, 1, 1.0)
    assert RunWatch(run).poll().step == 1


def test_a_directory_without_spec_is_not_a_run_yet(run: RunDirectory, tmp_path: Path) -> None:
    (tmp_path / "train-1122-140000-bb").mkdir()
    assert [found.run_id for found in runs_in(tmp_path)] == [run.run_id]


def test_a_run_is_found_by_the_start_of_its_id(run: RunDirectory, tmp_path: Path) -> None:
    assert find_run(tmp_path, "train-1122").run_id == run.run_id
    with pytest.raises(StudioError, match="no run 'other'"):
        find_run(tmp_path, "other")


def test_a_damaged_spec_is_said_and_the_other_runs_still_show(run: RunDirectory) -> None:
    run.spec_path.write_text("{")
    os.utime(run.spec_path, (1, 1))
    state = RunWatch(run).poll()
    assert state.status == "damaged"
    assert "spec.json is damaged: it is not JSON" in state.message


def test_a_comparison_s_plan_has_no_steps_and_its_arms_count_them(run: RunDirectory) -> None:
    writer = started(run)
    writer.write(ArmAsked(arm="zero_shot", max_new_tokens=8, prompts=3, left_out=0, prompt_tokens_mean=60.0))
    writer.write(Plan(rows=3, arms=("zero_shot",), dtype="float32", threads=2))
    writer.write(Progressed(arm="zero_shot", done=2, total=3, tokens_per_second=None))
    state = RunWatch(run).poll()
    assert (state.step, state.steps, state.arms[0].done, state.phase) == (2, 3, 2, "zero_shot: 2 of 3")
