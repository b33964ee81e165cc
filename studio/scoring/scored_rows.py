"""Which rows are scored, and each arm's scores on them: the same rows for every arm."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol

from studio.scoring.scorers import SCORERS
from studio.scoring.scorers.scorer import Scorer

Prediction = Mapping[str, Any]
Scores = Mapping[str, float | None]


class HeldOutRow(Protocol):
    """A held-out row; ``completion`` is the reference. ``runs.directory.FrozenRow`` is one."""

    @property
    def example_id(self) -> int: ...
    @property
    def task(self) -> str: ...
    @property
    def prompt(self) -> str: ...
    @property
    def completion(self) -> str: ...


@dataclass(frozen=True)
class ScoredRows:
    """The rows that every arm answered, with each arm's prediction and scores by example_id.

    ``asked`` counts the rows before any was left out, ``unanswered`` those without an answer of any arm, and
    ``left_out`` per arm those without one of its own.
    """

    rows: Sequence[HeldOutRow]
    predictions: Mapping[str, Mapping[int, Prediction]]
    scores: Mapping[str, Mapping[int, Scores]] = field(repr=False)
    left_out: Mapping[str, int]
    asked: int
    unanswered: int

    @property
    def arms(self) -> list[str]:
        return list(self.predictions)


def score_rows(rows: Iterable[HeldOutRow], predictions: Iterable[Prediction]) -> ScoredRows:
    """Score every prediction of a row that all arms answered; a later prediction of the same row and arm counts.

    A row that one arm could not answer (its prompt does not fit the window, the run was stopped) is left out of all
    arms, so that every arm is judged on the same rows. Arms keep the order in which they first appear.
    """
    asked = {row.example_id: row for row in rows}
    answers: dict[str, dict[int, Prediction]] = {}
    for prediction in predictions:
        if prediction["example_id"] in asked:
            answers.setdefault(str(prediction["arm"]), {})[prediction["example_id"]] = prediction
    shared = [row for row in asked.values() if answers and all(row.example_id in given for given in answers.values())]
    kept = {arm: {row.example_id: given[row.example_id] for row in shared} for arm, given in answers.items()}
    scores = {
        arm: {row.example_id: score_pair(str(given[row.example_id]["text"]), row.completion) for row in shared}
        for arm, given in kept.items()
    }
    left_out = {arm: len(asked) - len(given) for arm, given in answers.items()}
    unanswered = len(asked.keys() - {example_id for given in answers.values() for example_id in given})
    return ScoredRows(shared, kept, scores, left_out, len(asked), unanswered)


def score_pair(prediction: str, reference: str) -> dict[str, float | None]:
    """The score in 0..1 of every scorer in ``SCORERS``, by name in that order; None where one does not apply."""
    return {scorer.name: _scored(scorer, prediction, reference) for scorer in SCORERS}


@lru_cache(maxsize=65_536)  # the Compare screen asks again for what the summary has scored
def _scored(scorer: Scorer, prediction: str, reference: str) -> float | None:
    return scorer.score(prediction, reference) if scorer.applies(reference) else None
