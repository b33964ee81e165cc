"""A run's process, wherever its place is."""

from __future__ import annotations

from studio.errors import StudioError
from studio.runs.directory import RunDirectory
from studio.runs.places import PLACES, place_named
from studio.runs.places.local import LOG_TAIL_LINES
from studio.runs.places.place import Place
from studio.runs.specs import read_spec


def submit(directory: RunDirectory) -> None:
    """Start it, anew or again, and return when it has said ``started``. Raises StudioError when it does not."""
    place_named(read_spec(directory).place).submit(directory)


def cancel(directory: RunDirectory) -> None:
    """End it at once, without a last checkpoint. Raises StudioError where that is not possible."""
    _place_of(directory).cancel(directory)


def log_tail(directory: RunDirectory, lines: int = LOG_TAIL_LINES) -> str:
    """The last lines of its output."""
    return _place_of(directory).log(directory, lines)


def _place_of(directory: RunDirectory) -> Place:
    try:
        return place_named(read_spec(directory).place)
    except StudioError:  # a damaged spec names no place; what is here can still be looked at
        return PLACES[0]
