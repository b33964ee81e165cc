"""ROUGE-1 and ROUGE-2: how many words, and pairs of neighbours, answer and reference share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial

from studio.scoring.scorers.scorer import Scorer
from studio.scoring.text_rules import folded, parted_words


def rouge_n(prediction: str, reference: str, *, n: int) -> float:
    """F-measure of runs of ``n`` words, counted with their multiplicity, in 0..1, without stemming.

    Lin 2004, section 2, with precision and recall weighed alike: on plain English the figure of the package
    rouge-score. Words are those of ``rouge_l``. Texts that are the same but for spacing score 1.
    """
    if folded(prediction) == folded(reference):
        return 1.0
    return f_of_runs(parted_words(prediction), parted_words(reference), n)


def f_of_runs(a: Sequence[str], b: Sequence[str], n: int) -> float:
    """2 × the runs of ``n`` that both have over the runs of both; 0.0 where one has none."""
    ours, theirs = (Counter(zip(*(words[start:] for start in range(n)), strict=False)) for words in (a, b))
    runs = ours.total() + theirs.total()
    return 2 * (ours & theirs).total() / runs if runs else 0.0


ROUGE_1 = Scorer(
    name="rouge_1",
    title="ROUGE-1",
    about="F-measure of the words that both have, without stemming (Lin 2004; the figure of the package rouge-score).",
    is_binary=False,
    score=partial(rouge_n, n=1),
    is_column=False,
)

ROUGE_2 = Scorer(
    name="rouge_2",
    title="ROUGE-2",
    about="F-measure of the pairs of neighbouring words that both have, without stemming (Lin 2004; the figure of the "
    "package rouge-score).",
    is_binary=False,
    score=partial(rouge_n, n=2),
    is_column=False,
)
