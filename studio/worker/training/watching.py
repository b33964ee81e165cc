"""The watchdogs of a run at work: what they see, what they say on the chart, what the run does then."""

from __future__ import annotations

import math
import shutil

from studio.errors import StudioError
from studio.runs.events import Evaluation, Step, Warned
from studio.runs.specs import TrainSpec
from studio.runs.watchdogs import WATCHDOGS, actions_from
from studio.runs.watchdogs.watchdog import Action, Alarm, SeenEvaluation, SeenStep, Watchdog
from studio.worker.session import Session

# A watchdog that has barked is heard again only so many steps later: one trouble is one line.
QUIET_STEPS = 100
MOST_ROLLBACKS = 3


class Watching:
    """``wish`` is what an alarm asks of the loop (stop, rollback), until ``begin_anew``; ``alarm`` is that alarm."""

    def __init__(self, session: Session, spec: TrainSpec) -> None:
        self._session = session
        self._actions = actions_from(spec.watchdogs)
        self.wish: Action | None = None
        self.alarm: Alarm | None = None
        self._heard: dict[str, int] = {}
        self._dogs: list[Watchdog] = []
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget what was seen, as after a rollback."""
        self._dogs = [kind() for kind in WATCHDOGS]
        self.wish = self.alarm = None
        self._heard.clear()

    @property
    def may_roll_back(self) -> bool:
        return Action.ROLLBACK in self._actions.values()

    def step(self, event: Step, steps: int, seconds: float) -> None:
        """See a step that took ``seconds``."""
        seen = SeenStep(
            step=event.step,
            steps=steps,
            loss=_number(event.loss),
            grad_norm=_number(event.grad_norm),
            learning_rate=_number(event.learning_rate),
            tokens_per_second=_number(event.tokens_per_second),
            seconds=seconds,
            free_bytes=self._free_bytes(),
            checkpoint_bytes=self._checkpoint_bytes(),
        )
        for dog in self._dogs:
            self._hear(dog, dog.on_step(seen), event.step)

    def evaluation(self, event: Evaluation) -> None:
        """See an evaluation."""
        seen = SeenEvaluation(event.step, _number(event.eval_loss))
        for dog in self._dogs:
            self._hear(dog, dog.on_evaluation(seen), event.step)

    def refuse_more_rollbacks(self, rollbacks: int) -> None:
        """Stop in place of another rollback once there were enough: what comes again and again is in the data."""
        if self.wish is Action.ROLLBACK and rollbacks >= MOST_ROLLBACKS:
            self.wish = Action.STOP
            message = f"it went back {rollbacks} times, each time to half the learning rate, and the trouble came again"
            hint = "Look at the rows of that step: enter on the crosshair, or studio run step."
            self._session.events.write(Warned(step=self.alarm.since if self.alarm else 0, message=message, hint=hint))

    def _hear(self, dog: Watchdog, alarm: Alarm | None, step: int) -> None:
        if alarm is None:
            return
        action = self._actions[dog.NAME]
        is_new = step - self._heard.get(dog.NAME, -QUIET_STEPS) >= QUIET_STEPS
        if is_new or action is not Action.NOTIFY:
            self._heard[dog.NAME] = step
            said = f"{dog.NAME.replace('_', ' ')}: {alarm.reason}"
            self._session.events.write(Warned(step=step, message=said, hint=alarm.advice, watchdog=dog.NAME))
        if action is not Action.NOTIFY and self.wish is not Action.STOP:
            self.wish, self.alarm = action, alarm

    def _free_bytes(self) -> int | None:
        try:
            return shutil.disk_usage(self._session.directory.path).free
        except OSError:
            return None

    def _checkpoint_bytes(self) -> int:
        newest = next(iter(self._session.directory.checkpoint_paths()), None)
        try:
            return sum(path.stat().st_size for path in newest.iterdir()) if newest else 0
        except OSError:
            return 0


def failure(step: int, loss: float, norm: float, example_ids: list[int]) -> StudioError:
    """What a run ends with whose step is no number."""
    ids = ", ".join(map(str, example_ids))
    return StudioError(
        f"the loss of step {step} is {loss}, its gradient norm {norm}; its examples: {ids}.",
        "Look at those examples; a lower learning_rate or dtype=float32 often helps.",
    )


def _number(value: float | None) -> float:
    return math.nan if value is None else value
