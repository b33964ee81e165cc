"""Asking something of a run that goes on: wait, go on, write a checkpoint now, be shorter or longer.

A wish is a file in the run's directory, so any terminal and any login that may write there can have it; the run meets
it behind its step. See ``worker/training/controls.py``.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from studio.errors import AskedWrongly, StudioError
from studio.files import private_mode, write_whole, writing
from studio.project import Project
from studio.runs.directory import RunDirectory, find_run
from studio.runs.schedules import MOST_JUMP, change_of_rate, length_words
from studio.runs.specs import TrainSpec, write_spec
from studio.runs.state import RunState
from studio.runs.status import Status
from studio.runs.watch import RunWatch


def pause_run(project: Project, run: str) -> RunDirectory:
    """Ask a fine-tune to write a checkpoint and wait. Raises AskedWrongly for one that does not run."""
    directory, _ = _live_training(project, run, "pause")
    _touch(directory, directory.pause_path)
    return directory


def continue_run(directory: RunDirectory) -> None:
    """Take the wish for a pause back: a run that waits goes on within a second."""
    with writing(directory.pause_path):
        directory.pause_path.unlink(missing_ok=True)


def is_pause_wanted(directory: RunDirectory) -> bool:
    """Whether somebody asked it to pause: it waits, or will behind its step."""
    return directory.pause_path.exists()


def ask_checkpoint(project: Project, run: str) -> RunDirectory:
    """Ask a fine-tune for a checkpoint behind its step. Raises AskedWrongly for one that does not run."""
    directory, state = _live_training(project, run, "write a checkpoint")
    if state.status is Status.PAUSED:
        raise AskedWrongly(f"{directory.run_id} is paused, with a checkpoint of step {state.step:,}.")
    _touch(directory, directory.checkpoint_wish_path)
    return directory


def change_length(project: Project, run: str, *, epochs: float = 0.0, steps: int = 0) -> tuple[RunDirectory, str]:
    """Make a run shorter or longer, by its whole number of epochs or of steps; what that does, in words.

    A run that has ended without finishing gets the new length for its resume. Raises AskedWrongly where the run is
    past it, or where its schedule has come down and would have to jump up again.
    """
    if (epochs > 0) == (steps > 0):
        raise AskedWrongly("the new length is not clear.", "Say --epochs E or --steps N: how many there are in all.")
    directory = find_run(project.runs_path, run)
    state = RunWatch(directory).poll()
    spec = state.spec
    if not isinstance(spec, TrainSpec) or not state.steps_per_epoch:
        raise AskedWrongly(
            f"{directory.run_id} has no length to change.", "It is no fine-tune, or its steps are not counted yet."
        )
    if not state.is_live and not state.can_resume:
        raise AskedWrongly(
            f"{directory.run_id} is {state.status}.", "A run that has finished stays as it is; start another."
        )
    longer = replace(spec, epochs=epochs or steps / state.steps_per_epoch)
    new_steps = steps or _steps_of(longer, state)
    words = _checked(directory, state, spec, new_steps)
    if state.is_live:
        with writing(directory.length_path):
            write_whole(directory.length_path, json.dumps({"epochs": longer.epochs}))
    else:
        with writing(directory.spec_path):
            write_spec(directory, longer)
    return directory, words


def _steps_of(spec: TrainSpec, state: RunState) -> int:
    """``steps_of`` counts examples; of an epoch's steps the last may be smaller, which changes no count of steps."""
    return spec.steps_of(state.steps_per_epoch * spec.batch_size)


def _checked(directory: RunDirectory, state: RunState, spec: TrainSpec, new_steps: int) -> str:
    if new_steps == state.steps:
        raise AskedWrongly(f"{directory.run_id} ends at step {new_steps:,} already.")
    if new_steps <= state.step:
        raise AskedWrongly(
            f"{directory.run_id} is at step {state.step:,}: it cannot end at {new_steps:,}.",
            f"studio stop {directory.run_id} ends it here, with a checkpoint.",
        )
    before, after = change_of_rate(state.step, state.steps, new_steps, spec)
    if new_steps > state.steps and after > MOST_JUMP * before:
        raise AskedWrongly(
            f"schedule={spec.schedule} has come down to {before:.2g}; to end at step {new_steps:,} it would jump up to "
            f"{after:.2g}, which undoes what it has settled.",
            "Start a new run of that length, or one with schedule=constant, which can be made longer at any time.",
        )
    return length_words(state.steps, new_steps, before, after)


def _live_training(project: Project, run: str, what: str) -> tuple[RunDirectory, RunState]:
    directory = find_run(project.runs_path, run)
    state = RunWatch(directory).poll()
    if not state.is_live:
        raise AskedWrongly(f"{directory.run_id} is not running: {state.status}.")
    if state.kind != "train":
        raise StudioError(f"{directory.run_id} is a comparison, which cannot {what}.", "X stops it.")
    return directory, state


def _touch(directory: RunDirectory, path: Path) -> None:
    with writing(path):
        path.touch(private_mode(directory.path))
