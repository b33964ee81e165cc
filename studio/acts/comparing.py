"""Comparing arms on the same held-out rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from studio.acts.base_model import with_base_model
from studio.acts.training import frozen
from studio.dataset.store import Example, Store
from studio.dataset.texts import prompt_hash
from studio.errors import AskedWrongly, StudioError
from studio.files import JsonObject
from studio.project import Project
from studio.runs.directory import FrozenRow, RunDirectory, find_run, new_run, read_rows, runs_in, write_rows
from studio.runs.predictions import read_predictions
from studio.runs.process import submit
from studio.runs.specs import CompareSpec, TrainSpec, read_spec, write_spec
from studio.runs.watch import RunWatch, scores_in
from studio.scoring.comparison import Comparison
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

    ``forecast_seconds`` goes by the newest comparison on the same base model; None where there is none.
    """

    spec: CompareSpec
    rows: list[FrozenRow]
    pool: list[FrozenRow]
    forecast_seconds: float | None

    @property
    def answers(self) -> int:
        """How many answers all arms give together."""
        return len(self.rows) * len(self.spec.arms)


def plan_comparison(project: Project, store: Store, spec: CompareSpec) -> ComparePlan:
    """Which rows ``spec`` would have answered, and how long that takes. Call it off the UI thread.

    With a run, its own frozen training rows are the pool and its base model and tasks are taken over. Raises
    AskedWrongly when there is nothing to answer or nothing to take shots from.
    """
    pool: list[FrozenRow] | None = None
    if spec.run_id:
        spec, pool = _with_run(find_run(project.runs_path, spec.run_id), spec)
    spec, _ = with_base_model(project, spec)
    test = _evenly_over_tasks(
        store.rows_for(spec.split, tasks=spec.tasks, labels=("accept", "none"), where=""), spec.limit
    )
    if not test:
        raise AskedWrongly(
            f"no row is in the {spec.split} split.", "Assign the splits first: studio split, or S on Data."
        )
    if pool is None:
        pool = frozen(store.rows_for("train", tasks=spec.tasks, labels=("accept", "none"), where=""))
    needed = max(arm.shots for arm in spec.parsed_arms)
    for task in sorted({example.task for example in test}):
        have = sum(row.task == task for row in pool)
        if have < needed:
            raise AskedWrongly(
                f"{needed} shots are asked for, but task {task!r} has {have} training rows to take them from.",
                "Use fewer shots, or leave the task out with tasks=.",
            )
    answers = len(test) * len(spec.arms)
    return ComparePlan(spec, frozen(test), pool, _forecast(project, spec, answers))


def start_comparison(project: Project, store: Store, spec: CompareSpec) -> str:
    """Freeze the held-out rows and the pool of shots, start the process; the run id. Raises as ``plan_comparison``."""
    plan = plan_comparison(project, store, spec)
    with new_run(project.runs_path, "compare") as directory:
        write_rows(directory.rows_path("test"), plan.rows)
        write_rows(directory.rows_path("train"), plan.pool)
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


def tuned_run_ids(project: Project) -> list[str]:
    """The train runs that can answer, newest first."""
    found = []
    for directory in runs_in(project.runs_path):
        spec = RunWatch(directory).spec
        if isinstance(spec, TrainSpec) and _tuned_folder(directory, spec).exists():
            found.append(directory.run_id)
    return found


def newest_tuned(project: Project) -> str:
    """The newest train run that can answer. Raises AskedWrongly when there is none."""
    for run_id in tuned_run_ids(project):
        return run_id
    raise AskedWrongly(
        "no run has made an adapter or a model yet.", "studio train --wait, or leave the arm 'tuned' out."
    )


def _with_run(run: RunDirectory, spec: CompareSpec) -> tuple[CompareSpec, list[FrozenRow]]:
    trained = read_spec(run)
    if not isinstance(trained, TrainSpec):
        raise AskedWrongly(f"{run.run_id} is a {trained.kind} run, not a train run.")
    if spec.base_model and spec.base_model != trained.base_model:
        raise AskedWrongly(
            f"base_model={spec.base_model}, but {run.run_id} was trained on {trained.base_model}.",
            "Leave base_model out: the arms must share one base model.",
        )
    tuned = tuned_path(run, trained)
    spec = replace(
        spec,
        run_id=run.run_id,
        base_model=trained.base_model,
        tuned_path=str(tuned.resolve()),
        tuned_method=trained.method,
        tasks=spec.tasks or trained.tasks,
    )
    pool = read_rows(run.rows_path("train"))
    # Rows that an older studio froze have no hash yet; the test rows beside them have.
    return spec, [replace(row, prompt_hash=row.prompt_hash or prompt_hash(row.prompt)) for row in pool]


def tuned_path(run: RunDirectory, spec: TrainSpec) -> Path:
    """Folder of what the run has made so far. Raises StudioError while there is nothing."""
    path = _tuned_folder(run, spec)
    if not path.exists():
        raise StudioError(
            f"{run.run_id} has made no {path.name} yet.", "Wait for it to finish, or stop it: that saves what it has."
        )
    return path


def _tuned_folder(run: RunDirectory, spec: TrainSpec) -> Path:
    return run.result_path(spec.how.leaves)


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
