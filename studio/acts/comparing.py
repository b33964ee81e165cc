"""Comparing arms on the same held-out rows."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio.acts.base_model import with_base_model
from studio.acts.training import frozen
from studio.dataset.store import Example, Store
from studio.errors import AskedWrongly, StudioError
from studio.project import Project
from studio.runs.directory import FrozenRow, RunDirectory, read_rows, write_rows
from studio.runs.places.local import complete, launch, new_run_directory
from studio.runs.specs import CompareSpec, TrainSpec, shots_of
from studio.runs.watch import RunWatch, find_run, runs_in, scores_in
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
            return ModelFolder(Path(self.spec.model_path)).context_window
        except StudioError:
            return None


def start_comparison(project: Project, store: Store, spec: CompareSpec) -> str:
    """Freeze the held-out rows and the pool of shots, start the process; the run id.

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
    needed = max(shots_of(arm) for arm in spec.arms)
    for task in sorted({example.task for example in test}):
        have = sum(row.task == task for row in pool)
        if have < needed:
            raise AskedWrongly(
                f"{needed} shots are asked for, but task {task!r} has {have} training rows to take them from.",
                "Use fewer shots, or leave the task out with tasks=.",
            )
    directory = new_run_directory(project.runs_path, "compare")
    write_rows(directory.rows_path("test"), frozen(test))
    write_rows(directory.rows_path("train"), pool)
    complete(directory, spec)
    launch(directory)
    return directory.run_id


def load_comparison(project: Project, run_id: str) -> LoadedComparison:
    """A comparison from its run directory. A prediction line torn by a crash is passed over: it is made again."""
    directory = find_run(project.runs_path, run_id)
    spec = directory.spec()
    if not isinstance(spec, CompareSpec):
        raise AskedWrongly(f"{directory.run_id} is a {spec.kind} run, not a comparison.")
    scores = scores_in(directory)
    return LoadedComparison(
        run_id=directory.run_id,
        spec=spec,
        rows=read_rows(directory.rows_path("test")),
        predictions=read_predictions(directory),
        scores=Comparison.from_dict(scores) if scores else None,
    )


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


def read_predictions(directory: RunDirectory) -> list[dict[str, Any]]:
    predictions = []
    try:
        with directory.predictions_path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                try:
                    predictions.append(json.loads(line))
                except ValueError:  # torn by a crash
                    continue
    except FileNotFoundError:
        return []
    return predictions


def _with_run(run: RunDirectory, spec: CompareSpec) -> tuple[CompareSpec, list[FrozenRow]]:
    trained = run.spec()
    if not isinstance(trained, TrainSpec):
        raise AskedWrongly(f"{run.run_id} is a {trained.kind} run, not a train run.")
    if spec.base_model and spec.base_model != trained.base_model:
        raise AskedWrongly(
            f"base_model={spec.base_model}, but {run.run_id} was trained on {trained.base_model}.",
            "Leave base_model out: the arms must share one base model.",
        )
    tuned = tuned_path(run, trained)
    spec = dataclasses.replace(
        spec,
        run_id=run.run_id,
        base_model=trained.base_model,
        tuned_path=str(tuned.resolve()),
        tuned_method=trained.method,
        tasks=spec.tasks or trained.tasks,
    )
    return spec, read_rows(run.rows_path("train"))


def tuned_path(run: RunDirectory, spec: TrainSpec) -> Path:
    """Folder of what the run has made so far. Raises StudioError while there is nothing."""
    path = _tuned_folder(run, spec)
    if not path.exists():
        raise StudioError(
            f"{run.run_id} has made no {path.name} yet.", "Wait for it to finish, or stop it: that saves what it has."
        )
    return path


def _tuned_folder(run: RunDirectory, spec: TrainSpec) -> Path:
    return run.adapter_path if spec.method == "lora" else run.model_path


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
