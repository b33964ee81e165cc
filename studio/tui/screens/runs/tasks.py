"""Which tasks' evaluations the chart of a run shows, and how each looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from studio.reports.mixture import task_word
from studio.runs.series import Series

GLYPHS = "▲■◆▼✚✖"  # one a task, so many at once
STYLES = ("overlay-1", "overlay-2", "overlay-3")


@dataclass(frozen=True)
class TaskChoice:
    """All tasks together and each besides, only together (``is_each`` is False), or one task: ``only``."""

    is_each: bool = True
    only: str | None = None

    def following(self, tasks: Sequence[str]) -> TaskChoice:
        """What comes after this one, of a run that has these tasks."""
        choices = [TaskChoice(), TaskChoice(is_each=False), *(TaskChoice(is_each=False, only=task) for task in tasks)]
        return choices[(choices.index(self) + 1) % len(choices)] if self in choices else choices[0]

    def losses(self, series: Series) -> list[float]:
        """The evaluations' losses that are the run's own curve; none where it lacks the chosen task."""
        return series.eval_loss if self.only is None else series.task_losses.get(self.only, [])

    @property
    def words(self) -> str:
        if self.only is not None:
            return f"evaluations of {task_word(self.only)}"
        return "evaluations of each task" if self.is_each else "evaluations of all tasks together"


@dataclass(frozen=True)
class TaskCurve:
    """One task's evaluations, and what tells them from the other tasks'."""

    task: str
    losses: list[float]
    glyph: str
    style: str


def task_curves(series: Series) -> list[TaskCurve]:
    """A curve for each task of a run that has several; of many those that there are glyphs for."""
    found = list(series.task_losses.items())[: len(GLYPHS)]
    return [
        TaskCurve(task, losses, GLYPHS[place], STYLES[place % len(STYLES)])
        for place, (task, losses) in enumerate(found)
    ]
