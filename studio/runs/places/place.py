"""What a place is: somewhere a run's process can live."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from studio.runs.directory import RunDirectory


class ProcessState(StrEnum):
    """What a place knows of a run's process without reading what the run said."""

    ALIVE = "alive"
    GONE = "gone"


@dataclass(frozen=True)
class Place:
    """``submit`` starts the process of a complete run directory and returns when it has said ``started``; it raises
    StudioError when it does not start. ``state`` looks at the process. ``cancel`` ends it at once, without a last
    checkpoint; it raises StudioError where that is not possible. ``log`` gives the last lines of its output.
    """

    name: str
    about: str
    submit: Callable[[RunDirectory], None]
    state: Callable[[RunDirectory], ProcessState]
    cancel: Callable[[RunDirectory], None]
    log: Callable[[RunDirectory, int], str]
