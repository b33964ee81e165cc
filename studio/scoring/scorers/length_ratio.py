"""Length ratio: how long the answers are beside the references."""

from __future__ import annotations

import numpy as np

from studio.scoring.scorers.scorer import Answer, Floats, Pooled, Scorer
from studio.scoring.text_rules import parted_words


def length_counts(answer: Answer, setting: bool = True) -> tuple[int, int]:
    """Words of the answer, and of the reference whose number of words is closest."""
    words = len(parted_words(answer.text))
    return words, min((len(parted_words(reference)) for reference in answer.references), key=lambda n: abs(n - words))


def length_ratio(sums: Floats, setting: bool = True) -> Floats:
    """Words of all answers over words of all references; where the references have none, 1 for none and else 2."""
    return np.where(sums[..., 1] > 0, sums[..., 0] / np.maximum(sums[..., 1], 1), 1.0 + (sums[..., 0] > 0))


LENGTH_RATIO = Scorer(
    name="length_ratio",
    title="length ratio",
    short_title="length",
    about="Words of all answers over words of all references: 1 is as long, under it too short.",
    is_binary=False,
    score=None,
    pooled=Pooled(lambda references: True, length_counts, length_ratio, lambda counts, _: float(length_ratio(counts))),
    unit="ratio",
    better="neither",
    is_column=False,
)
