"""Accuracy, macro-F1 and the confusion table, where the answers of a task come from a small closed set."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from studio.scoring.scorers.scorer import Answer, Floats, Pooled, Scorer
from studio.scoring.text_rules import parse_json, words_joined_over_punctuation

MOST_LABELS = 50
MOST_LABEL_WORDS = 8
FEWEST_ROWS_A_LABEL = 3

Labels = tuple[str, ...]


def labels_of(references: Sequence[tuple[str, ...]]) -> Labels | None:
    """The labels of a closed set, sorted, each as it is written most often first seen; None where there is none.

    A closed set: 2 to 50 different answers (case and punctuation aside) of at most 8 words, no JSON, one right answer a
    row, and three rows a label or more, or a test of many short answers would pass for one.
    """
    seen: dict[str, str] = {}
    if any(len(row) != 1 for row in references):
        return None
    for (text,) in references:
        seen.setdefault(_key(text), text.strip())
        if len(seen) > MOST_LABELS:
            return None
    is_one = len(seen) >= 2 and len(references) >= FEWEST_ROWS_A_LABEL * len(seen)
    if not is_one or any(not key or key.count(" ") >= MOST_LABEL_WORDS for key in seen):
        return None
    return None if any(parse_json(text) is not None for text in seen.values()) else tuple(sorted(seen.values()))


def confusion_counts(answer: Answer, labels: Labels) -> list[float]:
    """A 1 in the cell of the right label and the given one, of a table with a last column for all other answers.

    Row by row: len(labels) × (len(labels) + 1) counts.
    """
    places = _places(labels)
    counts = [0.0] * (len(labels) * (len(labels) + 1))
    given = places.get(_key(answer.text), len(labels))
    counts[places[_key(answer.references[0])] * (len(labels) + 1) + given] = 1.0
    return counts


def confusion_table(sums: Floats, labels: Labels) -> Floats:
    """The summed counts (..., cells) as tables (..., right label, given label or other)."""
    return sums.reshape(*sums.shape[:-1], len(labels), len(labels) + 1)


def accuracy(sums: Floats, labels: Labels) -> Floats:
    """Share of the rows on the diagonal."""
    table = confusion_table(sums, labels)
    right = np.diagonal(table, axis1=-2, axis2=-1).sum(axis=-1)
    return np.asarray(right / table.sum(axis=(-2, -1)))


def macro_f1(sums: Floats, labels: Labels) -> Floats:
    """Mean over labels of 2 × right / (rows of the label + answers that gave it), every label alike.

    A label without a row and without an answer says nothing and is left out of the mean, as in a resample. An answer
    that is no label is wrong for its row and counts for no label.
    """
    table = confusion_table(sums, labels)
    right = np.diagonal(table, axis1=-2, axis2=-1)
    either = table.sum(axis=-1) + table[..., :-1].sum(axis=-2)
    is_there = either > 0
    of_labels = 2 * right / np.where(is_there, either, 1.0)
    return np.asarray(of_labels.sum(axis=-1) / np.maximum(1, is_there.sum(axis=-1)))


@lru_cache(maxsize=64)
def _places(labels: Labels) -> dict[str, int]:
    return {_key(label): place for place, label in enumerate(labels)}


@lru_cache(maxsize=4096)
def _key(text: str) -> str:
    return " ".join(words_joined_over_punctuation(text))


ACCURACY = Scorer(
    name="accuracy",
    title="accuracy",
    about="Share of the answers that are the right label, case and punctuation aside; asked where a task's references "
    "are a small closed set.",
    is_binary=True,
    score=None,
    pooled=Pooled(labels_of, confusion_counts, accuracy, lambda counts, labels: float(accuracy(counts, labels))),
)

MACRO_F1 = Scorer(
    name="macro_f1",
    title="macro-F1",
    about="F1 of each label, averaged with every label alike, so that a rare one counts as much as a frequent one "
    "(van Rijsbergen 1979; the macro average of scikit-learn).",
    is_binary=False,
    score=None,
    pooled=Pooled(labels_of, confusion_counts, macro_f1),
)
