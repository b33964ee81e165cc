"""The disk is full while a run is started: the reason is said, and everything is as it was before."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from studio.acts import comparing, training
from studio.cli.app import app
from studio.dataset.store import Store
from studio.errors import StudioError
from studio.project import Project
from studio.runs.directory import RunDirectory, SlowToStart
from studio.runs.specs import CompareSpec, TrainSpec
from studio.tui.dialogs.new_run import NewRunDialog
from tests.tui.data_story import press, project_with, shown, tickets
from tests.tui.resting import settle
from tests.tui.run_story import model_without_weights, opened_on
from tests.worker.worker_runs import make_run

FULL = Path("/dev/full")
REASON = "No space left on device"


@pytest.fixture
def project(tmp_path: Path, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "cache"))
    project = project_with(tmp_path / "desk", tickets(30))
    project.settings_path.write_text(f'base_model = "{tiny_model_folder}"\nmax_length = 128\n')
    with Store.open(project.store_path, "anna") as store:
        store.assign_splits(test=0.2, validation=0.1)
    return project


def fill_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The frozen rows go where nothing can be written; the system says so itself."""
    monkeypatch.setattr(RunDirectory, "rows_path", lambda self, split: FULL)


def left(project: Project) -> list[Path]:
    return list(project.runs_path.iterdir())


@pytest.mark.parametrize("kind", ["train", "compare"])
def test_a_run_whose_rows_cannot_be_written_leaves_nothing_behind(
    kind: str, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_disk(monkeypatch)
    with Store.open(project.store_path, "anna") as store, pytest.raises(StudioError, match=REASON) as raised:
        if kind == "train":
            training.start_training(project, store, TrainSpec(max_length=128))
        else:
            comparing.start_comparison(project, store, CompareSpec(arms=("zero_shot",)))
    assert "Make room" in raised.value.hint
    assert left(project) == []


def test_a_run_that_would_have_no_room_for_its_log_is_not_started(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("studio.runs.specs.write_whole", lambda path, text: path.write_text(text))
    monkeypatch.setattr("studio.runs.places.local.os.fsync", refuse)
    monkeypatch.setattr(
        "studio.runs.places.local.subprocess.Popen", lambda *_, **__: pytest.fail("a process was started")
    )
    with Store.open(project.store_path, "anna") as store, pytest.raises(StudioError, match=REASON):
        training.start_training(project, store, TrainSpec(max_length=128))
    assert left(project) == []


def test_the_verb_says_the_reason_and_ends_with_1(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    fill_disk(monkeypatch)
    done = CliRunner().invoke(app, ["-C", str(project.root), "train"])
    assert done.exit_code == 1 and isinstance(done.exception, SystemExit)
    assert REASON in done.output and "Traceback" not in done.output
    assert left(project) == []


async def test_the_screens_say_it_and_live_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "cache"))
    model = model_without_weights(tmp_path / "model")
    project = project_with(tmp_path / "desk", tickets(30))
    project.settings_path.write_text(f'base_model = "{model}"\nmax_length = 128\n')
    with Store.open(project.store_path, "anna") as store:
        store.assign_splits(test=0.2, validation=0.1)
    async with opened_on(project, "runs") as pilot:
        await press(pilot, "n")
        fill_disk(monkeypatch)
        await press(pilot, "ctrl+j")
        await settle(pilot)
        assert "device" in shown(pilot)  # of the reason, wherever its line is broken
        assert isinstance(pilot.app.screen, NewRunDialog)
    assert left(project) == []


def test_a_process_that_ends_before_it_starts_leaves_no_run_and_its_log_is_the_hint(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studio.interpreter.sys.executable", "/bin/false")
    with Store.open(project.store_path, "anna") as store, pytest.raises(StudioError, match="ended before") as raised:
        training.start_training(project, store, TrainSpec(max_length=128))
    assert raised.value.hint
    assert left(project) == []


def test_a_run_that_is_slow_to_start_keeps_its_directory(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def submit(directory: RunDirectory) -> None:
        raise SlowToStart("it has said nothing for 30 s.")

    monkeypatch.setattr(training, "submit", submit)
    with Store.open(project.store_path, "anna") as store, pytest.raises(SlowToStart):
        training.start_training(project, store, TrainSpec(max_length=128))
    assert len(left(project)) == 1


def test_stopping_a_run_on_a_disk_that_takes_nothing_says_why(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(project.runs_path / "train-1", TrainSpec(base_model="tiny"))

    def refuse(path: Path, mode: int) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(Path, "touch", refuse)
    with pytest.raises(StudioError, match="stop: cannot be written: Read-only file system"):
        training.stop_run(project, run.run_id)
