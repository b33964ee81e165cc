"""Training again, after rows were mended, and comparing with the run before."""

from __future__ import annotations

from dataclasses import dataclass, replace

from studio.acts.answering import TunedRun, tuned_path, tuned_runs
from studio.acts.comparing import plan_comparison, start_comparison
from studio.acts.training import TrainPlan, frozen, plan_training, start_training
from studio.dataset.store import Store
from studio.errors import AskedWrongly, StudioError
from studio.project import Project
from studio.reports.numbers import counted
from studio.runs.differences import RowDifferences, row_differences
from studio.runs.directory import FrozenRow, RunDirectory, find_run, read_rows, runs_in
from studio.runs.specs import CompareSpec, TrainSpec, read_spec

STARTS = ("base", "continue")


@dataclass(frozen=True)
class AgainPlan:
    """What would be started: ``train``, as ``before`` was trained, then ``compare`` once that has ended.

    ``rows`` are the training rows that are not what ``before`` learned from, ``test_rows`` counts the held-out ones.
    ``training`` is the plan of ``train``.
    """

    before: RunDirectory
    train: TrainSpec
    compare: CompareSpec
    steps: int
    test_rows: int
    rows: RowDifferences
    training: TrainPlan


@dataclass(frozen=True)
class Again:
    """The ids of what was started."""

    train: str
    compare: str


def plan_again(project: Project, store: Store, run: str, start: str = "") -> AgainPlan:
    """``run`` is a comparison, whose tuned run is trained again, or a train run. Call it off the UI thread.

    ``start`` is one of ``STARTS``: ``base`` begins at the base model, ``continue`` where the run ended; empty as that
    run itself began. The comparison is as the newest one of that run, and the run before is an arm of it. Raises
    AskedWrongly where there is nothing to train again or to compare with, StudioError where a plan refuses.
    """
    directory = find_run(project.runs_path, run)
    spec = read_spec(directory)
    compare = spec if isinstance(spec, CompareSpec) else _newest_comparison(project, directory.run_id)
    before = _trained(project, directory, spec)
    tuned_path(before.directory, before.spec)  # it is compared with: it must have left something
    train = plan_training(project, store, _started_at(before, start))
    if train.refusal:
        raise train.refusal
    asked = _with_run_before(compare, before.directory.run_id)
    test = plan_comparison(project, store, replace(asked, run_id=before.directory.run_id))
    learned, now = read_rows(before.directory.rows_path("train")), _training_rows(store, train.spec)
    rows = row_differences("train", learned, now)
    return AgainPlan(before.directory, train.spec, asked, train.steps, len(test.rows), rows, train)


def start_again(project: Project, store: Store, plan: AgainPlan) -> Again:
    """Start the training, and the comparison that waits for its end. Both survive this process."""
    train = start_training(project, store, plan.train)
    try:
        compare = start_comparison(project, store, replace(plan.compare, run_id=train, after=train))
    except StudioError as error:
        raise StudioError(f"{train} was started, but not its comparison: {error.message}", error.hint) from error
    return Again(train, compare)


def _started_at(before: TunedRun, start: str) -> TrainSpec:
    if start and start not in STARTS:
        raise AskedWrongly(f"{start!r} is no way to train again.", f"One of: {', '.join(STARTS)}.")
    if not start:
        return before.spec
    return replace(before.spec, continue_from=before.directory.run_id if start == "continue" else "")


def _trained(project: Project, directory: RunDirectory, spec: object) -> TunedRun:
    if isinstance(spec, TrainSpec):
        return TunedRun(directory, spec)
    runs = tuned_runs(project, spec) if isinstance(spec, CompareSpec) else {}
    for found in runs.values():
        return found
    raise AskedWrongly(f"{directory.run_id} has no tuned arm: there is nothing to train again.", "Name a train run.")


def _newest_comparison(project: Project, run_id: str) -> CompareSpec:
    """The settings of the newest comparison of the run, or the usual ones."""
    for directory in runs_in(project.runs_path):
        try:
            spec = read_spec(directory)
        except StudioError:  # damaged: it cannot be followed
            continue
        if isinstance(spec, CompareSpec) and spec.run_id == run_id:
            return spec
    return CompareSpec(run_id=run_id)


def _with_run_before(compare: CompareSpec, before: str) -> CompareSpec:
    """The same arms, with ``tuned`` for the new run and the run before beside it, in place of older ones."""
    others = [arm.text for arm in compare.parsed_arms if not (arm.is_tuned and arm.by.name)]
    arms = [*others, *([] if "tuned" in others else ["tuned"]), f"tuned:{before}"]
    return replace(compare, arms=tuple(arms), run_id=before, tuned_path="", tuned_method="", after="")


def _training_rows(store: Store, spec: TrainSpec) -> list[FrozenRow]:
    return frozen(store.rows_for("train", tasks=spec.tasks, labels=spec.labels, where=spec.where))


def changes_words(plan: AgainPlan) -> str:
    """``12 rows changed, 3 new, 1 gone since train-…``, or that nothing did."""
    rows = plan.rows
    counts = [
        counted(len(ids), f"{word} row")
        for word, ids in (("changed", rows.edited), ("new", rows.added), ("missing", rows.removed))
        if ids
    ]
    if not counts:
        return f"The training rows are those of {plan.before.run_id}: nothing was mended since."
    return f"{', '.join(counts)} since {plan.before.run_id}."
