"""One answer and its reference, and answers to rows, as most tests of scores ask."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from studio.scoring.comparison import Comparison
from studio.scoring.one_answer import Scores, score_answer
from studio.scoring.scored_rows import HeldOutRow, Prediction, score_rows
from studio.scoring.scorers import SCORERS
from studio.scoring.scorers.scorer import Answer
from studio.scoring.summary import summarize_scored


def score_pair(prediction: str, reference: str) -> Scores:
    """The scores of one answer to one reference, by name in the order of ``SCORERS``; None where one does not apply."""
    settings = {
        scorer.name: setting
        for scorer in SCORERS
        if scorer.pooled and (setting := scorer.pooled.choose([(reference,)])) is not None
    }
    return score_answer(Answer(prediction, (reference,)), settings, SCORERS).scores


def summarize(
    rows: Iterable[HeldOutRow],
    predictions: Iterable[Prediction],
    tuned: Collection[str] | None = None,
    named: Mapping[str, str] | None = None,
) -> Comparison:
    """What predictions show of rows: they are scored, then summarised."""
    return summarize_scored(score_rows(rows, predictions), tuned, named)
