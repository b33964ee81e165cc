"""Comparing arms on the same held-out rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from studio.acts.answering import TunedRun, answering_by, tuned_runs, with_own_checkpoints
from studio.acts.base_model import with_base_model
from studio.acts.forgetting import general_rows, refuse_without_a_run, unlearned_rows, with_general_score
from studio.acts.scoring import TaskPlan, task_plans, with_scoring
from studio.acts.training import frozen
from studio.acts.versions import FROZEN, read_as_version
from studio.dataset.store import Example, Store
from studio.dataset.texts import prompt_hash
from studio.errors import AskedWrongly, StudioError
from studio.files import JsonObject, read_json_lines
from studio.project import Project
from studio.reports.locks import lock_words
from studio.runs.arms.answering import Answering, write_answering
from studio.runs.directory import FrozenRow, RunDirectory, find_run, new_run, read_rows, runs_in, write_rows
from studio.runs.predictions import read_predictions
from studio.runs.process import submit
from studio.runs.retrieval.documents import read_documents, write_documents
from studio.runs.retrieval.overlap import refuse_overlap
from studio.runs.specs import CompareSpec, read_spec, write_spec
from studio.runs.watch import RunWatch, scores_in
from studio.scoring.comparison import Comparison
from studio.scoring.own_scorers import OwnScore
from studio.tokens.tokenizer import ModelFolder


@dataclass(frozen=True)
class LoadedComparison:
    """A comparison as far as it has come; ``scores`` is None until it has finished.

    ``computed`` says, under that name, on what machine and by which versions, and under ``probe`` how many answers
    change with the batch size and the dtype, ``words`` of it in a sentence; empty where an older studio did not say.
    """

    run_id: str
    spec: CompareSpec
    rows: list[FrozenRow]
    predictions: list[dict[str, Any]]
    scores: Comparison | None
    own_scores: list[OwnScore]
    computed: JsonObject = field(default_factory=dict)

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

    ``answering`` says who answers, by the arm's text, ``tasks`` what decides. ``forecast_seconds``
    goes by the newest comparison on the same base model; None where there is none. ``as_of`` numbers the newest change
    that any row had then.
    """

    spec: CompareSpec
    rows: list[FrozenRow]
    pool: list[FrozenRow]
    answering: dict[str, Answering]
    tasks: list[TaskPlan]
    forecast_seconds: float | None
    as_of: int = -1

    @property
    def answers(self) -> int:
        """How many answers all arms give together."""
        return len(self.rows) * len(self.spec.arms)


def plan_comparison(project: Project, store: Store, spec: CompareSpec) -> ComparePlan:
    """Which rows ``spec`` would have answered by whom, and how long that takes. Call it off the UI thread.

    With a run, its own frozen training rows are the pool and its base model and tasks are taken over. Raises
    AskedWrongly when there is nothing to answer or nothing to take shots from.
    """
    as_of = store.newest_change()
    runs = tuned_runs(project, spec)
    spec = _with_run(runs, spec)
    if spec.needs_base_model:
        spec, _ = with_base_model(project, spec)
    spec = with_scoring(project, with_general_score(spec) if spec.is_forgetting else spec)
    if spec.split == "test":
        spec = replace(spec, test_locks=tuple(map(lock_words, store.test_locks())))
    answering = answering_by(project, spec, runs)
    rows = _forgotten(store, spec, runs) if spec.is_forgetting else _held_out(store, spec)
    pool = _pool(store, spec, runs)
    _refuse_examples_that_lack(spec, {row.task for row in rows}, pool)
    answers = len(rows) * len(spec.arms)
    return ComparePlan(spec, rows, pool, answering, task_plans(spec, rows), _forecast(project, spec, answers), as_of)


def _held_out(store: Store, spec: CompareSpec) -> list[FrozenRow]:
    rows = store.rows_for(spec.split, tasks=spec.tasks, labels=("accept", "none"), where="")
    if not rows:
        raise AskedWrongly(
            f"no row is in the {spec.split} split.", "Assign the splits first: studio split, or S on Data."
        )
    return frozen(_evenly_over_tasks(rows, spec.limit))


def _forgotten(store: Store, spec: CompareSpec, runs: Mapping[str, TunedRun]) -> list[FrozenRow]:
    """Rows of the tasks that no run learned, and the general set, which ``limit`` leaves whole."""
    refuse_without_a_run(spec)
    learned = {row.task for run in runs.values() for row in _learned(run)}
    return frozen(_evenly_over_tasks(unlearned_rows(store, spec.split, learned), spec.limit)) + general_rows()


def _pool(store: Store, spec: CompareSpec, runs: Mapping[str, TunedRun]) -> list[FrozenRow]:
    """What examples are taken from: what the first of the runs learned from, or else the train split as it is."""
    for run in runs.values():
        return _learned(run)
    return frozen(store.rows_for("train", tasks=spec.tasks, labels=("accept", "none"), where=""))


def _learned(run: TunedRun) -> list[FrozenRow]:
    """The rows that a run learned from. Those that an older studio froze have no hash yet; test rows have."""
    rows = read_rows(run.directory.rows_path("train"))
    return [replace(row, prompt_hash=row.prompt_hash or prompt_hash(row.prompt)) for row in rows]


def _refuse_examples_that_lack(spec: CompareSpec, tasks: Collection[str], pool: Sequence[FrozenRow]) -> None:
    arms, known = spec.parsed_arms, {row.example_id for row in pool}
    for arm in arms:
        if missing := [str(one) for one in arm.prompting.named if one not in known]:
            raise AskedWrongly(
                f"{arm.text}: example {', '.join(missing)} is not in the train split.", "Examples come from there only."
            )
    needed = max(arm.prompting.shots for arm in arms)
    for task in sorted(tasks):
        have = sum(row.task == task for row in pool)
        for arm in arms:
            arm.prompting.examples(pool, task, spec.seed)  # raises where its choice cannot be made
        if have < needed:
            raise AskedWrongly(
                f"{needed} shots are asked for, but task {task!r} has {have} training rows to take them from.",
                "Use fewer shots, or leave the task out with tasks=.",
            )


def start_comparison(project: Project, store: Store, spec: CompareSpec) -> str:
    """Freeze the held-out rows, what is shown and who answers, start the process; the run id.

    Raises as ``plan_comparison`` and ``start_planned``.
    """
    return start_planned(project, store, plan_comparison(project, store, spec))


def start_planned(project: Project, store: Store, plan: ComparePlan) -> str:
    """As ``start_comparison``, of a plan that was looked at; where the rows have changed since, it is made anew.

    Raises StudioError where a test row was learned from, AskedWrongly where documents cannot be read.
    """
    plan, version = _as_version(project, store, plan)
    spec = plan.spec
    for run in tuned_runs(project, spec).values():
        refuse_overlap(plan.rows, _learned(run))
    documents = {
        number: read_documents(Path(arm.prompting.documents).expanduser(), spec.passage_words, spec.passage_overlap)
        for number, arm in enumerate(spec.parsed_arms)
        if arm.prompting.documents
    }
    with new_run(project.runs_path, "compare") as directory:
        write_rows(directory.rows_path("test"), plan.rows)
        write_rows(directory.rows_path("train"), plan.pool)
        for number, found in documents.items():
            write_documents(directory.documents_path(number), found)
        write_answering(directory, with_own_checkpoints(directory, plan.answering))
        write_spec(directory, replace(plan.spec, version=version))
        submit(directory)
    return directory.run_id


def _as_version(project: Project, store: Store, plan: ComparePlan) -> tuple[ComparePlan, str]:
    """The plan, and the version that its rows are of."""
    if version := store.freeze_version(plan.as_of, FROZEN):
        return plan, version.name
    return read_as_version(store, partial(plan_comparison, project, store, plan.spec))


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
        own_scores=_own_scores_in(directory),
        computed={name: scores[name] for name in ("computed", "probe") if scores and scores.get(name)},
    )


def _own_scores_in(directory: RunDirectory) -> list[OwnScore]:
    """What the project's own scorers said; none where there are none, and without the lines that say nothing."""
    lines, _ = read_json_lines(directory.own_scores_path)
    found = []
    for line in lines:
        with suppress(TypeError):
            found.append(OwnScore(**line))
    return found


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
