"""ROUGE-Lsum: ROUGE-L of a summary, line by line, by the package rouge-score."""

from __future__ import annotations

from functools import cache
from typing import Any

from studio.scoring.scorers.rouge_l import f_of_subsequence
from studio.scoring.scorers.scorer import Scorer
from studio.scoring.text_rules import folded, parted_words


def rouge_lsum(prediction: str, reference: str) -> float:
    """F-measure of the union of longest common subsequences of every line of one text with all lines of the other.

    Lin 2004, section 3.2, without stemming. A sentence is a line: texts of one line have the ROUGE-L of ``rouge_l``.
    """
    if folded(prediction) == folded(reference):
        return 1.0
    if not _has_lines(prediction) and not _has_lines(reference):
        return f_of_subsequence(parted_words(prediction), parted_words(reference))
    return float(_rouge_scorer().score(reference, prediction)["rougeLsum"].fmeasure)


def _has_lines(text: str) -> bool:
    return "\n" in text.strip()


class _Words:
    """The tokenizer interface of rouge-score."""

    def tokenize(self, text: str) -> list[str]:
        return list(parted_words(text))


@cache
def _rouge_scorer() -> Any:
    from rouge_score import rouge_scorer  # 0.6 s: it brings nltk

    return rouge_scorer.RougeScorer(["rougeLsum"], tokenizer=_Words())


ROUGE_LSUM = Scorer(
    name="rouge_lsum",
    title="ROUGE-Lsum",
    about="ROUGE-L over the lines of a text, a line a sentence, without stemming (Lin 2004, by the package "
    "rouge-score); of one line it is ROUGE-L.",
    is_binary=False,
    score=rouge_lsum,
    is_column=False,
)
