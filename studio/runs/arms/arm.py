"""What an arm is: one way of letting a model answer the held-out rows of a comparison."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from studio.runs.directory import FrozenRow

# (rows of one task from the train split, how many, seed) -> the rows that are shown as worked examples
ChooseShots = Callable[[Sequence[FrozenRow], int, int], list[FrozenRow]]


@dataclass(frozen=True)
class ArmKind:
    """One kind of arm, as a person names it: ``few_shot:5`` is the kind ``few_shot`` with the argument 5.

    ``argument`` names what stands behind the colon, empty for none. ``shots`` says how many worked examples precede
    each question, from the argument (0 without one); ``choose_shots`` which. ``answered_by`` the base model's weights
    or those of a train run.
    """

    name: str
    about: str
    answered_by: Literal["base", "tuned"]
    argument: str = ""
    shots: Callable[[int], int] = lambda argument: 0
    choose_shots: ChooseShots = lambda pool, count, seed: []

    @property
    def usage(self) -> str:
        """``few_shot:k``."""
        return f"{self.name}:{self.argument}" if self.argument else self.name


@dataclass(frozen=True)
class Arm:
    """One arm of one comparison; ``text`` is how it is written in a spec and shown."""

    text: str
    kind: ArmKind
    argument: int

    @property
    def shots(self) -> int:
        """How many worked examples it puts before each question."""
        return self.kind.shots(self.argument)

    @property
    def is_tuned(self) -> bool:
        """Whether a train run's weights answer."""
        return self.kind.answered_by == "tuned"

    def examples(self, pool: Sequence[FrozenRow], task: str, seed: int) -> list[FrozenRow]:
        """The worked examples for questions of ``task``, from ``pool`` (the train split): fewer where it has fewer."""
        return self.kind.choose_shots([row for row in pool if row.task == task], self.shots, seed)
