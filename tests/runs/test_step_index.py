"""A long run is read from its index, and what is read is what its events say."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from studio.runs.directory import RunDirectory
from studio.runs.events import Evaluation, EventWriter, Finished, Plan, Resumed, Started, Step, Warned
from studio.runs.series import Series
from studio.runs.specs import TrainSpec, write_spec
from studio.runs.state import RunState
from studio.runs.step_index import index_path
from studio.runs.watch import RunWatch


def step(number: int, loss: float | None) -> Step:
    return Step(
        step=number, epoch=number / 9, tokens=number * 7, loss=loss, learning_rate=1e-3, grad_norm=2.0,
        tokens_per_second=200.0, memory_bytes=5, cores=1.5,
    )  # fmt: skip


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    """Two lives: the second goes back to step 20; between steps there are other events, and a crash tore a line."""
    run = RunDirectory(tmp_path / "train-1")
    run.path.mkdir()
    write_spec(run, TrainSpec(base_model="x"))
    run.process_path.write_text("{}")
    events = EventWriter(run.events_path)
    events.write(Started(pid=1, kind="train"))
    events.write(Plan(steps=60, steps_per_epoch=9, rows=72))
    for number in range(1, 31):
        events.write(step(number, math.nan if number == 4 else None if number == 5 else 3 / number))
        if number % 10 == 0:
            events.write(Evaluation(step=number, eval_loss=2 / number))
    events.close()
    with run.events_path.open("a") as torn:
        torn.write('{"event": "step", "st')
    events = EventWriter(run.events_path)
    events.write(Started(pid=2, kind="train"))
    events.write(Resumed(step=20))
    events.write(Warned(step=20, message="again"))
    for number in range(21, 41):
        events.write(step(number, 1 / number))
    events.write(Finished(step=40))
    events.close()
    return run


def read(run: RunDirectory, monkeypatch: pytest.MonkeyPatch, worth_bytes: int) -> RunState:
    monkeypatch.setattr("studio.runs.step_index.WORTH_BYTES", worth_bytes)
    return RunWatch(run).poll()


def same(one: RunState, other: RunState) -> bool:
    return repr(one) == repr(other)  # NaN is never equal to itself


def test_the_index_gives_what_the_events_give(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, indexed = read(run, monkeypatch, 1 << 40), read(run, monkeypatch, 0)
    assert list(plain.series.step) == list(range(1, 41))
    assert same(plain, indexed)
    assert math.isnan(indexed.series.loss[3]) and math.isnan(indexed.series.loss[4])
    assert indexed.best_step == 20


@pytest.mark.parametrize("jump", [-3600.0, 3600.0])
def test_a_clock_that_was_set_moves_no_time_of_an_indexed_run(
    jump: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunDirectory(tmp_path / "train-1")
    run.path.mkdir()
    write_spec(run, TrainSpec(base_model="x"))
    day, steady = 1_800_000_000.0, 500.0
    monkeypatch.setattr("time.time", lambda: day)
    monkeypatch.setattr("time.monotonic", lambda: steady)
    events = EventWriter(run.events_path)
    events.write(Started(pid=1, kind="train"))
    for number in range(1, 31):
        day, steady = day + 2.0 + (jump if number == 12 else 0.0), steady + 2.0
        events.write(step(number, 1.0))
        if number == 20:
            events.write(Evaluation(step=20, eval_loss=1.0))
    events.close()
    plain, indexed = read(run, monkeypatch, 1 << 40), read(run, monkeypatch, 0)
    assert list(indexed.series.seconds) == pytest.approx([2.0 * number for number in range(1, 31)])
    assert same(plain, indexed)


def test_what_comes_after_the_index_was_read_is_read_on(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.runs.step_index.WORTH_BYTES", 0)
    watch = RunWatch(run)
    watch.poll()
    events = EventWriter(run.events_path)
    events.write(step(41, 0.5))
    events.close()
    assert watch.poll().series.step[-1] == 41


@pytest.mark.parametrize("damage", ["missing", "torn", "another's", "empty"])
def test_an_index_that_does_not_fit_is_passed_over(
    damage: str, run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = read(run, monkeypatch, 1 << 40)
    path = index_path(run.events_path)
    held = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes({"torn": held[:-9], "another's": held[len(held) // 2 :] + held, "empty": b""}[damage])
    assert same(plain, read(run, monkeypatch, 0))


def test_a_long_run_of_several_tasks_is_read_from_its_index_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunDirectory(tmp_path / "train-1")
    run.path.mkdir()
    write_spec(run, TrainSpec(base_model="x"))
    run.process_path.write_text("{}")
    events = EventWriter(run.events_path)
    events.write(Started(pid=1, kind="train"))
    for number in range(1, 6):
        events.write(replace(step(number, 1.0), task_losses={"a": 1.0, "b": 3.0}))
        events.write(Evaluation(step=number, eval_loss=1.0, task_losses={"a": 0.5, "b": 1.5}))
    events.close()
    assert index_path(run.events_path).stat().st_size > 0
    plain, indexed = read(run, monkeypatch, 1 << 40), read(run, monkeypatch, 0)
    assert same(plain, indexed)
    assert indexed.series.task_losses == {"a": [0.5] * 5, "b": [1.5] * 5}


def test_a_resume_forgets_the_tasks_losses_of_what_is_done_again() -> None:
    series = Series()
    for at in (10, 20):
        series.add_evaluation(at, 1.0, 1.0, {"a": at / 10})
    series.add_evaluation(30, 1.0, 1.0, {"a": 3.0, "new": 4.0})
    assert str(series.task_losses["new"]) == "[nan, nan, 4.0]"
    series.cut_after(20)
    kept = series.copied()
    series.add_evaluation(30, 1.0, 1.0, {"a": 5.0})
    assert kept.task_losses["a"] == [1.0, 2.0]
    assert series.task_losses["a"] == [1.0, 2.0, 5.0]
