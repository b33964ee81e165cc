"""A machine's clock that is set while a run works, and a process number that was given away again."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from studio.errors import StudioError
from studio.files import take_lock, write_whole
from studio.runs.directory import RunDirectory
from studio.runs.events import Event, EventWriter, Plan, Started, Step
from studio.runs.places import local
from studio.runs.specs import TrainSpec
from studio.runs.state import RunState
from studio.runs.watch import RunWatch
from tests.worker.worker_runs import make_run

HOUR = 3600.0


class SetClock:
    """Seconds pass on both clocks; the time of day can be set besides."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.day, self.steady = 1_800_000_000.0, 500.0
        monkeypatch.setattr(time, "time", lambda: self.day)
        monkeypatch.setattr(time, "monotonic", lambda: self.steady)
        monkeypatch.setattr("studio.runs.event_clock.steady_seconds", lambda: self.steady)

    def passes(self, seconds: float) -> None:
        self.day, self.steady = self.day + seconds, self.steady + seconds


def step(number: int) -> Step:
    return Step(step=number, epoch=0.1, tokens=100 * number, loss=1.0, learning_rate=1e-3, grad_norm=1.0,
                tokens_per_second=50.0)  # fmt: skip


@pytest.mark.parametrize("jump", [-HOUR, -7.0, HOUR, 24 * HOUR])
@pytest.mark.parametrize("looks", ["while it runs", "afterwards"])
def test_a_clock_that_jumps_moves_neither_the_time_taken_nor_the_time_left(
    jump: float, looks: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SetClock(monkeypatch)
    run = make_run(tmp_path / "train-1", TrainSpec(model_path="nowhere"))
    events, watch = EventWriter(run.events_path), RunWatch(run)

    def say(event: Event) -> None:
        events.write(event)
        if looks == "while it runs":
            watch.poll()

    with take_lock(run.lock_path):
        say(Started(pid=1, kind="train"))
        say(Plan(steps=20))
        for number in range(1, 11):
            if number == 6:
                clock.day += jump
            clock.passes(2.0)
            say(step(number))
        state = watch.poll()
        assert state.series.seconds == pytest.approx([2.0 * number for number in range(1, 11)])
        assert state.elapsed_seconds == pytest.approx(20.0)
        assert state.eta_seconds == pytest.approx(20.0)
        clock.passes(3.0)
        if looks == "while it runs":
            clock.day += jump
        assert (watch.poll().elapsed_seconds, watch.poll().eta_seconds) == pytest.approx((23.0, 17.0))
    events.close()


def test_a_run_of_an_older_studio_whose_clock_was_set_back_has_no_negative_times(tmp_path: Path) -> None:
    run = make_run(tmp_path / "train-1", TrainSpec(model_path="nowhere"))
    lines = [{"event": "started", "time": 1000.0}, *({"time": 1000.0 + at, **vars(step(at))} for at in (1, 2))]
    lines.append({**vars(step(3)), "time": 500.0})
    run.events_path.write_text("".join(json.dumps({"event": "step", **_known(line)}) + "\n" for line in lines))
    seconds = RunWatch(run).poll().series.seconds
    assert list(seconds) == sorted(seconds) and all(at >= 0 for at in seconds)


def _known(line: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in line.items() if value is not None and name != "NAME"}


def described(run: RunDirectory, pid: int, **changes: object) -> None:
    write_whole(run.process_path, json.dumps({**local.describe_process(), "pid": pid, **changes}))


@pytest.mark.parametrize("is_old", [False, True])
def test_a_process_number_that_another_program_has_by_now_is_never_ended(is_old: bool, tmp_path: Path) -> None:
    run = make_run(tmp_path / "train-1", TrainSpec(model_path="nowhere"))
    other = subprocess.Popen(["sleep", "600"])
    try:
        with take_lock(run.lock_path):
            facts = {"started_at": time.time() - HOUR} | ({"ticks": None} if is_old else {})
            described(run, other.pid, **facts)
            with pytest.raises(StudioError, match=f"process {other.pid} is another program by now"):
                local.cancel(run)
            assert other.poll() is None
    finally:
        other.kill()
        other.wait()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux counts so")
def test_a_clock_that_was_set_does_not_make_the_run_s_own_process_another_program(tmp_path: Path) -> None:
    run = make_run(tmp_path / "train-1", TrainSpec(model_path="nowhere"))
    process = subprocess.Popen(["sleep", "600"])
    with take_lock(run.lock_path):
        described(run, process.pid, ticks=local._start_ticks(process.pid), started_at=time.time() - HOUR)
        local.cancel(run)
    process.wait(10)
    assert not psutil.pid_exists(process.pid)


def test_a_poll_of_nothing_new_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SetClock(monkeypatch)
    run = make_run(tmp_path / "train-1", TrainSpec(model_path="nowhere"))
    EventWriter(run.events_path).write(Started(pid=1))
    clock.passes(60.0)
    with take_lock(run.lock_path):
        first: RunState = RunWatch(run).poll()
        assert first.elapsed_seconds == pytest.approx(60.0)  # a studio that is opened later
