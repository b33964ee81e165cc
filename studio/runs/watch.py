"""Following a run from outside: its events become series to draw and one state to show.

A ``RunWatch`` keeps a byte offset and reads only what is new, so that looking often costs nothing.
"""

from __future__ import annotations

import bisect
import dataclasses
import json
import time
from dataclasses import dataclass, field
from pathlib import Path

from studio.errors import AskedWrongly, StudioError
from studio.runs.directory import Event, RunDirectory, read_events
from studio.runs.places.local import log_tail
from studio.runs.specs import Spec

RECENT_STEPS = 20


@dataclass
class Series:
    """What the charts draw. Lists of one length per group: one entry a step, one an evaluation."""

    step: list[int] = field(default_factory=list)
    epoch: list[float] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)
    learning_rate: list[float] = field(default_factory=list)
    grad_norm: list[float] = field(default_factory=list)
    tokens_per_second: list[float] = field(default_factory=list)
    eval_step: list[int] = field(default_factory=list)
    eval_loss: list[float] = field(default_factory=list)
    checkpoints: list[int] = field(default_factory=list)
    warnings: list[tuple[int, str]] = field(default_factory=list)

    def cut_after(self, step: int) -> None:
        """Forget what came after ``step``: a resume goes on from its checkpoint and does those steps again."""
        keep = bisect.bisect_right(self.step, step)
        for name in ("step", "epoch", "tokens", "seconds", "loss", "learning_rate", "grad_norm", "tokens_per_second"):
            del getattr(self, name)[keep:]
        keep = bisect.bisect_right(self.eval_step, step)
        del self.eval_step[keep:], self.eval_loss[keep:]
        self.checkpoints = [at for at in self.checkpoints if at <= step]
        self.warnings = [warning for warning in self.warnings if warning[0] <= step]


@dataclass
class ArmProgress:
    """How far one arm of a comparison has come."""

    arm: str
    done: int = 0
    total: int = 0
    tokens_per_second: float = 0.0


@dataclass
class RunState:
    """Everything a screen or a verb says about a run. ``status`` is computed anew at every poll."""

    run_id: str
    kind: str
    spec: Spec | None
    status: str = "starting"
    phase: str = ""
    step: int = 0
    steps: int = 0
    epoch: float = 0.0
    rows: int = 0
    dtype: str = ""
    loss: float | None = None
    eval_loss: float | None = None
    best_eval_loss: float | None = None
    best_step: int | None = None
    learning_rate: float | None = None
    grad_norm: float | None = None
    tokens_per_second: float | None = None
    memory_bytes: int = 0
    started_at: float | None = None
    elapsed_seconds: float = 0.0
    eta_seconds: float | None = None
    message: str = ""
    hint: str = ""
    arms: list[ArmProgress] = field(default_factory=list)
    series: Series = field(default_factory=Series)

    @property
    def is_live(self) -> bool:
        return self.status in ("starting", "running", "stalled")

    @property
    def can_resume(self) -> bool:
        return self.status in ("lost", "stopped", "failed")


class RunWatch:
    """One run, followed by its events file."""

    def __init__(self, directory: RunDirectory) -> None:
        self.directory = directory
        self._offset = 0
        self._last_event: Event | None = None
        self._earlier_seconds = 0.0  # spent by the process before a resume
        self._process_started_at: float | None = None
        self._step_times: list[tuple[int, float]] = []
        self._state = RunState(directory.run_id, "", None)
        try:
            spec = directory.spec()
            self._state.spec, self._state.kind = spec, spec.kind
        except StudioError as error:
            self._state.message, self._state.hint = error.message, error.hint

    def poll(self) -> RunState:
        """Read the new whole lines and compute the status; always the same object, brought up to date."""
        if not self.directory.path.exists():
            self._state.status, self._state.message = "lost", "the run directory is gone"
            return self._state
        events, self._offset = read_events(self.directory.events_path, self._offset)
        for event in events:
            self._take(event)
        self._state.status = self.directory.status(self._last_event)
        self._compute_times()
        if self._state.status == "lost" and self._state.spec is not None:
            self._state.message = "the process ended without a word"
            self._state.hint = f"studio resume {self._state.run_id}"
        return self._state

    @property
    def spec(self) -> Spec | None:
        """The run's spec; None where ``spec.json`` is damaged."""
        return self._state.spec

    def log_tail(self, lines: int = 20) -> str:
        return log_tail(self.directory, lines)

    def _take(self, event: Event) -> None:
        self._last_event = event
        take = getattr(self, f"_take_{event['event']}", None)
        if take is not None:  # an event of a newer worker is no reason to stop reading
            take(event)

    def _take_started(self, event: Event) -> None:
        state = self._state
        if state.started_at is None:
            state.started_at = event["time"]
        self._earlier_seconds = state.elapsed_seconds
        self._process_started_at = event["time"]
        self._step_times.clear()
        state.message = state.hint = ""
        state.phase = "starting"

    def _take_preparing(self, event: Event) -> None:
        self._state.phase = event["message"]

    def _take_resumed(self, event: Event) -> None:
        step = event["step"]
        self._state.series.cut_after(step)
        self._state.step = step
        self._earlier_seconds = self._state.series.seconds[-1] if self._state.series.seconds else 0.0
        evaluations = self._state.series.eval_loss
        self._state.eval_loss = evaluations[-1] if evaluations else None
        self._note_best()

    def _take_plan(self, event: Event) -> None:
        self._state.steps = event.get("steps", 0)  # a comparison's plan has none: its arms bring theirs
        self._state.rows = event.get("rows", 0)
        self._state.dtype = event.get("dtype", "")

    def _take_step(self, event: Event) -> None:
        state, series = self._state, self._state.series
        state.phase = ""
        state.step, state.epoch = event["step"], event["epoch"]
        state.memory_bytes = event.get("memory_bytes", 0)
        seconds = self._seconds_at(event)
        series.seconds.append(seconds)
        for name in ("step", "epoch", "tokens", "loss", "learning_rate", "grad_norm", "tokens_per_second"):
            value = event[name]
            getattr(series, name).append(float("nan") if value is None else value)
        state.loss, state.learning_rate, state.grad_norm = event["loss"], event["learning_rate"], event["grad_norm"]
        state.tokens_per_second = event["tokens_per_second"]
        self._step_times.append((event["step"], event["time"]))
        del self._step_times[:-RECENT_STEPS]

    def _take_evaluation(self, event: Event) -> None:
        series = self._state.series
        if series.eval_step and series.eval_step[-1] == event["step"]:  # measured again after a resume
            del series.eval_step[-1], series.eval_loss[-1]
        series.eval_step.append(event["step"])
        series.eval_loss.append(float("nan") if event["eval_loss"] is None else event["eval_loss"])
        self._state.eval_loss = event["eval_loss"]
        self._note_best()

    def _take_checkpoint(self, event: Event) -> None:
        self._state.series.checkpoints.append(event["step"])

    def _take_warning(self, event: Event) -> None:
        self._state.series.warnings.append((event.get("step", self._state.step), event["message"]))

    def _take_arm(self, event: Event) -> None:
        self._arm(event["arm"]).total = event.get("prompts", 0)

    def _take_progress(self, event: Event) -> None:
        arm = self._arm(event["arm"])
        arm.done, arm.total = event["done"], event["total"]
        arm.tokens_per_second = event.get("tokens_per_second", 0.0)
        self._state.step = sum(each.done for each in self._state.arms)
        self._state.steps = max(self._state.steps, sum(each.total for each in self._state.arms))
        self._state.tokens_per_second = arm.tokens_per_second
        self._state.phase = f"{arm.arm}: {arm.done} of {arm.total}"

    def _take_finished(self, event: Event) -> None:
        self._state.phase = ""

    _take_stopped = _take_finished

    def _take_failed(self, event: Event) -> None:
        self._state.message, self._state.hint = event.get("message", ""), event.get("hint", "")

    def _arm(self, name: str) -> ArmProgress:
        for arm in self._state.arms:
            if arm.arm == name:
                return arm
        self._state.arms.append(ArmProgress(name))
        return self._state.arms[-1]

    def _note_best(self) -> None:
        series = self._state.series
        # Step 0 is the untuned model: something to compare with, never the best of a run.
        pairs = zip(series.eval_step, series.eval_loss, strict=True)
        measured = [(loss, step) for step, loss in pairs if step > 0 and loss == loss]
        loss, step = min(measured, default=(None, None))
        self._state.best_eval_loss, self._state.best_step = loss, step

    def _seconds_at(self, event: Event) -> float:
        started = self._process_started_at or event["time"]
        return self._earlier_seconds + float(event["time"] - started)

    def _compute_times(self) -> None:
        state = self._state
        if self._last_event is None or self._process_started_at is None:
            return
        ends_at = time.time() if state.is_live else self._last_event["time"]
        state.elapsed_seconds = self._earlier_seconds + max(0.0, ends_at - self._process_started_at)
        state.eta_seconds = None
        if state.is_live and state.steps and len(self._step_times) >= 2:
            (first_step, first_time), (last_step, last_time) = self._step_times[0], self._step_times[-1]
            per_step = (last_time - first_time) / max(1, last_step - first_step)
            state.eta_seconds = max(0.0, per_step * (state.steps - last_step) - (time.time() - last_time))


def runs_in(runs_path: Path) -> list[RunDirectory]:
    """The complete run directories, newest first."""
    try:
        found = [RunDirectory(path) for path in runs_path.iterdir() if (path / "spec.json").exists()]
    except FileNotFoundError:
        return []
    return sorted(found, key=lambda directory: directory.spec_path.stat().st_mtime, reverse=True)


def find_run(runs_path: Path, run_id: str) -> RunDirectory:
    """The run with this id, or whose id is the only one to begin with it. Raises AskedWrongly otherwise."""
    known = runs_in(runs_path)
    exact = [directory for directory in known if directory.run_id == run_id]
    close = exact or [directory for directory in known if run_id and directory.run_id.startswith(run_id)]
    if len(close) == 1:
        return close[0]
    names = ", ".join(directory.run_id for directory in (close or known)[:8]) or "there are none yet"
    raise AskedWrongly(f"{'several runs begin with' if close else 'no run'} {run_id!r}.", f"Runs: {names}.")


def state_as_json(state: RunState) -> dict[str, object]:
    """A run as ``studio runs --json`` lists it; NaN, which JSON lacks, becomes null."""
    names = [field.name for field in dataclasses.fields(state) if field.name not in ("spec", "series", "arms")]
    listed = {name: getattr(state, name) for name in names}
    listed["base_model"] = getattr(state.spec, "base_model", "")
    return {name: None if value != value else value for name, value in listed.items()}


def scores_in(directory: RunDirectory) -> dict[str, object] | None:
    """The finished comparison's scores, or None while there are none."""
    try:
        scores: dict[str, object] = json.loads(directory.scores_path.read_text(encoding="utf-8"))
        return scores
    except FileNotFoundError:
        return None
