"""What the events of a run add up to: its series, its state, and how its time goes."""

from __future__ import annotations

import dataclasses
from array import array
from typing import Any

from studio.runs.event_clock import EventClock
from studio.runs.events import (
    ArmAsked,
    CheckpointSaved,
    Continued,
    Evaluation,
    Event,
    Failed,
    FinalEvent,
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
)
from studio.runs.series import STEP_COLUMNS
from studio.runs.specs import TrainSpec
from studio.runs.state import ArmProgress, RunState, finite, or_nan
from studio.runs.step_index import WHOLE, Steps

RECENT_STEPS = 20


class Chronicle:
    """Takes the events of one run in their order and keeps ``state`` as they leave it.

    ``damage`` says what is no event among them, of the newest life of the run.
    """

    def __init__(self, state: RunState) -> None:
        self.state = state
        self.last_event: Event | None = None
        self.damage = ""
        self._clock = EventClock()
        self._earlier_seconds = 0.0  # spent by the process before a resume
        self._process_started_at: float | None = None
        self._step_times: list[tuple[int, float]] = []
        self._paused_at: float | None = None
        self._is_best_known = True

    def take(self, event: Event) -> None:
        """The next event."""
        if isinstance(event, Unreadable):
            self.damage = self.damage or event.why
        else:
            self._take(self._clock.take(event))

    def note_reading(self) -> None:
        """All events that there are have been taken."""
        self._clock.note_reading()

    def bring_up_to_date(self) -> None:
        """What is computed of all events together, by ``state.status``, which they alone do not tell."""
        self._note_best()
        self._compute_times()

    def _take(self, event: Event) -> None:
        self.last_event = event
        self._take_of_any_run(event)
        match event:
            case Step():
                self._take_step(event)
            case Evaluation():
                self._take_evaluation(event)
            case CheckpointSaved():
                self.state.series.checkpoints.append(event.step)
            case ArmAsked():
                self._arm(event.arm).total = event.prompts
            case Progressed():
                self._take_progress(event)
            case _:
                self._take_of_control(event)

    def _take_of_any_run(self, event: Event) -> None:
        state = self.state
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
            case FinalEvent():
                state.phase = ""

    def _take_started(self, event: Started) -> None:
        state = self.state
        if state.started_at is None:
            state.started_at = event.time
        self._earlier_seconds = state.elapsed_seconds
        self._process_started_at = event.time
        self._step_times.clear()
        self._paused_at = None
        state.message = state.hint = self.damage = ""  # of an earlier life
        state.phase, state.phase_began = "starting", event.time

    def _take_resumed(self, event: Resumed) -> None:
        series = self.state.series
        series.cut_after(event.step)
        self.state.step = event.step
        self._earlier_seconds = series.seconds[-1] if series.seconds else 0.0
        self.state.eval_loss = series.eval_loss[-1] if series.eval_loss else None
        self._is_best_known = False

    def _take_step(self, event: Step) -> None:
        state, series = self.state, self.state.series
        state.phase = ""
        state.step, state.epoch, state.memory_bytes = event.step, event.epoch, event.memory_bytes
        state.cores = event.cores
        state.loss, state.learning_rate, state.grad_norm = event.loss, event.learning_rate, event.grad_norm
        state.tokens_per_second = finite(event.tokens_per_second)
        series.step.append(event.step)
        series.epoch.append(event.epoch)
        series.tokens.append(event.tokens)
        series.seconds.append(self._seconds_at(event))
        series.loss.append(or_nan(event.loss))
        series.learning_rate.append(or_nan(event.learning_rate))
        series.grad_norm.append(or_nan(event.grad_norm))
        series.tokens_per_second.append(or_nan(event.tokens_per_second))
        self._step_times.append((event.step, event.time))
        del self._step_times[:-RECENT_STEPS]

    def take_many_steps(self, steps: Steps) -> None:
        """As ``take`` of each step, but for all before the last at once."""
        series, columns = self.state.series, steps.columns
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
        self.take(Step(**last | {name: int(last[name]) for name in WHOLE}))

    def _take_evaluation(self, event: Evaluation) -> None:
        series = self.state.series
        if series.eval_step and series.eval_step[-1] == event.step:  # measured again after a resume
            series.drop_evaluations(len(series.eval_step) - 1)
        series.add_evaluation(event.step, or_nan(event.eval_loss), or_nan(event.watched), event.task_losses)
        self.state.eval_loss = event.eval_loss
        self._is_best_known = False

    def _take_progress(self, event: Progressed) -> None:
        arm = self._arm(event.arm)
        arm.done, arm.total, arm.tokens_per_second = event.done, event.total, finite(event.tokens_per_second)
        self.state.step = sum(each.done for each in self.state.arms)
        self.state.steps = max(self.state.steps, sum(each.total for each in self.state.arms))
        self.state.tokens_per_second = arm.tokens_per_second
        self.state.phase, self.state.phase_began = f"{arm.arm}: {arm.done} of {arm.total}", None

    def _arm(self, name: str) -> ArmProgress:
        for arm in self.state.arms:
            if arm.arm == name:
                return arm
        self.state.arms.append(ArmProgress(name))
        return self.state.arms[-1]

    def _take_of_control(self, event: Event) -> None:
        """What somebody, or a watchdog, changed about a run that goes on."""
        state = self.state
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
        series = self.state.series
        why = series.warnings
        series.cut_after(event.step)
        scale = f"back to step {event.step:,} from {event.from_step:,}, at {event.rate_scale:g} of the learning rate"
        series.warnings = [*why, (event.step, scale)]
        self.state.step = event.step
        self.state.eval_loss = series.eval_loss[-1] if series.eval_loss else None
        self._step_times.clear()
        self._is_best_known = False

    def _note_best(self) -> None:
        if self._is_best_known:
            return
        series = self.state.series
        # Step 0 is the untuned model: something to compare with, never the best of a run.
        pairs = zip(series.eval_step, series.watched_loss, strict=True)
        measured = [(loss, step) for step, loss in pairs if step > 0 and loss == loss]
        loss, step = min(measured, default=(None, None))
        self.state.best_eval_loss, self.state.best_step = loss, step
        self._is_best_known = True

    def _seconds_at(self, event: Event) -> float:
        started = self._process_started_at or event.time
        return self._earlier_seconds + event.time - started

    def _compute_times(self) -> None:
        state = self.state
        if self.last_event is None or self._process_started_at is None:
            return
        ends_at = self._paused_at or (self._clock.now() if state.is_live else self.last_event.time)
        state.elapsed_seconds = self._earlier_seconds + max(0.0, ends_at - self._process_started_at)
        state.eta_seconds = None
        if state.is_live and state.steps and len(self._step_times) >= 2:
            (first_step, first_time), (last_step, last_time) = self._step_times[0], self._step_times[-1]
            per_step = (last_time - first_time) / max(1, last_step - first_step)
            state.eta_seconds = max(0.0, per_step * (state.steps - last_step) - (self._clock.now() - last_time))
