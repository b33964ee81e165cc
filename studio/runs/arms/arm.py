"""What an arm is: one way of letting a model answer the held-out rows of a comparison.

An arm says who answers and what stands before the question. A kind of arm says one of the two, the other is then the
usual one: the base model, the question alone. ``tuned+few_shot:5`` puts two kinds together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from studio.runs.directory import FrozenRow

# The worked examples that one question is shown.
ShotsFor = Callable[[FrozenRow], list[FrozenRow]]
# (rows of one task from the train split, how many, seed) -> the examples of each question
ChooseShots = Callable[[Sequence[FrozenRow], int, int], ShotsFor]


def for_every_question(choose: Callable[[Sequence[FrozenRow], int, int], list[FrozenRow]]) -> ChooseShots:
    """The same examples for all questions of a task: their prompts share a prefix, which is computed once."""

    def chosen(pool: Sequence[FrozenRow], count: int, seed: int) -> ShotsFor:
        shots = choose(pool, count, seed)
        return lambda question: shots

    return chosen


def _no_shots(pool: Sequence[FrozenRow], count: int, seed: int) -> ShotsFor:
    return lambda question: []


@dataclass(frozen=True)
class AnsweredBy:
    """Who answers: the base model, what a train run made of its own, another model, a server.

    ``name`` is the run's, the model's or the server's, empty for the run that the comparison names; ``step`` is that of
    a checkpoint, 0 for what the run has made.
    """

    source: Literal["base", "tuned", "model", "endpoint"] = "base"
    name: str = ""
    step: int = 0


@dataclass(frozen=True)
class Prompting:
    """What stands before a question.

    ``shots`` worked examples of its task at least, from the train split, chosen by ``choose``: for each question its
    own where it ``is_per_question``; ``named`` are the ids that must be there. And at most ``passages`` that a search
    finds, in the train split or in the folder ``documents``.
    """

    shots: int = 0
    choose: ChooseShots = _no_shots
    is_per_question: bool = False
    named: tuple[int, ...] = ()
    passages: int = 0
    documents: str = ""

    @property
    def needs_rows(self) -> bool:
        """Whether rows of the train split are shown."""
        return bool(self.shots or self.named or (self.passages and not self.documents))

    def examples(self, pool: Sequence[FrozenRow], task: str, seed: int) -> ShotsFor:
        """The worked examples for questions of ``task``, from ``pool`` (the train split): fewer where it has fewer."""
        return self.choose([row for row in pool if row.task == task], self.shots, seed)


def _by_the_base_model(argument: str) -> AnsweredBy:
    return AnsweredBy()


def _the_question_alone(argument: str) -> Prompting:
    return Prompting()


@dataclass(frozen=True)
class ArmKind:
    """One kind of arm, as a person names it: ``few_shot:5`` is the kind ``few_shot`` with the argument ``5``.

    ``argument`` is how what follows the name is written, with its colon, in brackets where it may be left out, empty
    where there is none. A kind gives one of ``answered_by`` and ``prompting``, which make of what stands behind the
    first colon what the arm is; they raise ValueError that says, as a part of a sentence, what is wrong with it.
    """

    name: str
    about: str
    argument: str = ""
    answered_by: Callable[[str], AnsweredBy] = _by_the_base_model
    prompting: Callable[[str], Prompting] = _the_question_alone

    @property
    def usage(self) -> str:
        """``few_shot:k``."""
        return f"{self.name}{self.argument}"

    @property
    def says_who(self) -> bool:
        """Whether it names who answers, so that it can stand before the plus of ``tuned+few_shot:5``."""
        return self.answered_by is not _by_the_base_model


@dataclass(frozen=True)
class Arm:
    """One arm of one comparison; ``text`` is how it is written in a spec and shown."""

    text: str
    by: AnsweredBy
    prompting: Prompting

    @property
    def is_tuned(self) -> bool:
        """Whether what a train run made answers."""
        return self.by.source == "tuned"


def count_from(text: str) -> int:
    """A count of at least 1. Raises ValueError that says so."""
    if not (text.isascii() and text.isdecimal() and int(text[:9]) >= 1 and len(text) < 9):
        raise ValueError("k is a whole number, at least 1")
    return int(text)
