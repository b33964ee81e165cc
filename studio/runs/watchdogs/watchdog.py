"""What a watchdog is: it sees a run's steps and evaluations go by and says when something is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


class Action(StrEnum):
    """What a run does when a watchdog barks. ``rollback``: back to the last good checkpoint, at half the rate."""

    NOTIFY = "notify"
    STOP = "stop"
    ROLLBACK = "rollback"


@dataclass(frozen=True)
class SeenStep:
    """One step: ``seconds`` is what it took, ``free_bytes`` what the run's disk has left (None: not known).

    ``checkpoint_bytes`` is the size of the newest checkpoint, 0 while there is none. ``loss`` and ``grad_norm`` may be
    NaN or infinite.
    """

    step: int
    steps: int
    loss: float
    grad_norm: float
    learning_rate: float
    tokens_per_second: float
    seconds: float
    free_bytes: int | None = None
    checkpoint_bytes: int = 0


@dataclass(frozen=True)
class SeenEvaluation:
    """One evaluation of the validation rows."""

    step: int
    eval_loss: float


@dataclass(frozen=True)
class Alarm:
    """``reason`` is what is wrong, with its numbers; ``advice`` what a person can do. ``since``: its first step."""

    reason: str
    advice: str
    since: int


class Watchdog:
    """One kind of trouble. A watchdog is made anew for each life of a run and after each rollback.

    ``NAME`` is what a spec calls it, ``ABOUT`` what it looks for, ``USUAL`` what is done where the spec says
    nothing. It may bark again and again: the run repeats it only after a while.
    """

    NAME: ClassVar[str]
    ABOUT: ClassVar[str]
    USUAL: ClassVar[Action] = Action.NOTIFY

    def on_step(self, seen: SeenStep) -> Alarm | None:
        """What is wrong as of this step, or None."""
        return None

    def on_evaluation(self, seen: SeenEvaluation) -> Alarm | None:
        """What is wrong as of this evaluation, or None."""
        return None
