"""Overfitting: evaluations rise while the training loss still falls."""

from __future__ import annotations

import math
from itertools import pairwise
from statistics import fmean

from studio.runs.watchdogs.watchdog import Alarm, SeenEvaluation, SeenStep, Watchdog

RISES = 3
LEAST_RISE = 0.02


class Overfitting(Watchdog):
    NAME = "overfitting"
    ABOUT = "evaluations that rise while the training loss falls"

    def __init__(self) -> None:
        self._since_evaluation: list[float] = []
        self._evaluations: list[tuple[int, float, float]] = []  # step, loss, mean training loss since the one before

    def on_step(self, seen: SeenStep) -> Alarm | None:
        if math.isfinite(seen.loss):
            self._since_evaluation.append(seen.loss)
        return None

    def on_evaluation(self, seen: SeenEvaluation) -> Alarm | None:
        if not self._since_evaluation or not math.isfinite(seen.eval_loss):
            return None
        self._evaluations.append((seen.step, seen.eval_loss, fmean(self._since_evaluation)))
        self._since_evaluation = []
        best = min(range(len(self._evaluations)), key=lambda at: self._evaluations[at][1])
        after = self._evaluations[best:]
        rises = all(later[1] > earlier[1] for earlier, later in pairwise(after))
        best_step, best_loss, training_then = after[0]
        is_worse = seen.eval_loss > best_loss * (1 + LEAST_RISE)
        if len(after) <= RISES or not rises or not is_worse or after[-1][2] >= training_then:
            return None
        return Alarm(
            f"evaluations rise since step {best_step} ({best_loss:.3g} → {seen.eval_loss:.3g}) "
            "while the training loss falls",
            f"It learns its rows by heart. The result is that of step {best_step}; patience=3 stops it there.",
            best_step + 1,
        )
