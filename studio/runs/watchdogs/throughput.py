"""A throughput drop: tokens per second are far below what this very run has reached and kept."""

from __future__ import annotations

from collections import deque
from statistics import median

from studio.runs.watchdogs.watchdog import Alarm, SeenStep, Watchdog

WINDOW_STEPS = 20
SLOW_SHARE = 0.5


class Throughput(Watchdog):
    NAME = "throughput"
    ABOUT = "a speed that fell to less than half of what the run had reached"

    def __init__(self) -> None:
        self._speeds: deque[float] = deque(maxlen=WINDOW_STEPS)
        self._best = 0.0

    def on_step(self, seen: SeenStep) -> Alarm | None:
        self._speeds.append(seen.tokens_per_second)
        if len(self._speeds) < WINDOW_STEPS:
            return None
        speed = median(self._speeds)
        self._best = max(self._best, speed)
        if speed >= SLOW_SHARE * self._best:
            return None
        return Alarm(
            f"{speed:,.0f} tokens/s over the last {WINDOW_STEPS} steps, {self._best:,.0f} before",
            "Another program takes the cores, or they run hot: top shows it; p pauses this run meanwhile.",
            seen.step - WINDOW_STEPS + 1,
        )
