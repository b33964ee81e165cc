"""Measuring what a run would take, by a few steps of it in a process of its own, before it is started."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from studio.acts.training import TrainPlan, freeze_for_a_moment
from studio.dataset.store import Store
from studio.errors import StudioError
from studio.files import is_locked, writing
from studio.project import Project
from studio.runs.directory import RunDirectory
from studio.runs.events import Event, Failed, FinalEvent, Forecast, Preparing, read_events
from studio.runs.places import local

PREFIX = ".measuring-"
LOOK_EVERY_SECONDS = 0.1


def measure(
    project: Project,
    store: Store,
    plan: TrainPlan,
    say: Callable[[str], None],
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Forecast | None:
    """What the planned run would take on this machine; None when cancelled. Takes seconds: call it in a thread.

    ``say`` is told what is being done. Nothing is started and nothing stays. Raises StudioError where the plan refuses,
    or a step does not fit into memory, or its checkpoints onto the disk.
    """
    if plan.refusal:
        raise plan.refusal
    with _folder(project.runs_path) as directory:
        freeze_for_a_moment(store, plan, directory)
        local.submit(directory, module="studio.worker.measuring")
        found: Forecast | None = None
        for event in _events(directory, is_cancelled):
            match event:
                case Preparing():
                    say(event.message)
                case Forecast():
                    found = event
                case Failed():
                    raise StudioError(event.message, event.hint)
        return found


def _events(directory: RunDirectory, is_cancelled: Callable[[], bool]) -> Iterator[Event]:
    """The events as they come, up to the last; ends early, and the process with it, when cancelled.

    Raises StudioError where the process ended without a word.
    """
    offset = 0
    while not is_cancelled():
        is_alive = is_locked(directory.lock_path)
        events, offset = read_events(directory.events_path, offset)
        yield from events
        if any(isinstance(event, FinalEvent) for event in events):
            return
        if not is_alive:
            raise StudioError("the process that measures ended without a word.", local.log_tail(directory, 3))
        time.sleep(LOOK_EVERY_SECONDS)


@contextmanager
def _folder(runs_path: Path) -> Iterator[RunDirectory]:
    """A run directory for a moment, on the disk where the run's would be; whoever works on it ends with it."""
    for left in runs_path.glob(f"{PREFIX}*"):  # by a studio that was killed
        if not is_locked(RunDirectory(left).lock_path):
            shutil.rmtree(left, ignore_errors=True)
    with writing(runs_path):
        runs_path.mkdir(exist_ok=True)
        directory = RunDirectory(Path(tempfile.mkdtemp(prefix=PREFIX, dir=runs_path)))
    try:
        with writing(directory.path):
            yield directory
    finally:
        if is_locked(directory.lock_path):
            with contextlib.suppress(StudioError):  # it may end in this very moment
                local.cancel(directory)
        shutil.rmtree(directory.path, ignore_errors=True)
