"""A stall: a step took many times what steps take here. While one hangs, the run's status says ``stalled``."""

from __future__ import annotations

from collections import deque
from statistics import median

from studio.runs.watchdogs.watchdog import Alarm, SeenStep, Watchdog

RECENT_STEPS = 50
LEAST_STEPS = 5
TIMES_THE_USUAL = 20.0
LEAST_SECONDS = 60.0


class Stall(Watchdog):
    NAME = "stall"
    ABOUT = "a step that took many times the usual"

    def __init__(self) -> None:
        self._seconds: deque[float] = deque(maxlen=RECENT_STEPS)

    def on_step(self, seen: SeenStep) -> Alarm | None:
        usual = median(self._seconds) if len(self._seconds) >= LEAST_STEPS else None
        self._seconds.append(seen.seconds)
        if usual is None or seen.seconds < max(LEAST_SECONDS, TIMES_THE_USUAL * usual):
            return None
        return Alarm(
            f"this step took {seen.seconds:,.0f} s, one takes {usual:.3g} s",
            "The machine slept, swapped or was busy: see what else runs there, and its memory.",
            seen.step,
        )
