"""Would more labels help? Two short runs, on a quarter of the rows and on all, answer the same held-out rows."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from studio.acts.comparing import load_comparison, start_comparison
from studio.acts.training import start_training
from studio.dataset.store import Store
from studio.errors import AskedWrongly
from studio.project import Project
from studio.runs.specs import CompareSpec, TrainSpec
from studio.scoring.contrasts import Contrast
from studio.scoring.scored_rows import score_rows
from studio.scoring.summary import summarize_scored

STEPS = 48
PART = 4  # every fourth row
FEWEST_ROWS = 8 * PART
ROWS_ANSWERED = 48


@dataclass(frozen=True)
class Curve:
    """All rows of a task against a quarter of them, after as many steps: ``contrast`` is all less the quarter."""

    task: str
    scorer: str
    rows: int
    rows_of_part: int
    contrast: Contrast | None


def short_runs(project: Project, store: Store, task: str) -> tuple[TrainSpec, TrainSpec]:
    """The specs of the two runs: a quarter of the training rows, then all, the quarter seen four times as often.

    Raises AskedWrongly for a task that has too few rows for a quarter of them to say anything.
    """
    rows = store.task_splits().get(task, {}).get("train", 0)
    if rows < FEWEST_ROWS:
        raise AskedWrongly(
            f"task {task!r} has {rows} training rows; a learning curve needs {FEWEST_ROWS} or more.",
            "Label more, or studio split.",
        )
    whole = TrainSpec(
        tasks=(task,),
        max_length=project.settings().max_length,
        overlong="drop",
        epochs=round(STEPS * TrainSpec.batch_size / rows, 3),
        eval_every=math.ceil(STEPS / 2),
    )
    return replace(whole, where=f"example_id % {PART} = 0", epochs=round(whole.epochs * PART, 3)), whole


def start_short_run(project: Project, store: Store, spec: TrainSpec) -> str:
    """Start one of them; its id. Raises StudioError as any training does."""
    return start_training(project, store, spec)


def start_curve(project: Project, store: Store, task: str, part: str, whole: str) -> str:
    """Let what both runs made answer the same validation rows; the id of the comparison."""
    arms = (f"tuned:{part}", f"tuned:{whole}")
    spec = CompareSpec(arms=arms, tasks=(task,), split="validation", limit=ROWS_ANSWERED, latency_rows=0, probe_rows=0)
    return start_comparison(project, store, spec)


def curve_of(project: Project, store: Store, task: str, comparison_id: str) -> Curve:
    """What the comparison of both shows. Raises StudioError where it is damaged."""
    loaded = load_comparison(project, comparison_id)
    _, whole = loaded.spec.arms
    found = summarize_scored(score_rows(loaded.rows, loaded.predictions), tuned=[whole])
    rows = store.task_splits().get(task, {}).get("train", 0)
    title = next(scorer.title for scorer in found.scorers if scorer.name == found.headline_scorer)
    return Curve(task, title, rows, rows // PART, found.contrasts[0] if found.contrasts else None)
