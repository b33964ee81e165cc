"""A plateau: the training loss has stopped falling while the learning rate is still high."""

from __future__ import annotations

import math
from collections import deque
from statistics import fmean

from studio.runs.watchdogs.watchdog import Alarm, SeenStep, Watchdog

WINDOW_STEPS = 100
LEAST_GAIN = 0.005
HIGH_RATE_SHARE = 0.3  # below this share of the peak a schedule ends, and so does the falling


class Plateau(Watchdog):
    NAME = "plateau"
    ABOUT = "a training loss that no longer falls while the learning rate is high"

    def __init__(self) -> None:
        self._losses: deque[float] = deque(maxlen=2 * WINDOW_STEPS)
        self._peak_rate = 0.0

    def on_step(self, seen: SeenStep) -> Alarm | None:
        if math.isfinite(seen.loss):
            self._losses.append(seen.loss)
        is_rising = seen.learning_rate > self._peak_rate
        self._peak_rate = max(self._peak_rate, seen.learning_rate)
        if is_rising or len(self._losses) < 2 * WINDOW_STEPS or seen.learning_rate < HIGH_RATE_SHARE * self._peak_rate:
            return None
        losses = list(self._losses)
        before, now = fmean(losses[:WINDOW_STEPS]), fmean(losses[WINDOW_STEPS:])
        gain = before - now
        # Half of a window's own standard error is less than chance moves its mean: no gain can be told from none.
        noise = 0.5 * math.sqrt(fmean((loss - now) ** 2 for loss in losses[WINDOW_STEPS:]) / WINDOW_STEPS)
        if gain > max(LEAST_GAIN * abs(before), noise):
            return None
        return Alarm(
            f"the mean loss of the last {WINDOW_STEPS} steps is {now:.3g}, that of those before {before:.3g}",
            "It may have learned what it can: stop it, or try a higher rank or learning_rate in another run.",
            seen.step - WINDOW_STEPS + 1,
        )
