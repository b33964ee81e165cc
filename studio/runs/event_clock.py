"""One line of time through a run's events, though the machine's clock is set while it works.

Rates, the time left and the time taken are differences. A clock that is set back made them negative, and one that jumps
ahead, as on a machine that asks for the time after it has started, added hours to a run of minutes.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from studio.runs.events import Event, Started

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

steady_seconds = time.monotonic  # by a clock that nobody sets


class EventClock:
    """Follows the events of one run in their order."""

    def __init__(self) -> None:
        self._base: tuple[float, float] | None = None  # of this life: time and clock of its first event
        self._newest = self._written_at = self._lag = 0.0
        self._read_at: float | None = None

    def take(self, event: Event) -> Event:
        """The event with its ``time`` on the line: never before the one before, and as far from it as it really was."""
        if isinstance(event, Started) or self._base is None:
            self._base = None if event.clock is None else (max(event.time, self._newest), event.clock)
        self._newest, self._written_at = max(self._newest, self._time_of(event)), event.time
        return replace(event, time=self._newest)

    def take_many(self, times: NDArray[np.float64], clocks: NDArray[np.float64]) -> NDArray[np.float64]:
        """As ``take`` of events of one life, by their times and clocks, float64 (n,): their times on the line."""
        if not len(times):
            return times
        import numpy as np  # only long runs are read like this

        if self._base is None:
            self._base = (max(float(times[0]), self._newest), float(clocks[0]))
        began, clock = self._base
        on_line = np.maximum.accumulate(np.maximum(began + clocks - clock, self._newest))
        self._newest, self._written_at = float(on_line[-1]), float(times[-1])
        return on_line

    def note_reading(self) -> None:
        """All events that there are have been taken; those of a first look may be old, later ones are just written."""
        self._lag = max(0.0, time.time() - self._written_at) if self._read_at is None else 0.0
        self._read_at = steady_seconds()

    def now(self) -> float:
        """The present on the line."""
        if self._read_at is None:
            return time.time()
        return self._newest + self._lag + steady_seconds() - self._read_at

    def _time_of(self, event: Event) -> float:
        if self._base is None or event.clock is None:  # an older studio's: only its own clock can be asked
            return event.time
        began, clock = self._base
        return began + event.clock - clock
