"""Which rows are scored, and each arm's scores on them: the same rows for every arm."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol

from studio.scoring.in_parallel import OnScored, scored_in_parallel
from studio.scoring.one_answer import AnswerScores, Scores, Settings
from studio.scoring.scorers import SCORERS
from studio.scoring.scorers.scorer import Answer, Scorer, Setting

Prediction = Mapping[str, Any]


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
    ``left_out`` per arm those without one of its own, of which ``errors`` are the predictions that say why.
    ``settings`` are by task.
    """

    rows: Sequence[HeldOutRow]
    predictions: Mapping[str, Mapping[int, Prediction]]
    answers: Mapping[str, Mapping[int, AnswerScores]] = field(repr=False)
    settings: Mapping[str, Settings]
    left_out: Mapping[str, int]
    errors: Mapping[str, Sequence[Prediction]]
    asked: int
    unanswered: int
    scorers: Sequence[Scorer]

    @property
    def arms(self) -> list[str]:
        return list(self.predictions)

    def with_scores(self, scorer: Scorer, values: Mapping[str, Mapping[int, float | None]]) -> ScoredRows:
        """These rows with the values of one scorer more, by arm and example_id; None, or missing, where it has none."""
        answers = {
            arm: {
                at: replace(answer, scores={**answer.scores, scorer.name: values.get(arm, {}).get(at)})
                for at, answer in of.items()
            }
            for arm, of in self.answers.items()
        }
        return replace(self, answers=answers, scorers=(*self.scorers, scorer))

    @cached_property
    def scores(self) -> dict[str, dict[int, Scores]]:
        """Per arm and example_id, the score of every scorer."""
        return {arm: {at: answer.scores for at, answer in of.items()} for arm, of in self.answers.items()}


def score_rows(
    rows: Iterable[HeldOutRow],
    predictions: Iterable[Prediction],
    scorers: Sequence[Scorer] | None = None,
    on_scored: OnScored | None = None,
) -> ScoredRows:
    """Score every prediction of a row that all arms answered; a later prediction of the same row and arm counts.

    A row that one arm could not answer (its prompt does not fit the window, an endpoint failed, the run was stopped) is
    left out of all arms, so that every arm is judged on the same rows. Arms keep the order in which they first appear.
    scorers: None takes all that are not extra. Many thousand answers are scored by several processes.
    """
    asked = {row.example_id: row for row in rows}
    latest: dict[str, dict[int, Prediction]] = {}
    for prediction in predictions:
        if prediction["example_id"] in asked:
            latest.setdefault(str(prediction["arm"]), {})[prediction["example_id"]] = prediction
    errors = {arm: [line for line in of.values() if line.get("error")] for arm, of in latest.items()}
    answers = {arm: {at: line for at, line in of.items() if not line.get("error")} for arm, of in latest.items()}
    shared = [row for row in asked.values() if answers and all(row.example_id in given for given in answers.values())]
    kept = {arm: {row.example_id: given[row.example_id] for row in shared} for arm, given in answers.items()}
    chosen = usual_scorers() if scorers is None else scorers
    settings = settings_of(shared, chosen)
    return ScoredRows(
        rows=shared,
        predictions=kept,
        answers=_scored(shared, kept, settings, chosen, on_scored),
        settings=settings,
        left_out={arm: len(asked) - len(given) for arm, given in answers.items()},
        errors=errors,
        asked=len(asked),
        unanswered=len(asked.keys() - {example_id for given in answers.values() for example_id in given}),
        scorers=chosen,
    )


def usual_scorers() -> tuple[Scorer, ...]:
    """All that are not worked out only where they are named."""
    return tuple(scorer for scorer in SCORERS if not scorer.is_extra)


def references_of(row: HeldOutRow) -> tuple[str, ...]:
    """The texts that are right: the row's completion, then its further ``references`` where it has some."""
    return (row.completion, *getattr(row, "references", ()))


def settings_of(rows: Sequence[HeldOutRow], scorers: Sequence[Scorer]) -> dict[str, dict[str, Setting]]:
    """Per task, how its answers are counted by every pooled scorer that applies to it."""
    references: dict[str, list[tuple[str, ...]]] = {}
    for row in rows:
        references.setdefault(row.task, []).append(references_of(row))
    return {
        task: {
            scorer.name: setting
            for scorer in scorers
            if scorer.pooled and (setting := scorer.pooled.choose(of)) is not None
        }
        for task, of in references.items()
    }


def _scored(
    rows: Sequence[HeldOutRow],
    predictions: Mapping[str, Mapping[int, Prediction]],
    settings: Mapping[str, Settings],
    scorers: Sequence[Scorer],
    on_scored: OnScored | None,
) -> dict[str, dict[int, AnswerScores]]:
    places = [(arm, row) for row in rows for arm in predictions]  # the arms of a row together: they share references
    work = (
        (Answer(str((line := predictions[arm][row.example_id])["text"]), references_of(row), line), settings[row.task])
        for arm, row in places
    )
    found: dict[str, dict[int, AnswerScores]] = {arm: {} for arm in predictions}
    for (arm, row), scores in zip(places, scored_in_parallel(work, len(places), scorers, on_scored), strict=True):
        found[arm][row.example_id] = scores
    return found
