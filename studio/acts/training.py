"""Starting, stopping and resuming a fine-tune. Everything that can refuse does so before a process starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from studio.acts.base_model import with_base_model
from studio.acts.window import count_tokens
from studio.dataset.store import Example, Store
from studio.dataset.texts import prompt_hash
from studio.errors import AskedWrongly, StudioError
from studio.project import Project
from studio.runs.directory import FrozenRow, RunDirectory, find_run, new_run_directory, runs_in, write_rows
from studio.runs.process import cancel, submit
from studio.runs.specs import TrainSpec, write_spec
from studio.runs.watch import RunState, RunWatch
from studio.tokens.window import FATES, Fate, fates


@dataclass(frozen=True)
class TrainPlan:
    """What a spec would do on the rows there are now; counted, not guessed, but for the two forecasts."""

    spec: TrainSpec
    rows: int
    validation_rows: int
    tokens_per_epoch: int
    steps: int
    overlong_rows: int
    dropped_rows: int
    cut_rows: int
    overlong_ids: list[int] = field(default_factory=list)
    forecast_seconds: float | None = None
    forecast_memory_bytes: int | None = None

    @property
    def refusal(self) -> StudioError | None:
        """Why this run may not start, or None."""
        spec = self.spec
        if not self.rows:
            narrowed = spec.tasks or spec.where
            return StudioError(
                "no row would be trained: none is in the train split"
                + (" for these tasks and this filter." if narrowed else "."),
                "Assign the splits first: studio split, or S on Data." if not narrowed else "Widen tasks or where.",
            )
        if self.overlong_rows and spec.overlong == "refuse":
            return StudioError(
                f"{self.overlong_rows} of {self.rows} rows are over max_length={spec.max_length} "
                f"(the first: {', '.join(map(str, self.overlong_ids[:5]))}).",
                "Raise max_length, or say what becomes of them: overlong=drop, truncate_prompt or truncate_completion.",
            )
        if self.dropped_rows == self.rows:
            return StudioError(
                f"overlong={spec.overlong} would drop all {self.rows} rows at max_length={spec.max_length}.",
                "Raise max_length.",
            )
        return None


def plan_training(project: Project, store: Store, spec: TrainSpec) -> TrainPlan:
    """Count what ``spec`` would train. Tokenizes rows that have no current count, so call it off the UI thread."""
    spec, model = with_base_model(project, spec)
    if spec.max_length > model.context_window:
        raise AskedWrongly(
            f"max_length={spec.max_length} is more than the context window of {spec.base_model}: "
            f"{model.context_window} tokens."
        )
    count_tokens(store, model)
    training, validation = _rows(store, spec)
    ids, prompt_tokens, completion_tokens = store.counts(model.fingerprint)
    chosen = np.isin(ids, np.array([example.example_id for example in training], dtype=np.int64))
    prompt_tokens, completion_tokens = prompt_tokens[chosen], completion_tokens[chosen]
    totals = prompt_tokens + completion_tokens
    is_overlong = totals > spec.max_length
    has_nothing_left = fates(prompt_tokens, completion_tokens, spec.max_length) == FATES.index(Fate.NOTHING_LEFT)
    no_row = np.zeros(len(totals), dtype=np.bool_)
    is_dropped = {"drop": is_overlong, "truncate_completion": has_nothing_left}.get(spec.overlong, no_row)
    dropped_rows = int(is_dropped.sum())
    kept = len(training) - dropped_rows
    tokens = int(np.minimum(totals, spec.max_length)[~is_dropped].sum())
    seconds, memory = _forecast(project, spec, tokens * spec.epochs)
    return TrainPlan(
        spec=spec,
        rows=len(training),
        validation_rows=len(validation),
        tokens_per_epoch=tokens,
        steps=spec.steps_of(kept),
        overlong_rows=int(is_overlong.sum()),
        dropped_rows=dropped_rows,
        cut_rows=int(is_overlong.sum()) - dropped_rows if spec.overlong != "refuse" else 0,
        overlong_ids=[int(example_id) for example_id in ids[chosen][is_overlong][:100]],
        forecast_seconds=seconds,
        forecast_memory_bytes=memory,
    )


def start_training(project: Project, store: Store, spec: TrainSpec) -> str:
    """Freeze the rows, write the spec, start the process; the run id. Raises StudioError where the plan refuses."""
    plan = plan_training(project, store, spec)
    if plan.refusal:
        raise plan.refusal
    training, validation = _rows(store, plan.spec)
    directory = new_run_directory(project.runs_path, "train")
    write_rows(directory.rows_path("train"), frozen(training))
    write_rows(directory.rows_path("validation"), frozen(validation))
    write_spec(directory, plan.spec)
    submit(directory)
    return directory.run_id


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
        directory.stop_path.touch()
    return directory


def resume_run(project: Project, run_id: str) -> RunDirectory:
    """Go on from the newest whole checkpoint. Raises AskedWrongly for a run that is running or has finished."""
    directory = find_run(project.runs_path, run_id)
    state = RunWatch(directory).poll()
    if not state.can_resume:
        raise AskedWrongly(
            f"{directory.run_id} is {state.status}: there is nothing to resume.",
            "Lost, stopped and failed runs can be resumed.",
        )
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
            prompt_hash=prompt_hash(example.prompt),
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
