"""One answer, scored by every scorer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from studio.scoring.scorers.scorer import Answer, Scorer, Setting

Scores = Mapping[str, float | None]
Settings = Mapping[str, Setting]  # per pooled scorer that applies to a task, how its answers are counted


@dataclass(frozen=True)
class AnswerScores:
    """One answer's scores by scorer (None where one does not apply) and, by pooled scorer, its counts."""

    scores: Scores
    counts: Mapping[str, Sequence[float]] = field(default_factory=dict)


def score_answer(answer: Answer, settings: Settings, scorers: Sequence[Scorer]) -> AnswerScores:
    """One answer by every scorer, in their order."""
    scores: dict[str, float | None] = {}
    counts: dict[str, Sequence[float]] = {}
    for scorer in scorers:
        pooled = scorer.pooled
        if pooled is None:
            scores[scorer.name] = scorer.of_pair(answer)
            continue
        scores[scorer.name] = None
        if scorer.name in settings and (counted := pooled.counts(answer, settings[scorer.name])) is not None:
            counts[scorer.name] = counted
            if pooled.of_row:
                scores[scorer.name] = pooled.of_row(np.asarray(counted, dtype=np.float64), settings[scorer.name])
    return AnswerScores(scores, counts)
