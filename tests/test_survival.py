"""The story people fear: the terminal closes in the middle of a run."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pexpect
import pytest

from studio.acts.training import start_training
from studio.dataset.candidates import Candidate
from studio.dataset.store import Store
from studio.project import Project
from studio.runs.directory import RunDirectory
from studio.runs.events import read_events
from studio.runs.specs import TrainSpec
from studio.runs.state import RunState
from studio.runs.watch import RunWatch

PATIENCE_SECONDS = 300.0  # only a run that hangs takes so long; a busy machine may take a hundred
POLL_SECONDS = 0.05  # as often as a screen looks; nothing is timed by it


def wait_for(watch: RunWatch, condition: Callable[[RunState], bool]) -> RunState:
    """Poll until the condition holds; a run that never gets there fails with what it said last."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        state = watch.poll()
        if condition(state):
            return state
        time.sleep(POLL_SECONDS)
    pytest.fail(f"{state.status}, step {state.step} of {state.steps}: {state.message}\n{watch.log_tail()}")


def start(project: Project, model: Path) -> RunDirectory:
    with Store.open(project.store_path, "anna") as store:
        store.add([Candidate(f"what is {number} and {number}", f"it is {2 * number}") for number in range(24)], "sums")
        store.assign_splits(test=0, validation=0.2)
        settings = ["batch_size=2", "epochs=6", "dtype=float32", "micro_batch_size=2", "lora_rank=2", "max_length=128"]
        spec = TrainSpec(base_model=str(model)).replaced(settings)
        return RunDirectory(project.runs_path / start_training(project, store, spec))


def open_studio(project: Project) -> pexpect.spawn[bytes]:
    """The studio in a terminal of its own, which may close on it: also where the tests themselves run under nohup."""
    return pexpect.spawn(
        sys.executable,
        ["-m", "studio", "open", str(project.root)],
        env={**os.environ, "TERM": "xterm-256color"},
        dimensions=(24, 80),
        timeout=60,
        preexec_fn=partial(signal.signal, signal.SIGHUP, signal.SIG_DFL),
    )


def test_a_closed_terminal_takes_no_run_with_it_and_the_chart_is_whole_afterwards(
    tmp_path: Path, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "cache"))
    project = Project.init(tmp_path / "desk", base_model=str(tiny_model_folder), max_length=128)
    run = start(project, tiny_model_folder)
    watch = RunWatch(run)

    terminal = open_studio(project)
    terminal.expect("Runs")
    terminal.send("\x1bOS")  # F4
    terminal.expect("step|loading|measuring|starting")
    wait_for(watch, lambda state: state.step >= 1 or not state.is_live)
    terminal.kill(signal.SIGHUP)
    terminal.expect(pexpect.EOF)
    terminal.close(force=True)

    state = wait_for(RunWatch(run), lambda state: not state.is_live)
    assert state.status == "finished", state.message
    assert list(state.series.step) == list(range(1, state.steps + 1))
    assert state.series.eval_step and (run.result_path("adapter") / "adapter_model.safetensors").exists()
    assert [event.NAME for event in read_events(run.events_path)[0]].count("started") == 1

    again = open_studio(project)
    again.expect("Runs")
    again.send("\x1bOS")
    again.expect("finished")
    again.send("Q")
    again.expect(pexpect.EOF)
    again.close()
    assert again.exitstatus == 0


def test_an_orphan_whose_terminal_is_gone_ends_though_nohup_taught_it_to_ignore_that(tmp_path: Path) -> None:
    """On a terminal that is not its session's own, nobody even sends the signal: only the end of input tells."""
    project = Project.init(tmp_path / "desk")
    ours, its = pty.openpty()
    orphan = subprocess.Popen(
        [sys.executable, "-m", "studio", "open", str(project.root)],
        stdin=its,
        stdout=its,
        stderr=its,
        env={**os.environ, "TERM": "xterm-256color"},
        start_new_session=True,
        preexec_fn=partial(signal.signal, signal.SIGHUP, signal.SIG_IGN),
    )
    os.close(its)
    drawn = b""
    while b"Runs" not in drawn:
        assert select.select([ours], [], [], PATIENCE_SECONDS)[0], drawn
        drawn += os.read(ours, 65536)
    os.close(ours)
    assert orphan.wait(PATIENCE_SECONDS) == -signal.SIGHUP
    Store.open(project.store_path, "anna").close()  # which nobody holds any more


@pytest.mark.parametrize("without", ["stdin", "stdout", "stderr"])
def test_without_a_terminal_the_screens_say_so_at_once(without: str, tmp_path: Path) -> None:
    ours, its = pty.openpty()
    stdin, stdout, stderr = (subprocess.DEVNULL if without == name else its for name in ("stdin", "stdout", "stderr"))
    process = subprocess.Popen(
        [sys.executable, "-m", "studio", "open", str(tmp_path)],
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        env={**os.environ, "TERM": "xterm-256color"},
        start_new_session=True,
    )
    assert process.wait(PATIENCE_SECONDS) == 2
    if without != "stderr":
        assert b"studio needs a terminal" in os.read(ours, 65536)
    os.close(ours)
    os.close(its)


@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_terminal_that_cannot_place_its_cursor_is_refused_in_words(term: str, tmp_path: Path) -> None:
    environment = {**os.environ, "TERM": term}
    program = [sys.executable, "-m", "studio", "open", str(tmp_path)]
    terminal = pexpect.spawn(program[0], program[1:], env=environment, timeout=PATIENCE_SECONDS)
    terminal.expect("needs a terminal that can place its cursor")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 2
    assert not list(tmp_path.iterdir())
