"""Following a run from outside: its events become series to draw and one state to show.

A ``RunWatch`` keeps a byte offset and reads only what is new, so that looking often costs nothing.
"""

from __future__ import annotations

import bisect
import dataclasses
import math
from array import array
from dataclasses import dataclass, field
from typing import Any

from studio.errors import StudioError
from studio.files import JsonObject, read_json_object, why_not
from studio.runs.directory import RunDirectory
from studio.runs.event_clock import EventClock
from studio.runs.events import (
    ArmAsked,
    CheckpointSaved,
    Continued,
    Evaluation,
    Event,
    Failed,
    FinalEvent,
    Finished,
    Forecast,
    LengthChanged,
    Paused,
    Plan,
    Preparing,
    Progressed,
    Resumed,
    RolledBack,
    Started,
    Step,
    Unreadable,
    Warned,
    events_in,
    read_events,
)
from studio.runs.naming import read_naming
from studio.runs.places import PLACES, place_named
from studio.runs.places.place import Place
from studio.runs.predictions import read_predictions
from studio.runs.settings import Spec
from studio.runs.specs import SPECS, TrainSpec, read_spec
from studio.runs.status import Status, status_of
from studio.runs.step_index import WHOLE, Between, Steps, read_indexed

RECENT_STEPS = 20
STEP_COLUMNS = ("step", "epoch", "tokens", "seconds", "loss", "learning_rate", "grad_norm", "tokens_per_second")


def _integers() -> array[int]:
    return array("q")


def _numbers() -> array[float]:
    return array("d")


@dataclass
class Series:
    """What the charts draw, one entry a step or one an evaluation. Steps are held as numbers side by side, which numpy
    reads where they are: of a run of a million steps they are 64 MB, and copied in a moment.
    """

    step: array[int] = field(default_factory=_integers)
    epoch: array[float] = field(default_factory=_numbers)
    tokens: array[int] = field(default_factory=_integers)
    seconds: array[float] = field(default_factory=_numbers)
    loss: array[float] = field(default_factory=_numbers)
    learning_rate: array[float] = field(default_factory=_numbers)
    grad_norm: array[float] = field(default_factory=_numbers)
    tokens_per_second: array[float] = field(default_factory=_numbers)
    eval_step: list[int] = field(default_factory=list)
    eval_loss: list[float] = field(default_factory=list)
    watched_loss: list[float] = field(default_factory=list)
    checkpoints: list[int] = field(default_factory=list)
    warnings: list[tuple[int, str]] = field(default_factory=list)

    def cut_after(self, step: int) -> None:
        """Forget what came after ``step``: a resume goes on from its checkpoint and does those steps again."""
        keep = bisect.bisect_right(self.step, step)
        for name in STEP_COLUMNS:
            del getattr(self, name)[keep:]
        keep = bisect.bisect_right(self.eval_step, step)
        del self.eval_step[keep:], self.eval_loss[keep:], self.watched_loss[keep:]
        self.checkpoints = [at for at in self.checkpoints if at <= step]
        self.warnings = [warning for warning in self.warnings if warning[0] <= step]


@dataclass
class ArmProgress:
    """How far one arm of a comparison has come."""

    arm: str
    done: int = 0
    total: int = 0
    tokens_per_second: float | None = None


@dataclass
class RunState:
    """Everything a screen or a verb says about a run. ``status`` is computed anew at every poll.

    ``spec`` is None where ``spec.json`` is damaged; ``kind`` is then what its name says, or empty. ``name`` and
    ``note`` are what a person calls it and says of it; where they cannot be read, the note says so.
    """

    run_id: str
    kind: str
    spec: Spec | None
    status: Status = Status.STARTING
    phase: str = ""
    phase_began: float | None = None  # by the clock of the process that said it
    step: int = 0
    steps: int = 0
    steps_per_epoch: int = 0
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
    cores: float = 0.0
    forecast: Forecast | None = None
    started_at: float | None = None
    elapsed_seconds: float = 0.0
    eta_seconds: float | None = None
    message: str = ""
    hint: str = ""
    name: str = ""
    note: str = ""
    damage: str = ""  # why not all of its directory can be read
    arms: list[ArmProgress] = field(default_factory=list)
    series: Series = field(default_factory=Series)

    @property
    def is_live(self) -> bool:
        return self.status.is_live

    @property
    def title(self) -> str:
        """What to call it: its name, or else its id."""
        return self.name or self.run_id

    @property
    def can_resume(self) -> bool:
        return self.status.can_resume and self.spec is not None


class RunWatch:
    """One run, followed by its events file."""

    def __init__(self, directory: RunDirectory) -> None:
        self.directory = directory
        self._offset = 0
        self._clock = EventClock()
        self._last_event: Event | None = None
        self._earlier_seconds = 0.0  # spent by the process before a resume
        self._process_started_at: float | None = None
        self._step_times: list[tuple[int, float]] = []
        self._paused_at: float | None = None
        self._is_best_known = True
        named = directory.run_id.partition("-")[0]  # what kind it is, where only the name is left to say it
        self._state = RunState(directory.run_id, named if named in SPECS else "", None)
        self._place: Place = PLACES[0]
        self._spec_trouble: StudioError | None = None
        self._results_trouble: StudioError | None = None
        self._events_damage = ""
        self._naming_changed_at: int | None = None
        try:
            spec = read_spec(directory)
            self._state.spec, self._state.kind = spec, spec.kind
            self._place = place_named(spec.place)
        except StudioError as error:
            self._spec_trouble = error

    def poll(self) -> RunState:
        """Read the new whole lines and compute the status; always the same object, brought up to date."""
        if not self.directory.path.exists():
            self._state.status, self._state.message = Status.LOST, "the run directory is gone"
            return self._state
        unread = self._read_events()
        self._read_naming()
        if not self._is_best_known:
            self._note_best()
        state = self._state
        trouble = self._spec_trouble or self._results_trouble
        state.damage = trouble.message if trouble else unread or self._events_damage
        process = self._place.state(self.directory)
        state.status = status_of(self.directory, process, self._last_event, is_damaged=bool(state.damage))
        self._compute_times()
        if state.status is Status.LOST:
            state.message = "the process ended without a word"
            state.hint = f"studio resume {state.run_id}"
        elif state.status is Status.DAMAGED:
            state.message, state.hint = state.damage, self._way_out()
        return state

    def _read_events(self) -> str:
        """Take what is new; why it cannot be read, or nothing."""
        try:
            if not self._offset:
                self._read_indexed()
            events, self._offset = read_events(self.directory.events_path, self._offset)
        except OSError as error:
            return f"{self.directory.events_path.name} cannot be read: {why_not(error)}"
        for event in events:
            self._take_timed(event)
        if events:
            self._clock.note_reading()
        return ""

    def _read_indexed(self) -> None:
        parts, self._offset = read_indexed(self.directory.events_path)
        for part in parts:
            if isinstance(part, Between):
                for event in events_in(part.lines):
                    self._take_timed(event)
            else:
                self._take_many_steps(part)

    def _take_timed(self, event: Event) -> None:
        self._take(event if isinstance(event, Unreadable) else self._clock.take(event))

    def _read_naming(self) -> None:
        """Name and note, where their file is another than at the last look."""
        changed_at = self.directory.named_at
        if changed_at == self._naming_changed_at:
            return
        self._naming_changed_at = changed_at
        try:
            naming = read_naming(self.directory.naming_path)
            self._state.name, self._state.note = naming.name, naming.note
        except StudioError as error:
            self._state.name, self._state.note = "", error.message

    def _way_out(self) -> str:
        if self._spec_trouble:
            return self._spec_trouble.hint or "Start a new run; this one can be deleted."
        if self._results_trouble:
            return self._results_trouble.hint or f"Made anew from its answers: studio resume {self._state.run_id}"
        return f"Steps may be missing here. What it has made can be used; studio resume {self._state.run_id} goes on."

    @property
    def spec(self) -> Spec | None:
        """The run's spec; None where ``spec.json`` is damaged."""
        return self._state.spec

    def log_tail(self, lines: int = 20) -> str:
        """The last lines of the run's output."""
        return self._place.log(self.directory, lines)

    def _take(self, event: Event) -> None:
        if isinstance(event, Unreadable):
            name = self.directory.events_path.name
            self._events_damage = self._events_damage or f"{name} is damaged: {event.why}"
            return
        self._last_event = event
        self._take_of_any_run(event)
        match event:
            case Step():
                self._take_step(event)
            case Evaluation():
                self._take_evaluation(event)
            case CheckpointSaved():
                self._state.series.checkpoints.append(event.step)
            case ArmAsked():
                self._arm(event.arm).total = event.prompts
            case Progressed():
                self._take_progress(event)
            case _:
                self._take_of_control(event)

    def _take_of_control(self, event: Event) -> None:
        """What somebody, or a watchdog, changed about a run that goes on."""
        state = self._state
        match event:
            case Paused():
                state.phase, state.phase_began, self._paused_at = "paused", event.time, event.time
            case Continued() if self._paused_at is not None and self._process_started_at is not None:
                self._process_started_at += event.time - self._paused_at  # what it waited is no time of its work
                state.phase, self._paused_at = "", None
                self._step_times.clear()
            case LengthChanged():
                state.steps = event.steps
                if isinstance(state.spec, TrainSpec):
                    state.spec = dataclasses.replace(state.spec, epochs=event.epochs)
                if event.message:
                    state.series.warnings.append((event.step, event.message))
            case RolledBack():
                self._take_rolled_back(event)

    def _take_rolled_back(self, event: RolledBack) -> None:
        series = self._state.series
        why = series.warnings
        series.cut_after(event.step)
        scale = f"back to step {event.step:,} from {event.from_step:,}, at {event.rate_scale:g} of the learning rate"
        series.warnings = [*why, (event.step, scale)]
        self._state.step = event.step
        self._state.eval_loss = series.eval_loss[-1] if series.eval_loss else None
        self._step_times.clear()
        self._is_best_known = False

    def _take_of_any_run(self, event: Event) -> None:
        state = self._state
        match event:
            case Started():
                self._take_started(event)
            case Preparing():
                state.phase, state.phase_began = event.message, event.time
            case Resumed():
                self._take_resumed(event)
            case Plan():
                state.steps, state.rows, state.dtype = event.steps, event.rows, event.dtype
                state.steps_per_epoch = event.steps_per_epoch
            case Forecast():
                state.forecast = event
            case Warned():
                message = f"{event.message} · {event.hint}" if event.hint else event.message
                state.series.warnings.append((event.step, message))
            case Failed():
                state.message, state.hint = event.message, event.hint
            case Finished():
                state.phase = ""
                self._check_results()
            case FinalEvent():
                state.phase = ""

    def _take_started(self, event: Started) -> None:
        state = self._state
        if state.started_at is None:
            state.started_at = event.time
        self._earlier_seconds = state.elapsed_seconds
        self._process_started_at = event.time
        self._step_times.clear()
        self._paused_at = None
        state.message = state.hint = self._events_damage = ""  # of an earlier life
        self._results_trouble = None
        state.phase, state.phase_began = "starting", event.time

    def _check_results(self) -> None:
        if self._state.kind == "compare":
            try:
                scores_in(self.directory)
                read_predictions(self.directory)
            except StudioError as error:
                self._results_trouble = error

    def _take_resumed(self, event: Resumed) -> None:
        series = self._state.series
        series.cut_after(event.step)
        self._state.step = event.step
        self._earlier_seconds = series.seconds[-1] if series.seconds else 0.0
        self._state.eval_loss = series.eval_loss[-1] if series.eval_loss else None
        self._is_best_known = False

    def _take_step(self, event: Step) -> None:
        state, series = self._state, self._state.series
        state.phase = ""
        state.step, state.epoch, state.memory_bytes = event.step, event.epoch, event.memory_bytes
        state.cores = event.cores
        state.loss, state.learning_rate, state.grad_norm = event.loss, event.learning_rate, event.grad_norm
        state.tokens_per_second = _finite(event.tokens_per_second)
        series.step.append(event.step)
        series.epoch.append(event.epoch)
        series.tokens.append(event.tokens)
        series.seconds.append(self._seconds_at(event))
        series.loss.append(_or_nan(event.loss))
        series.learning_rate.append(_or_nan(event.learning_rate))
        series.grad_norm.append(_or_nan(event.grad_norm))
        series.tokens_per_second.append(_or_nan(event.tokens_per_second))
        self._step_times.append((event.step, event.time))
        del self._step_times[:-RECENT_STEPS]

    def _take_many_steps(self, steps: Steps) -> None:
        """As ``_take_step`` of each, but for all before the last at once."""
        series, columns = self._state.series, steps.columns
        many = {name: values[:-1] for name, values in columns.items()}
        many["time"] = self._clock.take_many(many["time"], many["clock"])
        started = self._process_started_at or float(many["time"][0] if len(many["time"]) else columns["time"][0])
        many["seconds"] = self._earlier_seconds + many["time"] - started
        for name in STEP_COLUMNS:
            into: array[Any] = getattr(series, name)
            into.frombytes(many[name].astype("i8" if into.typecode == "q" else "f8").tobytes())
        recent = slice(-RECENT_STEPS, None)
        self._step_times += zip(map(int, many["step"][recent]), many["time"][recent].tolist(), strict=True)
        last = {name: values[-1].item() for name, values in columns.items()}
        self._take_timed(Step(**last | {name: int(last[name]) for name in WHOLE}))

    def _take_evaluation(self, event: Evaluation) -> None:
        series = self._state.series
        if series.eval_step and series.eval_step[-1] == event.step:  # measured again after a resume
            del series.eval_step[-1], series.eval_loss[-1], series.watched_loss[-1]
        series.eval_step.append(event.step)
        series.eval_loss.append(_or_nan(event.eval_loss))
        series.watched_loss.append(_or_nan(event.watched))
        self._state.eval_loss = event.eval_loss
        self._is_best_known = False

    def _take_progress(self, event: Progressed) -> None:
        arm = self._arm(event.arm)
        arm.done, arm.total, arm.tokens_per_second = event.done, event.total, _finite(event.tokens_per_second)
        self._state.step = sum(each.done for each in self._state.arms)
        self._state.steps = max(self._state.steps, sum(each.total for each in self._state.arms))
        self._state.tokens_per_second = arm.tokens_per_second
        self._state.phase, self._state.phase_began = f"{arm.arm}: {arm.done} of {arm.total}", None

    def _arm(self, name: str) -> ArmProgress:
        for arm in self._state.arms:
            if arm.arm == name:
                return arm
        self._state.arms.append(ArmProgress(name))
        return self._state.arms[-1]

    def _note_best(self) -> None:
        series = self._state.series
        # Step 0 is the untuned model: something to compare with, never the best of a run.
        pairs = zip(series.eval_step, series.watched_loss, strict=True)
        measured = [(loss, step) for step, loss in pairs if step > 0 and loss == loss]
        loss, step = min(measured, default=(None, None))
        self._state.best_eval_loss, self._state.best_step = loss, step
        self._is_best_known = True

    def _seconds_at(self, event: Event) -> float:
        started = self._process_started_at or event.time
        return self._earlier_seconds + event.time - started

    def _compute_times(self) -> None:
        state = self._state
        if self._last_event is None or self._process_started_at is None:
            return
        ends_at = self._paused_at or (self._clock.now() if state.is_live else self._last_event.time)
        state.elapsed_seconds = self._earlier_seconds + max(0.0, ends_at - self._process_started_at)
        state.eta_seconds = None
        if state.is_live and state.steps and len(self._step_times) >= 2:
            (first_step, first_time), (last_step, last_time) = self._step_times[0], self._step_times[-1]
            per_step = (last_time - first_time) / max(1, last_step - first_step)
            state.eta_seconds = max(0.0, per_step * (state.steps - last_step) - (self._clock.now() - last_time))


def state_as_json(state: RunState) -> dict[str, object]:
    """A run as ``studio runs --json`` lists it; NaN and infinity, which JSON lacks, become null."""
    names = [
        field.name for field in dataclasses.fields(state) if field.name not in ("spec", "series", "arms", "forecast")
    ]
    listed = {name: getattr(state, name) for name in names}
    listed["forecast_seconds"] = state.forecast.seconds if state.forecast else None
    listed["base_model"] = getattr(state.spec, "base_model", "")
    return {name: _finite(value) if isinstance(value, float) else value for name, value in listed.items()}


def scores_in(directory: RunDirectory) -> JsonObject | None:
    """The finished comparison's scores, or None while there are none. Raises StudioError where they are damaged."""
    try:
        return read_json_object(directory.scores_path)
    except FileNotFoundError:
        return None


def _or_nan(value: float | None) -> float:
    """Charts leave a gap at NaN; JSON without NaN writes null for it."""
    return float("nan") if value is None else value


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
