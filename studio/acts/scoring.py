"""How a comparison will be scored: what decides each task, what else is worked out, which of the project's code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from studio.errors import AskedWrongly
from studio.project import Project
from studio.runs.directory import FrozenRow
from studio.runs.specs import CompareSpec
from studio.scoring.own_scorers import OwnScorer, own_scorer_from, own_scorers_in
from studio.scoring.primary import deciding_scorer, named_by, primary_scorers
from studio.scoring.scorers import SCORERS
from studio.scoring.scorers.scorer import Scorer


@dataclass(frozen=True)
class TaskPlan:
    """Which score decides a task, and whether a person named it; ``rows`` it is asked of."""

    task: str
    scorer: Scorer
    is_named: bool
    rows: int


def with_scoring(project: Project, spec: CompareSpec) -> CompareSpec:
    """``spec`` with what studio.toml says of scores, where the spec itself does not. Raises AskedWrongly."""
    settings = project.settings()
    own = own_scorers_in(settings.scorers, project.root)
    by_task = {**settings.scores, **named_by(spec.primary)}
    known = (*SCORERS, *(one.as_scorer for one in own))
    for name in by_task.values():
        deciding_scorer(name, known)
    extras = {scorer.name for scorer in SCORERS if scorer.is_extra}
    if unknown := set(spec.scorers) - {scorer.name for scorer in SCORERS}:
        raise AskedWrongly(
            f"scorers={unknown.pop()} is no score.", f"Not worked out else: {', '.join(sorted(extras))}."
        )
    return replace(
        spec,
        primary=tuple(f"{task}={name}" for task, name in by_task.items()),
        scorers=tuple(dict.fromkeys([*spec.scorers, *(name for name in by_task.values() if name in extras)])),
        own_scorers=tuple(one.text for one in own),
    )


def own_scorers_of(spec: CompareSpec) -> list[OwnScorer]:
    """The functions of the project that the comparison would run, or has run."""
    return [own_scorer_from(text) for text in spec.own_scorers]


def task_plans(spec: CompareSpec, rows: Sequence[FrozenRow]) -> list[TaskPlan]:
    """Per task, what decides it. Raises AskedWrongly where that is asked of no row of a task."""
    named = named_by(spec.primary)
    known = (*SCORERS, *(one.as_scorer for one in own_scorers_of(spec)))
    plans = []
    for task, scorer in primary_scorers(rows, named, known).items():
        of_task = [row for row in rows if row.task == task]
        applies = sum(_applies(scorer, row, of_task) for row in of_task)
        if not applies:
            raise AskedWrongly(
                f"{scorer.name} is asked of no row of task {task!r}: its references do not have what it judges.",
                "Name another score in [scores] of studio.toml, or with --set primary=TASK=SCORE.",
            )
        plans.append(TaskPlan(task, scorer, task in named or "*" in named, applies))
    return plans


def _applies(scorer: Scorer, row: FrozenRow, of_task: Iterable[FrozenRow]) -> bool:
    if scorer.pooled is None:
        return scorer.applies(row.completion)
    return scorer.pooled.choose([(one.completion,) for one in of_task]) is not None
