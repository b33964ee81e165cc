"""chrF: runs of characters that the answers share with the references, as sacrebleu counts them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from studio.scoring.scorers.bleu import references_a_row
from studio.scoring.scorers.scorer import Answer, Floats, Pooled, Scorer

ORDER = 6
BETA = 2


def chrf_counts(answer: Answer, references: int = 1) -> list[float]:
    """Per order 1 to 6: runs of the answer, of the reference, and of both: 18 counts. White space does not count.

    Of several references the one with the best chrF of this answer. An order that the reference has no run of has no
    run of the answer either, as in sacrebleu.
    """
    ours = _all_runs(answer.text)
    counted = [_matched(ours, _all_runs(reference)) for reference in answer.references]
    return max(counted, key=_of_sentence) if len(counted) > 1 else counted[0]


def chrf_figure(sums: Floats, references: int = 1) -> Floats:
    """chrF2 in 0..1 of summed counts (..., 18): Popović 2015, precision and recall averaged over the orders."""
    ours, theirs, both = sums[..., 0::3], sums[..., 1::3], sums[..., 2::3]
    is_there = (ours > 0) & (theirs > 0)
    orders = np.maximum(1, is_there.sum(axis=-1))
    precision = np.where(is_there, both / np.where(ours > 0, ours, 1), 0.0).sum(axis=-1) / orders
    recall = np.where(is_there, both / np.where(theirs > 0, theirs, 1), 0.0).sum(axis=-1) / orders
    weighed = BETA**2 * precision + recall
    return np.where(weighed > 0, (1 + BETA**2) * precision * recall / np.where(weighed > 0, weighed, 1.0), 0.0)


def _matched(ours: Sequence[Counter[str]], theirs: Sequence[Counter[str]]) -> list[float]:
    counts: list[float] = []
    for mine, others in zip(ours, theirs, strict=True):
        both = sum([count if count < (other := others[run]) else other for run, count in mine.items() if run in others])
        counts += (mine.total() if others else 0, others.total(), both)
    return counts


def _of_sentence(counts: Sequence[float] | Floats, references: int = 1) -> float:
    return float(chrf_figure(np.asarray(counts)))


@lru_cache(maxsize=512)  # every arm asks for the same references
def _all_runs(text: str) -> list[Counter[str]]:
    text = "".join(text.split())
    return [
        Counter(map("".join, zip(*(text[start:] for start in range(n)), strict=False))) if n > 1 else Counter(text)
        for n in range(1, ORDER + 1)
    ]


def _signature(references: int) -> str:
    from sacrebleu import __version__ as version

    return f"chrF2|nrefs:{references or 'var'}|case:mixed|eff:yes|nc:{ORDER}|nw:0|space:no|version:{version}"


CHRF = Scorer(
    name="chrf",
    title="chrF",
    about="chrF2 of all answers together, of a row the sentence's own (Popović 2015, as sacrebleu counts it; needs no "
    "words, so it suits every script).",
    is_binary=False,
    score=None,
    pooled=Pooled(references_a_row, chrf_counts, chrf_figure, lambda counts, _: _of_sentence(counts), _signature),
    is_column=False,
)
