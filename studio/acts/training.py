"""Starting, stopping and resuming a fine-tune. Everything that can refuse does so before a process starts."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from studio.acts.base_model import with_base_model
from studio.acts.checking import error_findings, refusal_of_findings, waived_in_words
from studio.acts.controlling import continue_run, is_pause_wanted
from studio.acts.versions import read_as_version
from studio.acts.window import budget_of, token_counts
from studio.dataset.checks.kept import Result
from studio.dataset.store import Example, Store
from studio.errors import AskedWrongly, StudioError
from studio.files import private_mode, writing
from studio.project import Project
from studio.reports.numbers import counted, number
from studio.runs.continuing import checkpoint_of, refusal_to_continue
from studio.runs.directory import FrozenRow, RunDirectory, find_run, new_run, runs_in, write_rows
from studio.runs.fingerprint import accept_packages
from studio.runs.mixture import TaskShare
from studio.runs.process import cancel, submit
from studio.runs.resuming import refusal_to_resume
from studio.runs.specs import TrainSpec, write_spec
from studio.runs.state import RunState
from studio.runs.watch import RunWatch
from studio.tokens.encoding import Objective, check_objective, objective_of, pair_of
from studio.tokens.layout import Budget
from studio.tokens.pairs import piece_lengths
from studio.tokens.stop_proof import Flaw, StopProof, is_proved, prove, refusal_of, refusal_of_cuts
from studio.tokens.tokenizer import ModelFolder
from studio.tokens.window import Outcome, apply_policy, fates, outcome


@dataclass(frozen=True)
class TrainPlan:
    """What a spec would do on the rows there are now; counted, not guessed, but for the two forecasts.

    ``sequences`` is what is left of the rows and of those that are split the pieces; ``shares`` is what an epoch has of
    each task, ``checkpoint`` that of an earlier run to begin from, ``blocking`` the
    errors in these rows that nobody waived.
    """

    spec: TrainSpec
    budget: Budget
    rows: int
    validation_rows: int
    tokens_per_epoch: int
    steps: int
    overlong_ids: list[int]
    dropped_rows: int
    cut_rows: int
    shares: list[TaskShare]
    split_rows: int = 0
    sequences: int = 0
    checkpoint: Path | None = None
    flaws: list[Flaw] = field(default_factory=list)
    blocking: list[Result] = field(default_factory=list)
    forecast_seconds: float | None = None
    forecast_memory_bytes: int | None = None

    @property
    def refusal(self) -> StudioError | None:
        """Why this run may not start, or None."""
        unfit = self.spec.refusal(self.rows, self.overlong_ids, self.dropped_rows, self.budget.words)
        unfit = unfit or refusal_of_findings(self.blocking)
        if unfit or not self.is_proved:
            return unfit
        cut = refusal_of_cuts(self.spec.overlong, self.budget, self.rows - self.dropped_rows, self.cut_rows)
        return refusal_of(self.flaws, self.rows) or cut

    @property
    def is_proved(self) -> bool:
        """Whether there is a stop proof of what this run learns."""
        return is_proved(objective_of(self.spec.objective, self.spec.learned_turns))

    @property
    def overlong_rows(self) -> int:
        """Rows over the budget, whatever becomes of them."""
        return len(self.overlong_ids)


def plan_training(project: Project, store: Store, spec: TrainSpec, *, prove_all: bool = False) -> TrainPlan:
    """Count what ``spec`` would train. Tokenizes rows that have no current count, so call it off the UI thread.

    The stop proof is made of those rows whose own text could break it, or of every row: ``prove_all``, which encodes
    them once more. The run's process proves them all in either case before its first step."""
    spec, checkpoint = _continued(project, spec)
    spec, model = with_base_model(project, spec)
    if checkpoint and (refusal := refusal_to_continue(checkpoint_of(project.runs_path, spec.continue_from)[0], spec)):
        raise refusal
    budget = budget_of(model, spec.max_length, spec.max_target_length)
    objective = objective_of(spec.objective, spec.learned_turns)
    check_objective(model, objective)
    _check_virtual_tokens(model, spec)
    training, validation = _rows(store, spec)
    _check_prompts([*training, *validation], objective)
    errors = error_findings(project, store, [example.example_id for example in (*training, *validation)])
    spec = replace(spec, waivers=tuple(waived_in_words(errors)))
    ids, prompt_tokens, completion_tokens = token_counts(store, model, objective)
    chosen = np.isin(ids, np.array([example.example_id for example in training], dtype=np.int64))
    prompt_tokens, completion_tokens = prompt_tokens[chosen], completion_tokens[chosen]
    totals = prompt_tokens + completion_tokens
    is_overlong = fates(prompt_tokens, completion_tokens, budget) > 0
    overlong = [example for example, is_over in zip(training, is_overlong, strict=True) if is_over]
    counts = zip(prompt_tokens[is_overlong].tolist(), completion_tokens[is_overlong].tolist(), strict=True)
    fitted = _fitted(model, spec, budget, overlong, list(counts))
    sequences = [[int(total)] for total in totals]
    for place, of_row in zip(np.flatnonzero(is_overlong).tolist(), fitted.sequences, strict=True):
        sequences[place] = of_row
    kept = [(one.task, tokens) for one, of_row in zip(training, sequences, strict=True) for tokens in of_row]
    shares = spec.shares((task, of_row + spec.leading_tokens) for task, of_row in kept)
    tokens = sum(share.tokens for share in shares)
    if refusal := spec.refusal_to_watch({example.task for example in validation}):
        raise refusal
    seconds, memory = _forecast(project, spec, tokens * spec.epochs)
    return TrainPlan(
        spec=spec,
        budget=budget,
        rows=len(training),
        validation_rows=len(validation),
        tokens_per_epoch=tokens,
        steps=spec.steps_of(sum(share.examples for share in shares)),
        shares=shares,
        checkpoint=checkpoint,
        overlong_ids=[example.example_id for example in overlong],
        dropped_rows=sum(not of_row for of_row in sequences),
        split_rows=sum(len(of_row) > 1 for of_row in sequences),
        sequences=len(kept),
        cut_rows=fitted.cut,
        blocking=[one for one in errors if one.is_open],
        flaws=_flaws(model, [*training, *validation], objective, prove_all=prove_all),
        forecast_seconds=seconds,
        forecast_memory_bytes=memory,
    )


def _check_prompts(examples: Sequence[Example], objective: Objective) -> None:
    """Raise StudioError where plain texts would be learned as answers to nothing."""
    plain = [example.example_id for example in examples if not example.prompt]
    if plain and objective is not Objective.TEXT:
        raise StudioError(
            f"{counted(len(plain), 'row')} of {number(len(examples))} "
            f"{'is a plain text' if len(plain) == 1 else 'are plain texts'} without a prompt, as example {plain[0]}.",
            "Set objective=text to learn texts whole, or where=\"prompt <> ''\" to leave them out.",
        )


def _flaws(model: ModelFolder, examples: list[Example], objective: Objective, *, prove_all: bool) -> list[Flaw]:
    if not is_proved(objective):
        return []
    pairs = list(map(pair_of, examples))
    chosen = range(len(pairs)) if prove_all else StopProof(model).suspects(pairs)
    return prove(model, [examples[number].example_id for number in chosen], [pairs[number] for number in chosen])


def _continued(project: Project, spec: TrainSpec) -> tuple[TrainSpec, Path | None]:
    """The spec with the run and step that it continues written out, its base model if none is named; the checkpoint."""
    if not spec.continue_from:
        return spec, None
    earlier, run, checkpoint = checkpoint_of(project.runs_path, spec.continue_from)
    reference = f"{run.run_id}:{checkpoint.name.removeprefix('step-')}"
    return replace(spec, continue_from=reference, base_model=spec.base_model or earlier.base_model), checkpoint


def _check_virtual_tokens(model: ModelFolder, spec: TrainSpec) -> None:
    """Raise AskedWrongly where the model takes none, or they and a row of max_length are more than its window."""
    if not spec.leading_tokens:
        return
    if not model.layout.takes_virtual_tokens:
        raise AskedWrongly(f"method={spec.method} is for decoder-only models here.", "Use method=lora, ia3 or full.")
    room = model.context_window - spec.leading_tokens
    if spec.max_length > room:
        raise AskedWrongly(
            f"max_length={spec.max_length} and virtual_tokens={spec.virtual_tokens} together are more than the model's "
            f"context window of {model.context_window} tokens.",
            f"Set max_length to at most {room}." if room > 0 else "Lower virtual_tokens.",
        )


@dataclass(frozen=True)
class _Overlong:
    """What the policy makes of the over-long rows: how many it cuts, and each one's tokens then: of one sequence, of
    several where it is split, of none where it is dropped.
    """

    cut: int
    sequences: list[list[int]]


def _fitted(
    model: ModelFolder, spec: TrainSpec, budget: Budget, overlong: list[Example], counts: list[tuple[int, int]]
) -> _Overlong:
    """``counts`` are the (prompt, completion) tokens of ``overlong``. Only rows whose text decides are tokenized."""
    outcomes = [outcome(*of_row, budget, spec.overlong) for of_row in counts]
    undecided = [one for one, what in zip(overlong, outcomes, strict=True) if what is Outcome.PROMPT_CUT_IF_POSSIBLE]
    objective = objective_of(spec.objective, spec.learned_turns)
    pairs = list(map(pair_of, undecided))
    shorter = apply_policy(model, pairs, budget, spec.overlong, objective) if pairs else []
    shortened = iter([[one.encoded.total_tokens] if one.encoded else [] for one in shorter])
    sequences: list[list[int]] = []
    for (prompt, completion), what in zip(counts, outcomes, strict=True):
        match what:
            case Outcome.KEPT:
                sequences.append([prompt + completion])
            case Outcome.COMPLETION_CUT:
                sequences.append([prompt + budget.completion_room(prompt)])
            case Outcome.PROMPT_CUT_IF_POSSIBLE:
                sequences.append(next(shortened))
            case Outcome.SPLIT:
                sequences.append(piece_lengths(prompt + completion, budget.max_length))
            case Outcome.DROPPED:
                sequences.append([])
    was_cut = (Outcome.COMPLETION_CUT, Outcome.PROMPT_CUT_IF_POSSIBLE)
    cut = sum(what in was_cut and bool(left) for what, left in zip(outcomes, sequences, strict=True))
    return _Overlong(cut, sequences)


def start_training(project: Project, store: Store, spec: TrainSpec) -> str:
    """Freeze the rows, write the spec, start the process; the run id. Raises StudioError where the plan refuses."""
    return begin_training(project, store, spec)[0]


def begin_training(project: Project, store: Store, spec: TrainSpec) -> tuple[str, TrainPlan]:
    """``start_training``, and what was planned besides."""
    plan = plan_training(project, store, spec)
    if plan.refusal:
        raise plan.refusal
    with new_run(project.runs_path, "train") as directory:
        training_rows, version = read_as_version(store, partial(_rows, store, plan.spec))
        plan = replace(plan, spec=replace(plan.spec, version=version))
        freeze(plan, training_rows, directory)
        submit(directory)
    return directory.run_id, plan


def freeze_for_a_moment(store: Store, plan: TrainPlan, directory: RunDirectory) -> None:
    """As a run of the plan freezes its rows, but of no version, for a directory that does not stay."""
    freeze(plan, _rows(store, plan.spec), directory)


def freeze(plan: TrainPlan, rows: tuple[list[Example], list[Example]], directory: RunDirectory) -> None:
    """Fill an empty run directory with what the plan's run works on, its training and validation rows; its spec comes
    last.
    """
    training, validation = rows
    write_rows(directory.rows_path("train"), frozen(training))
    write_rows(directory.rows_path("validation"), frozen(validation))
    if plan.checkpoint:
        shutil.copytree(plan.checkpoint, directory.begin_path, copy_function=linked)
    write_spec(directory, plan.spec)


def linked(source: str, target: str) -> None:
    """The same file under another name, which costs no room; a copy where the file system has no such thing."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


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


def resume_run(project: Project, run_id: str, *, anyway: bool = False) -> RunDirectory:
    """Go on after a pause, or from the newest whole checkpoint. Raises AskedWrongly where there is nothing to resume.

    ``anyway``: also with another major version of a package than it began with. Raises StudioError where its spec no
    longer fits what it has learned, where what it began on has changed, or another resume was quicker.
    """
    directory = find_run(project.runs_path, run_id)
    state = RunWatch(directory).poll()
    if state.is_live and is_pause_wanted(directory):
        continue_run(directory)
        return directory
    if not state.can_resume:
        raise AskedWrongly(
            f"{directory.run_id} is {state.status}: there is nothing to resume.",
            "Paused, lost, stopped and failed runs can be resumed.",
        )
    if anyway:
        accept_packages(directory)
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
            context=example.context,
            source=f"{example.source}:{example.source_line}" if example.source_line > 0 else "",
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
