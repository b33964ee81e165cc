"""One life of a run's process: its directory, its events and whether somebody asked it to stop."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from types import FrameType
from typing import TypeVar

from studio.errors import StudioError
from studio.runs.directory import RunDirectory
from studio.runs.events import Event, EventWriter, read_events

EventT = TypeVar("EventT", bound=Event)


@dataclass
class Session:
    """Handed to ``train`` and ``compare``. Imports no torch, so that ``started`` is written before torch loads.

    ``owns_process``: nothing else happens in this process, so that limits may be put on it.
    """

    directory: RunDirectory
    events: EventWriter
    owns_process: bool = False
    _was_signalled: bool = field(default=False, init=False)

    def listen(self) -> None:
        """SIGTERM asks to stop in an orderly way, however often it comes; a closing terminal changes nothing."""
        signal.signal(signal.SIGTERM, self._note_signal)
        signal.signal(signal.SIGINT, self._note_signal)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def is_stop_asked(self) -> bool:
        """Whether a signal or the ``stop`` file came. Raises StudioError when the run directory is gone."""
        if not self.directory.spec_path.exists():
            raise StudioError(f"{self.directory.path}: the run directory was removed while the run was working.")
        return self._was_signalled or self.directory.stop_path.exists()

    def last_event(self, kind: type[EventT]) -> EventT | None:
        """The newest event of that kind, of this life or an earlier one."""
        return next(reversed(self.events_of(kind)), None)

    def events_of(self, kind: type[EventT]) -> list[EventT]:
        """All events of that kind, of every life, oldest first."""
        events, _ = read_events(self.directory.events_path)
        return [event for event in events if isinstance(event, kind)]

    def _note_signal(self, number: int, frame: FrameType | None) -> None:
        self._was_signalled = True
