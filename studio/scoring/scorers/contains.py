"""Contains: the reference stands in the answer, whatever is said around it."""

from __future__ import annotations

from studio.scoring.scorers.scorer import Scorer
from studio.scoring.text_rules import folded, parted_words


def contains(prediction: str, reference: str) -> float:
    """1.0 where the words of the reference stand in the prediction, one after another, else 0.0.

    Words are those of ``rouge_l``: case and punctuation do not count, ``12`` is not in ``123``. A reference without a
    word must stand there as it is. It says yes to an answer that also says something else: it is for short references
    and models that talk.
    """
    wanted, words = parted_words(reference), parted_words(prediction)
    if not wanted:
        return float(folded(reference) in folded(prediction))
    return float(any(words[start : start + len(wanted)] == wanted for start in range(len(words) - len(wanted) + 1)))


CONTAINS = Scorer(
    name="contains",
    title="contains",
    about="1 where the reference's words stand in the answer one after another, whatever is said around them.",
    is_binary=True,
    score=contains,
    is_column=False,
)
