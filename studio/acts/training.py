"""Starting, stopping and resuming a fine-tune. Everything that can refuse does so before a process starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from studio.acts.base_model import with_base_model
from studio.acts.window import budget_of, count_tokens
from studio.dataset.store import Example, Store
from studio.errors import AskedWrongly, StudioError
from studio.files import private_mode, writing
from studio.project import Project
from studio.runs.directory import FrozenRow, RunDirectory, find_run, new_run, runs_in, write_rows
from studio.runs.process import cancel, submit
from studio.runs.resuming import refusal_to_resume
from studio.runs.specs import TrainSpec, write_spec
from studio.runs.watch import RunState, RunWatch
from studio.tokens.encoding import Pair
from studio.tokens.layout import Budget
from studio.tokens.tokenizer import ModelFolder
from studio.tokens.window import Outcome, apply_policy, fates, outcome


@dataclass(frozen=True)
class TrainPlan:
    """What a spec would do on the rows there are now; counted, not guessed, but for the two forecasts."""

    spec: TrainSpec
    budget: Budget
    rows: int
    validation_rows: int
    tokens_per_epoch: int
    steps: int
    overlong_ids: list[int]
    dropped_rows: int
    cut_rows: int
    forecast_seconds: float | None = None
    forecast_memory_bytes: int | None = None

    @property
    def refusal(self) -> StudioError | None:
        """Why this run may not start, or None."""
        return self.spec.refusal(self.rows, self.overlong_ids, self.dropped_rows, self.budget.words)

    @property
    def overlong_rows(self) -> int:
        """Rows over the budget, whatever becomes of them."""
        return len(self.overlong_ids)


def plan_training(project: Project, store: Store, spec: TrainSpec) -> TrainPlan:
    """Count what ``spec`` would train. Tokenizes rows that have no current count, so call it off the UI thread."""
    spec, model = with_base_model(project, spec)
    budget = budget_of(model, spec.max_length, spec.max_target_length)
    count_tokens(store, model)
    training, validation = _rows(store, spec)
    ids, prompt_tokens, completion_tokens = store.counts(model.fingerprint)
    chosen = np.isin(ids, np.array([example.example_id for example in training], dtype=np.int64))
    prompt_tokens, completion_tokens = prompt_tokens[chosen], completion_tokens[chosen]
    totals = prompt_tokens + completion_tokens
    is_overlong = fates(prompt_tokens, completion_tokens, budget) > 0
    overlong = [example for example, is_over in zip(training, is_overlong, strict=True) if is_over]
    counts = zip(prompt_tokens[is_overlong].tolist(), completion_tokens[is_overlong].tolist(), strict=True)
    fitted = _fitted(model, spec, budget, overlong, list(counts))
    kept = len(training) - fitted.dropped
    tokens = int(totals[~is_overlong].sum()) + fitted.tokens
    seconds, memory = _forecast(project, spec, tokens * spec.epochs)
    return TrainPlan(
        spec=spec,
        budget=budget,
        rows=len(training),
        validation_rows=len(validation),
        tokens_per_epoch=tokens,
        steps=spec.steps_of(kept),
        overlong_ids=[example.example_id for example in overlong],
        dropped_rows=fitted.dropped,
        cut_rows=fitted.cut,
        forecast_seconds=seconds,
        forecast_memory_bytes=memory,
    )


@dataclass(frozen=True)
class _Overlong:
    """What the policy makes of the over-long rows: how many are dropped, how many cut, the tokens that are left."""

    dropped: int
    cut: int
    tokens: int


def _fitted(
    model: ModelFolder, spec: TrainSpec, budget: Budget, overlong: list[Example], counts: list[tuple[int, int]]
) -> _Overlong:
    """``counts`` are the (prompt, completion) tokens of ``overlong``. Only rows whose text decides are tokenized."""
    outcomes = [outcome(*of_row, budget, spec.overlong) for of_row in counts]
    dropped, cut = outcomes.count(Outcome.DROPPED), outcomes.count(Outcome.COMPLETION_CUT)
    by_counts = list(zip(counts, outcomes, strict=True))
    cut_prompts = [prompt for (prompt, _), what in by_counts if what is Outcome.COMPLETION_CUT]
    tokens = sum(prompt + budget.completion_room(prompt) for prompt in cut_prompts)
    tokens += sum(sum(of_row) for of_row, what in by_counts if what is Outcome.KEPT)
    undecided = [one for one, what in zip(overlong, outcomes, strict=True) if what is Outcome.PROMPT_CUT_IF_POSSIBLE]
    pairs = [Pair(example.prompt, example.completion, example.system) for example in undecided]
    encoded = [fitted.encoded for fitted in apply_policy(model, pairs, budget, spec.overlong)] if pairs else []
    shortened = [row.total_tokens for row in encoded if row is not None]
    return _Overlong(dropped + len(encoded) - len(shortened), cut + len(shortened), tokens + sum(shortened))


def start_training(project: Project, store: Store, spec: TrainSpec) -> str:
    """Freeze the rows, write the spec, start the process; the run id. Raises StudioError where the plan refuses."""
    return begin_training(project, store, spec)[0]


def begin_training(project: Project, store: Store, spec: TrainSpec) -> tuple[str, TrainPlan]:
    """``start_training``, and what was planned besides."""
    plan = plan_training(project, store, spec)
    if plan.refusal:
        raise plan.refusal
    training, validation = _rows(store, plan.spec)
    with new_run(project.runs_path, "train") as directory:
        write_rows(directory.rows_path("train"), frozen(training))
        write_rows(directory.rows_path("validation"), frozen(validation))
        write_spec(directory, plan.spec)
        submit(directory)
    return directory.run_id, plan


def stop_run(project: Project, run_id: str, *, at_once: bool = False) -> RunDirectory:
    """Ask a run to finish its step, write a checkpoint and stop; ``at_once`` ends its process without asking.

    Raises AskedWrongly when it is not running, StudioError when its process cannot be ended from here.
    """
    directory = find_run(project.runs_path, run_id)
    state = RunWatch(directory).poll()
    if not state.is_live:
        raise AskedWrongly(f"{directory.run_id} is not running: {state.status}.")
    if at_once:
        cancel(directory)
    else:
        with writing(directory.stop_path):
            directory.stop_path.touch(private_mode(directory.path))
    return directory


def resume_run(project: Project, run_id: str) -> RunDirectory:
    """Go on from the newest whole checkpoint. Raises AskedWrongly for a run that is running or has finished.

    Raises StudioError where its spec no longer fits what it has learned, or another resume was quicker.
    """
    directory = find_run(project.runs_path, run_id)
    state = RunWatch(directory).poll()
    if not state.can_resume:
        raise AskedWrongly(
            f"{directory.run_id} is {state.status}: there is nothing to resume.",
            "Lost, stopped and failed runs can be resumed.",
        )
    if isinstance(state.spec, TrainSpec) and (refusal := refusal_to_resume(directory, state.spec)):
        raise refusal
    submit(directory)
    return directory


def run_states(project: Project) -> list[RunState]:
    """Every run's state, newest first."""
    return [RunWatch(directory).poll() for directory in runs_in(project.runs_path)]


def frozen(examples: Sequence[Example]) -> list[FrozenRow]:
    """Examples as a run directory keeps them."""
    return [
        FrozenRow(
            example_id=example.example_id,
            task=example.task,
            prompt=example.prompt,
            completion=example.completion,
            system=example.system,
            prompt_hash=example.prompt_hash,
        )
        for example in examples
    ]


def _rows(store: Store, spec: TrainSpec) -> tuple[list[Example], list[Example]]:
    training, validation = (
        store.rows_for(split, tasks=spec.tasks, labels=spec.labels, where=spec.where)
        for split in ("train", "validation")
    )
    return training, validation


def _forecast(project: Project, spec: TrainSpec, tokens: float) -> tuple[float | None, int | None]:
    """Seconds and peak bytes by the newest run with the same model and method; None where there is none."""
    for directory in runs_in(project.runs_path):
        state = RunWatch(directory).poll()
        earlier = state.spec
        alike = isinstance(earlier, TrainSpec) and (earlier.model_path, earlier.method) == (
            spec.model_path,
            spec.method,
        )
        if alike and state.tokens_per_second and state.step >= 5:
            series = state.series
            measured = sorted(series.tokens_per_second)[len(series.tokens_per_second) // 2]
            return tokens / measured, state.memory_bytes or None
    return None, None
