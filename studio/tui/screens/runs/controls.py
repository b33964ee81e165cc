"""What the keys ask of the run under the cursor: pause, go on, a checkpoint now, another length."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from studio.acts.controlling import ask_checkpoint, change_length, is_pause_wanted, pause_run
from studio.acts.training import resume_run
from studio.errors import AskedWrongly
from studio.runs.directory import RunDirectory
from studio.runs.specs import TrainSpec

if TYPE_CHECKING:
    from studio.runs.state import RunState
    from studio.tui.screens.runs.desk import Desk

UNITS = ("epochs", "steps")


class Controls:
    """Each wish is a file in the run's directory; what it does is said by the run itself, on the chart."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def pause_or_resume(self) -> None:
        state = self._desk.current
        if state is None:
            return
        run_id = state.run_id
        if state.is_live and state.kind == "train" and not is_pause_wanted(self._directory(state)):
            self._desk.say(f"{run_id}: pausing after this step …")
            self._desk.ask("pause", partial(pause_run, self._desk.project, run_id), self._look)
        elif state.can_resume or state.is_live:
            self._desk.say(f"{run_id}: going on …")
            self._desk.ask("resume", partial(resume_run, self._desk.project, run_id), self._resumed)
        else:
            self._desk.say(f"{run_id} is {state.status}: nothing to resume", "warning")

    def checkpoint(self) -> None:
        state = self._desk.current
        if state is not None:
            self._desk.ask("checkpoint", partial(ask_checkpoint, self._desk.project, state.run_id), self._asked)

    def length_now(self) -> str:
        """The present length, as ``change_length`` takes it; empty, and said, where there is none to change."""
        state = self._desk.current
        if state is None or not isinstance(state.spec, TrainSpec) or not state.steps:
            self._desk.say("this run has no length to change", "warning")
            return ""
        return f"epochs={state.spec.epochs:g}"

    def change_length(self, text: str) -> None:
        """``text`` is ``epochs=3`` or ``steps=400``. Raises AskedWrongly for anything else."""
        state = self._desk.current
        unit, _, number = (part.strip() for part in text.partition("="))
        try:
            value = float(number)
        except ValueError:
            value = 0.0
        if unit not in UNITS or not value > 0 or (unit == "steps" and not value.is_integer()):
            raise AskedWrongly(f"{text!r} is no length.", "epochs=3, or steps=400: how many there are in all.")
        if state is not None:
            change = partial(change_length, self._desk.project, state.run_id)
            question = partial(change, epochs=value) if unit == "epochs" else partial(change, steps=int(value))
            self._desk.ask("length", question, lambda done: self._desk.say(f"{done[0].run_id} {done[1]}"))

    def _resumed(self, directory: RunDirectory) -> None:
        self._desk.say(f"{directory.run_id} goes on")
        self._look(directory)

    def _asked(self, directory: RunDirectory) -> None:
        self._desk.say(f"{directory.run_id}: a checkpoint is written after this step")

    def _look(self, _: RunDirectory) -> None:
        self._desk.shell.poll_runs()

    def _directory(self, state: RunState) -> RunDirectory:
        return RunDirectory(self._desk.project.runs_path / state.run_id)
