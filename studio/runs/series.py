"""A run's numbers side by side, as its charts draw them."""

from __future__ import annotations

import bisect
import copy
import dataclasses
import math
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field

STEP_COLUMNS = ("step", "epoch", "tokens", "seconds", "loss", "learning_rate", "grad_norm", "tokens_per_second")


def _integers() -> array[int]:
    return array("q")


def _numbers() -> array[float]:
    return array("d")


@dataclass
class Series:
    """What the charts draw, one entry a step or one an evaluation. Steps are held as numbers side by side, which numpy
    reads where they are: of a run of a million steps they are 64 MB, and copied in a moment.
    """

    step: array[int] = field(default_factory=_integers)
    epoch: array[float] = field(default_factory=_numbers)
    tokens: array[int] = field(default_factory=_integers)
    seconds: array[float] = field(default_factory=_numbers)
    loss: array[float] = field(default_factory=_numbers)
    learning_rate: array[float] = field(default_factory=_numbers)
    grad_norm: array[float] = field(default_factory=_numbers)
    tokens_per_second: array[float] = field(default_factory=_numbers)
    eval_step: list[int] = field(default_factory=list)
    eval_loss: list[float] = field(default_factory=list)
    watched_loss: list[float] = field(default_factory=list)
    task_losses: dict[str, list[float]] = field(default_factory=dict)  # by task, as long as eval_step, with NaN
    checkpoints: list[int] = field(default_factory=list)
    warnings: list[tuple[int, str]] = field(default_factory=list)

    def cut_after(self, step: int) -> None:
        """Forget what came after ``step``: a resume goes on from its checkpoint and does those steps again."""
        keep = bisect.bisect_right(self.step, step)
        for name in STEP_COLUMNS:
            del getattr(self, name)[keep:]
        self.drop_evaluations(bisect.bisect_right(self.eval_step, step))
        self.checkpoints = [at for at in self.checkpoints if at <= step]
        self.warnings = [warning for warning in self.warnings if warning[0] <= step]

    def add_evaluation(self, step: int, loss: float, watched: float, of_tasks: Mapping[str, float]) -> None:
        """The newest evaluation; ``of_tasks`` is empty for a run of one task."""
        for task in of_tasks:
            self.task_losses.setdefault(task, [math.nan] * len(self.eval_step))
        for task, losses in self.task_losses.items():
            losses.append(of_tasks.get(task, math.nan))
        self.eval_step.append(step)
        self.eval_loss.append(loss)
        self.watched_loss.append(watched)

    def drop_evaluations(self, keep: int) -> None:
        """Forget all evaluations but the first ``keep``."""
        del self.eval_step[keep:], self.eval_loss[keep:], self.watched_loss[keep:]
        for losses in self.task_losses.values():
            del losses[keep:]

    def copied(self) -> Series:
        """The same, which nothing changes any more."""
        columns = {one.name: copy.copy(getattr(self, one.name)) for one in dataclasses.fields(self)}
        columns["task_losses"] = {task: losses[:] for task, losses in self.task_losses.items()}
        return Series(**columns)
