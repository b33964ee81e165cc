"""Divergence: the loss leaves the range of its recent values upwards and stays there, or leaves it very far.

The range is told by median and median absolute deviation (times 1.4826, which makes it the standard deviation of a
normal distribution), because one odd batch moves neither.
"""

from __future__ import annotations

import math
from collections import deque
from statistics import median

from studio.runs.watchdogs.watchdog import Alarm, SeenStep, Watchdog

BASELINE_STEPS = 50
LEAST_STEPS = 15
STAYS_FOR_STEPS = 3
HIGH, VERY_HIGH = 6.0, 20.0  # deviations
# A loss that hardly varies makes every wiggle many deviations: what rose by less than these shares is no divergence.
HIGH_SHARE, VERY_HIGH_SHARE = 0.3, 1.5


class Divergence(Watchdog):
    NAME = "divergence"
    ABOUT = "a training loss that leaves its recent range upwards and does not come back"

    def __init__(self) -> None:
        self._usual: deque[float] = deque(maxlen=BASELINE_STEPS)
        self._high_since: int | None = None

    def on_step(self, seen: SeenStep) -> Alarm | None:
        if not math.isfinite(seen.loss):
            return None
        if len(self._usual) < LEAST_STEPS:
            self._usual.append(seen.loss)
            return None
        middle = median(self._usual)
        spread = 1.4826 * median(abs(loss - middle) for loss in self._usual)
        if seen.loss <= middle + max(HIGH * spread, HIGH_SHARE * abs(middle)):
            self._high_since = None
            self._usual.append(seen.loss)
            return None
        since = self._high_since = self._high_since or seen.step
        is_very_high = seen.loss > middle + max(VERY_HIGH * spread, VERY_HIGH_SHARE * abs(middle))
        if seen.step - since + 1 < STAYS_FOR_STEPS and not is_very_high:
            return None
        return Alarm(
            f"the loss is {seen.loss:.3g}, its recent median {middle:.3g}: it diverges since step {since}",
            "Look at the examples of that step; a lower learning_rate, more warm-up or max_grad_norm keeps it steady.",
            since,
        )
