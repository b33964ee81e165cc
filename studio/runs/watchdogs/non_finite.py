"""A loss or gradient that is no number. Such a step never changes the weights, whatever is done about it."""

from __future__ import annotations

import math

from studio.runs.watchdogs.watchdog import Action, Alarm, SeenStep, Watchdog


class NonFinite(Watchdog):
    NAME = "non_finite"
    ABOUT = "a loss or gradient that is NaN or infinite"
    USUAL = Action.STOP

    def on_step(self, seen: SeenStep) -> Alarm | None:
        if math.isfinite(seen.loss) and math.isfinite(seen.grad_norm):
            return None
        return Alarm(
            f"the loss is {seen.loss}, its gradient norm {seen.grad_norm}",
            "Look at the examples of this step; a lower learning_rate or dtype=float32 often helps.",
            seen.step,
        )
