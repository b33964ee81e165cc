"""A disk that fills up under a run: a real one, small enough to fill."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.files import read_json_lines
from studio.runs.directory import RunDirectory
from studio.runs.status import Status
from studio.runs.watch import RunWatch
from studio.worker.training.checkpoints import checkpoints_in, newest_whole
from tests.worker.worker_runs import colour_rows, make_run, named, run_here, start_process, tiny_spec

TIMEOUT_SECONDS = 90.0
DISK_BYTES = 12 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(disk)]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("only root may mount a small disk")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def fill(disk: Path) -> Path:
    """Everything that is left on the disk, to the last byte."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        size = 1 << 16
        while size:
            try:
                file.write(bytes(size))
            except OSError:
                size //= 2
    return ballast


def wait_until(run: RunDirectory, process: subprocess.Popen[bytes], event: str, count: int) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while len(named(read_json_lines(run.events_path)[0], event)) < count:
        assert process.poll() is None and time.monotonic() < deadline, run.log_path.read_text()
        time.sleep(0.005)


@pytest.mark.parametrize("save_every", [3, 1000])
def test_a_run_on_a_disk_that_fills_up_ends_in_words_and_goes_on_from_its_last_whole_checkpoint(
    save_every: int, small_disk: Path, tmp_path: Path, tiny_model_folder: Path
) -> None:
    """3: its next checkpoint finds no room. 1000: so does the line of its next step."""
    spec = tiny_spec(tiny_model_folder, epochs=200, save_every=save_every, eval_every=1000, method="full")
    run = make_run(small_disk / "run", spec, train=colour_rows(4))
    process = start_process(run, STUDIO_CACHE=str(tmp_path / "cache"))
    wait_until(run, process, "checkpoint" if save_every == 3 else "step", 2)
    ballast = fill(small_disk)
    assert process.wait(TIMEOUT_SECONDS) == 1

    state = RunWatch(run).poll()
    assert state.status is Status.FAILED, state.message
    assert "disk" in state.message + state.hint and "room" in state.hint
    assert not list(run.checkpoints_path.glob(".*.part"))
    whole = newest_whole(run)
    if whole:
        newest, _, damages = whole
        assert damages == [] and newest == checkpoints_in(run)[0]
    ballast.unlink()
    shorter = tiny_spec(tiny_model_folder, epochs=state.step + 3, save_every=1000, eval_every=1000, method="full")
    run.spec_path.write_text(shorter.to_json())
    events = run_here(run)
    assert events[-1]["event"] == "finished", events[-1]
    assert named(events, "resumed")[-1]["step"] == (whole[0].step if whole else 0)
