"""One answer and its reference, as most tests of scorers ask."""

from __future__ import annotations

from studio.scoring.one_answer import Scores, score_answer
from studio.scoring.scorers import SCORERS
from studio.scoring.scorers.scorer import Answer


def score_pair(prediction: str, reference: str) -> Scores:
    """The scores of one answer to one reference, by name in the order of ``SCORERS``; None where one does not apply."""
    settings = {
        scorer.name: setting
        for scorer in SCORERS
        if scorer.pooled and (setting := scorer.pooled.choose([(reference,)])) is not None
    }
    return score_answer(Answer(prediction, (reference,)), settings, SCORERS).scores
