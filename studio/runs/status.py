"""How a run stands: computed from what its place says of its process and from its last event, never stored."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path

from studio.runs.directory import RunDirectory
from studio.runs.events import Event, FinalEvent, Paused
from studio.runs.places.place import ProcessState

STALLED_AFTER_SECONDS = 180.0
STARTING_FOR_SECONDS = 60.0


class Status(StrEnum):
    """``lost``: the process ended without a last word. ``stalled``: it lives and has been silent for minutes.
    ``paused``: it lives and waits, because somebody asked it to.

    ``damaged``: no process lives, and what the directory holds cannot all be read, so that nothing else is certain.
    """

    STARTING = "starting"
    RUNNING = "running"
    STALLED = "stalled"
    PAUSED = "paused"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"
    LOST = "lost"
    DAMAGED = "damaged"

    @property
    def is_live(self) -> bool:
        """Its process is there, or is expected any moment."""
        return self in (Status.STARTING, Status.RUNNING, Status.STALLED, Status.PAUSED)

    @property
    def can_resume(self) -> bool:
        return self in (Status.LOST, Status.STOPPED, Status.FAILED, Status.DAMAGED)


def status_of(
    directory: RunDirectory, process: ProcessState, last_event: Event | None, *, is_damaged: bool = False
) -> Status:
    """The status of a run, from its process and its newest event (None: it has said nothing yet)."""
    if process is ProcessState.ALIVE:
        if last_event is None:
            return Status.STARTING
        if isinstance(last_event, Paused):
            return Status.PAUSED
        is_silent = _age_seconds(directory.events_path) > STALLED_AFTER_SECONDS
        return Status.STALLED if is_silent else Status.RUNNING
    if is_damaged:
        return Status.DAMAGED
    if isinstance(last_event, FinalEvent):
        return Status(last_event.NAME)
    is_young = _age_seconds(directory.spec_path) < STARTING_FOR_SECONDS
    if last_event is None and is_young and not directory.process_path.exists():
        return Status.STARTING
    return Status.LOST


def _age_seconds(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0
