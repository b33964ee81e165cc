"""Comparing arms on the same held-out rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from studio.acts.answering import TunedRun, answering_by, tuned_runs, with_own_checkpoints
from studio.acts.base_model import with_base_model
from studio.acts.training import frozen
from studio.dataset.store import Example, Store
from studio.dataset.texts import prompt_hash
from studio.errors import AskedWrongly, StudioError
from studio.files import JsonObject
from studio.project import Project
from studio.runs.arms.answering import Answering, write_answering
from studio.runs.directory import FrozenRow, RunDirectory, find_run, new_run, read_rows, runs_in, write_rows
from studio.runs.predictions import read_predictions
from studio.runs.process import submit
from studio.runs.specs import CompareSpec, read_spec, write_spec
from studio.runs.watch import RunWatch, scores_in
from studio.scoring.summary import Comparison
from studio.tokens.tokenizer import ModelFolder


@dataclass(frozen=True)
class LoadedComparison:
    """A comparison as far as it has come; ``scores`` is None until it has finished."""

    run_id: str
    spec: CompareSpec
    rows: list[FrozenRow]
    predictions: list[dict[str, Any]]
    scores: Comparison | None

    @property
    def context_window(self) -> int | None:
        """Of the base model; None where its folder is gone."""
        try:
            return ModelFolder(Path(self.spec.model_path)).window.tokens
        except StudioError:
            return None


@dataclass(frozen=True)
class ComparePlan:
    """What a comparison would do on the rows there are now: ``rows`` held-out ones, answered by every arm of ``spec``.

    ``answering`` says who answers, by the arm's text. ``forecast_seconds`` goes by the newest comparison on the same
    base model; None where there is none.
    """

    spec: CompareSpec
    rows: list[FrozenRow]
    pool: list[FrozenRow]
    answering: dict[str, Answering]
    forecast_seconds: float | None

    @property
    def answers(self) -> int:
        """How many answers all arms give together."""
        return len(self.rows) * len(self.spec.arms)


def plan_comparison(project: Project, store: Store, spec: CompareSpec) -> ComparePlan:
    """Which rows ``spec`` would have answered by whom, and how long that takes. Call it off the UI thread.

    With a run, its own frozen training rows are the pool and its base model and tasks are taken over. Raises
    AskedWrongly when there is nothing to answer or nothing to take shots from.
    """
    runs = tuned_runs(project, spec)
    spec = _with_run(runs, spec)
    spec, _ = with_base_model(project, spec)
    answering = answering_by(project, spec, runs)
    test = _evenly_over_tasks(
        store.rows_for(spec.split, tasks=spec.tasks, labels=("accept", "none"), where=""), spec.limit
    )
    if not test:
        raise AskedWrongly(
            f"no row is in the {spec.split} split.", "Assign the splits first: studio split, or S on Data."
        )
    pool = _pool(store, spec, runs)
    _refuse_too_many_shots(spec, {example.task for example in test}, pool)
    answers = len(test) * len(spec.arms)
    return ComparePlan(spec, frozen(test), pool, answering, _forecast(project, spec, answers))


def _pool(store: Store, spec: CompareSpec, runs: Mapping[str, TunedRun]) -> list[FrozenRow]:
    """What examples are taken from: what the first of the runs learned from, or else the train split as it is."""
    for run in runs.values():
        rows = read_rows(run.directory.rows_path("train"))
        # Rows that an older studio froze have no hash yet; the test rows beside them have.
        return [replace(row, prompt_hash=row.prompt_hash or prompt_hash(row.prompt)) for row in rows]
    return frozen(store.rows_for("train", tasks=spec.tasks, labels=("accept", "none"), where=""))


def _refuse_too_many_shots(spec: CompareSpec, tasks: Collection[str], pool: Sequence[FrozenRow]) -> None:
    needed = max(arm.prompting.shots for arm in spec.parsed_arms)
    for task in sorted(tasks):
        have = sum(row.task == task for row in pool)
        if have < needed:
            raise AskedWrongly(
                f"{needed} shots are asked for, but task {task!r} has {have} training rows to take them from.",
                "Use fewer shots, or leave the task out with tasks=.",
            )


def start_comparison(project: Project, store: Store, spec: CompareSpec) -> str:
    """Freeze the held-out rows and the pool of shots, start the process; the run id. Raises as ``plan_comparison``."""
    plan = plan_comparison(project, store, spec)
    with new_run(project.runs_path, "compare") as directory:
        write_rows(directory.rows_path("test"), plan.rows)
        write_rows(directory.rows_path("train"), plan.pool)
        write_answering(directory, with_own_checkpoints(directory, plan.answering))
        write_spec(directory, plan.spec)
        submit(directory)
    return directory.run_id


def _forecast(project: Project, spec: CompareSpec, answers: int) -> float | None:
    """Seconds by what an answer took in the newest finished comparison on this base model, loading included."""
    for directory in runs_in(project.runs_path):
        watch = RunWatch(directory)
        earlier = watch.spec
        if isinstance(earlier, CompareSpec) and earlier.model_path == spec.model_path:
            state = watch.poll()
            if state.status == "finished" and state.step and state.elapsed_seconds:
                return answers * state.elapsed_seconds / state.step
    return None


def load_comparison(project: Project, run_id: str) -> LoadedComparison:
    """A comparison from its run directory. Raises StudioError where a file of it is damaged."""
    directory = find_run(project.runs_path, run_id)
    spec = read_spec(directory)
    if not isinstance(spec, CompareSpec):
        raise AskedWrongly(f"{directory.run_id} is a {spec.kind} run, not a comparison.")
    scores = scores_in(directory)
    return LoadedComparison(
        run_id=directory.run_id,
        spec=spec,
        rows=read_rows(directory.rows_path("test")),
        predictions=read_predictions(directory),
        scores=_comparison_from(directory, scores) if scores else None,
    )


def _comparison_from(directory: RunDirectory, scores: JsonObject) -> Comparison:
    try:
        return Comparison.from_dict(scores)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StudioError(
            f"{directory.scores_path.name} is damaged: it holds no scores.",
            f"They are made anew from the answers: studio resume {directory.run_id}",
        ) from error


def _with_run(runs: Mapping[str, TunedRun], spec: CompareSpec) -> CompareSpec:
    """The spec on the base model of the first run, and on its tasks where none are named."""
    for run in runs.values():
        if spec.run_id and spec.base_model and spec.base_model != run.spec.base_model:
            raise AskedWrongly(
                f"base_model={spec.base_model}, but {run.directory.run_id} was trained on {run.spec.base_model}.",
                "Leave base_model out: the arms must share one base model.",
            )
        run_id = run.directory.run_id if spec.run_id else ""
        return replace(
            spec,
            run_id=run_id,
            base_model=spec.base_model or run.spec.base_model,
            tasks=spec.tasks or run.spec.tasks,
        )
    return spec


def _evenly_over_tasks(examples: list[Example], limit: int) -> list[Example]:
    """At most ``limit`` examples, taken in turn from each task, so that a small task is not crowded out."""
    if not limit or len(examples) <= limit:
        return examples
    by_task: dict[str, list[Example]] = {}
    for example in examples:
        by_task.setdefault(example.task, []).append(example)
    chosen: list[Example] = []
    depth = 0
    while len(chosen) < limit:
        chosen += [of_task[depth] for of_task in by_task.values() if depth < len(of_task)]
        depth += 1
    return sorted(chosen[:limit], key=lambda example: example.example_id)
