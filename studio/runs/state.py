"""What is true of a run at one moment: everything that a screen or a verb says of it."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field

from studio.runs.events import Forecast
from studio.runs.series import Series
from studio.runs.settings import Spec
from studio.runs.status import Status


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


def state_as_json(state: RunState) -> dict[str, object]:
    """A run as ``studio runs --json`` lists it; NaN and infinity, which JSON lacks, become null."""
    names = [
        field.name for field in dataclasses.fields(state) if field.name not in ("spec", "series", "arms", "forecast")
    ]
    listed = {name: getattr(state, name) for name in names}
    listed["forecast_seconds"] = state.forecast.seconds if state.forecast else None
    listed["task_losses"] = {task: finite(losses[-1]) for task, losses in state.series.task_losses.items() if losses}
    listed["base_model"] = getattr(state.spec, "base_model", "")
    return {name: finite(value) if isinstance(value, float) else value for name, value in listed.items()}


def or_nan(value: float | None) -> float:
    """Charts leave a gap at NaN; JSON without NaN writes null for it."""
    return float("nan") if value is None else value


def finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
