"""What a run says: a dataclass an event, written and read through it. ``EVENTS`` is the format of events.jsonl.

A line is ``{"event": NAME, "time": …}`` and the event's fields. What an older worker left out takes its default; what
a newer one says besides is passed over, and an event that only it knows is read as ``Unknown``.
"""

from __future__ import annotations

import math
import time
import types
import typing
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar

from studio.files import JsonLinesWriter, JsonObject, in_short, objects_in, scan_json_lines
from studio.runs.step_index import IndexWriter


@dataclass(frozen=True, kw_only=True)
class Event:
    """``time`` is when it was written, in seconds since the epoch.

    ``clock`` counts seconds, from any start, by a clock that nobody sets; within one life of a run it tells how far
    events are apart. None in what an older studio wrote.
    """

    NAME: ClassVar[str]

    time: float = 0.0
    clock: float | None = None


@dataclass(frozen=True, kw_only=True)
class FinalEvent(Event):
    """The last event of a life of a run; its name is the run's status from then on."""


@dataclass(frozen=True, kw_only=True)
class Started(Event):
    """Written before torch is imported: the process is there."""

    NAME = "started"
    pid: int = 0
    host: str = ""
    kind: str = ""


@dataclass(frozen=True, kw_only=True)
class Preparing(Event):
    """What takes time before the first step, in words."""

    NAME = "preparing"
    message: str


@dataclass(frozen=True, kw_only=True)
class Plan(Event):
    """What will be done and how it is computed; a resume computes by the same plan.

    ``steps``, ``steps_per_epoch``, token and parameter counts are of a train run, ``arms`` and ``batch_size`` of a
    comparison. ``rows`` are those that train, or that every arm answers. ``task_examples`` and ``task_tokens`` are what
    an epoch has of each task. ``recomputes``: activations are computed again in the backward pass.
    """

    NAME = "plan"
    rows: int = 0
    dtype: str = ""
    threads: int = 1
    lanes: int = 1
    micro_batch_size: int = 1
    recomputes: bool = False
    batch_size: int = 0
    arms: tuple[str, ...] = ()
    steps: int = 0
    steps_per_epoch: int = 0
    validation_rows: int = 0
    tokens_per_epoch: int = 0
    trainable_parameters: int = 0
    parameters: int = 0
    dropped_rows: int = 0
    cut_rows: int = 0
    learning_rate: float = 0.0
    continued_from: str = ""
    task_examples: dict[str, int] = field(default_factory=dict)
    task_tokens: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Forecast(Event):
    """What the whole run will take, by ``measured_steps`` steps of it that were tried; ``note`` says why none were.

    ``disk_bytes``: the most that checkpoints and result take at one time.
    """

    NAME = "forecast"
    seconds: float | None = None
    least_seconds: float | None = None
    most_seconds: float | None = None
    tokens_per_second: float | None = None
    memory_bytes: int = 0
    disk_bytes: int = 0
    measured_steps: int = 0
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Resumed(Event):
    """The run goes on behind ``step``; what an earlier life did after it is done again."""

    NAME = "resumed"
    step: int


@dataclass(frozen=True, kw_only=True)
class Step(Event):
    """One optimizer step: ``loss`` is the mean per learned token, ``tokens`` all so far, ``grad_norm`` unclipped.

    ``memory_bytes`` is the most that was ever held (of the GPU where it computes there), ``cores`` how many worked on
    average.
    """

    NAME = "step"
    step: int
    epoch: float
    tokens: int
    loss: float | None
    learning_rate: float | None
    grad_norm: float | None
    tokens_per_second: float | None
    memory_bytes: int = 0
    cores: float = 0.0
    task_losses: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Evaluation(Event):
    """Mean loss per learned token of the validation rows; step 0 is the untuned model.

    ``watched_loss`` is what decides which step is the best, where that is another (``early_stopping_on``).
    """

    NAME = "evaluation"
    step: int
    eval_loss: float | None
    tokens: int = 0
    task_losses: dict[str, float] = field(default_factory=dict)
    watched_loss: float | None = None

    @property
    def watched(self) -> float | None:
        """The loss by which steps are compared."""
        return self.eval_loss if self.watched_loss is None else self.watched_loss


@dataclass(frozen=True, kw_only=True)
class CheckpointSaved(Event):
    """Resumable state is whole on disk."""

    NAME = "checkpoint"
    step: int
    path: str = ""
    is_best: bool = False


@dataclass(frozen=True, kw_only=True)
class Warned(Event):
    """Something a person should know that ends nothing; ``watchdog`` is who says it, ``hint`` what to do."""

    NAME = "warning"
    message: str
    step: int = 0
    hint: str = ""
    watchdog: str = ""


@dataclass(frozen=True, kw_only=True)
class RolledBack(Event):
    """The run went back behind ``step``, whose weights were good; rates are multiplied by ``rate_scale`` from now on.

    What it did after that step, up to ``from_step``, is done again.
    """

    NAME = "rolled_back"
    step: int
    from_step: int = 0
    rate_scale: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Paused(Event):
    """A checkpoint is written and the process waits."""

    NAME = "paused"
    step: int


@dataclass(frozen=True, kw_only=True)
class Continued(Event):
    """The wait is over."""

    NAME = "continued"
    step: int


@dataclass(frozen=True, kw_only=True)
class LengthChanged(Event):
    """The run ends at ``steps`` from now on; ``epochs`` is its spec's new value."""

    NAME = "length_changed"
    step: int
    steps: int
    epochs: float
    message: str = ""


@dataclass(frozen=True, kw_only=True)
class ArmAsked(Event):
    """An arm's prompts are rendered: how many fit, how many do not, and how long they are."""

    NAME = "arm"
    arm: str
    prompts: int = 0
    left_out: int = 0
    prompt_tokens_mean: float = 0.0
    max_new_tokens: int = 0


@dataclass(frozen=True, kw_only=True)
class Progressed(Event):
    """An arm has answered ``done`` of its ``total`` prompts; the rate is over this life of the run."""

    NAME = "progress"
    arm: str
    done: int
    total: int
    tokens_per_second: float | None = None


@dataclass(frozen=True, kw_only=True)
class Finished(FinalEvent):
    """All is done; the best evaluation, where there was one."""

    NAME = "finished"
    seconds: float = 0.0
    step: int = 0
    best_step: int | None = None
    best_eval_loss: float | None = None


@dataclass(frozen=True, kw_only=True)
class Stopped(FinalEvent):
    """Somebody asked; what was done so far is kept."""

    NAME = "stopped"
    step: int = 0


@dataclass(frozen=True, kw_only=True)
class Failed(FinalEvent):
    """What happened and the next step, as a StudioError says it."""

    NAME = "failed"
    message: str = ""
    hint: str = ""


@dataclass(frozen=True, kw_only=True)
class Unreadable(Event):
    """A line that is no event, as no crash leaves one: the file is damaged. ``why`` names the line."""

    NAME = ""
    why: str


@dataclass(frozen=True, kw_only=True)
class Unknown(Event):
    """An event that this studio does not know: the run is alive, and that is all it tells."""

    NAME = ""


EVENTS: tuple[type[Event], ...] = (
    Started,
    Preparing,
    Plan,
    Forecast,
    Resumed,
    Step,
    Evaluation,
    CheckpointSaved,
    Warned,
    RolledBack,
    Paused,
    Continued,
    LengthChanged,
    ArmAsked,
    Progressed,
    Finished,
    Stopped,
    Failed,
)


class EventWriter:
    """Appends events to a run's events.jsonl and stamps them with the time, and with a clock that nobody sets."""

    def __init__(self, path: Path) -> None:
        self._lines = JsonLinesWriter(path)
        self._index: IndexWriter | None = None
        self._path = path

    def write(self, event: Event) -> None:
        """One whole line; of a step also its record, see ``step_index``. Raises OSError on a full disk."""
        stamps = {"time": time.time(), "clock": round(time.monotonic(), 3)}
        said = {"event": event.NAME, **vars(event), **stamps}
        start, end = self._lines.write(said)
        if isinstance(event, Step):
            self._index = self._index or IndexWriter(self._path)
            self._index.write(said, start, end)

    def close(self) -> None:
        self._lines.close()
        if self._index is not None:
            self._index.close()


def read_events(path: Path, offset: int = 0) -> tuple[list[Event], int]:
    """The events in the whole lines from byte ``offset`` on, and the offset after them; see ``scan_json_lines``."""
    items, end = scan_json_lines(path, offset)
    return [Unreadable(why=item) if isinstance(item, str) else event_from(item) for item in items], end


def events_in(lines: bytes) -> list[Event]:
    """The events in whole lines; what a crash cut short is passed over."""
    return [Unreadable(why=item) if isinstance(item, str) else event_from(item) for item in objects_in(lines)]


def event_from(line: JsonObject) -> Event:
    """The event in one line; Unreadable for a line that lacks or mistypes what its event must say."""
    name = line.get("event")
    if not isinstance(name, str):
        return Unreadable(why="a line names no event")
    kind = _NAMED.get(name, Unknown)
    values: dict[str, Any] = {}
    for said, allowed, is_needed in _FIELDS[kind]:
        if said not in line:
            if is_needed:
                return Unreadable(why=f"the event {in_short(name)} lacks {said}")
            continue
        value = tuple(line[said]) if isinstance(line[said], list) else line[said]
        if not _is_one_of(value, allowed):
            return Unreadable(why=f"the event {in_short(name)} has {said}={in_short(line[said])}")
        values[said] = value
    return kind(**values)


def _is_one_of(value: Any, allowed: tuple[type, ...]) -> bool:
    """Whether an event may say ``value``: of a size that can be counted with, and lists of text only."""
    if not isinstance(value, allowed):
        return False
    if isinstance(value, tuple):
        return all(isinstance(each, str) for each in value)
    if isinstance(value, dict):  # of numbers, and a loss may be none
        return all(
            _is_one_of(each, (int, float, types.NoneType)) and not isinstance(each, bool) for each in value.values()
        )
    if isinstance(value, float) and not math.isfinite(value):
        return type(None) in allowed  # a loss may diverge; a time or a share cannot
    return not isinstance(value, int) or abs(value) < _TOO_LARGE


def _fields_of(kind: type[Event]) -> list[tuple[str, tuple[type, ...], bool]]:
    """Name, types as JSON gives them, and whether there is no default, of each field."""
    hints = typing.get_type_hints(kind)
    return [
        (one.name, _types_in(hints[one.name]), one.default is MISSING and one.default_factory is MISSING)
        for one in fields(kind)
    ]


def _types_in(hint: Any) -> tuple[type, ...]:
    if isinstance(hint, types.UnionType):
        return tuple(type_ for part in hint.__args__ for type_ in _types_in(part))
    plain = typing.get_origin(hint) or hint
    return (int, float) if plain is float else (plain,)


_TOO_LARGE = 1 << 63
_NAMED = {event.NAME: event for event in EVENTS}
_FIELDS = {kind: _fields_of(kind) for kind in (*EVENTS, Unknown)}
