"""ROUGE-L: how much of the reference the answer has in the same order, by the package rouge-score."""

from __future__ import annotations

from functools import cache
from typing import Any

from studio.scoring.scorers.scorer import Scorer
from studio.scoring.text_rules import folded, words_parted_at_punctuation


def rouge_l(prediction: str, reference: str) -> float:
    """F-measure of the longest common subsequence of words, in 0..1, without stemming.

    Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries", section 3, with precision and recall weighed
    alike. Words are parted at punctuation as rouge-score parts them, but every script counts (``text_rules``):
    rouge-score's own tokenizer drops all that is not ASCII. Texts that are the same but for spacing score 1, also
    without a word in them.
    """
    if folded(prediction) == folded(reference):
        return 1.0
    return float(_rouge_scorer().score(reference, prediction)["rougeL"].fmeasure)


class _Words:
    """The tokenizer interface of rouge-score."""

    def tokenize(self, text: str) -> list[str]:
        return words_parted_at_punctuation(text)


@cache
def _rouge_scorer() -> Any:
    from rouge_score import rouge_scorer  # 0.6 s: it brings nltk

    return rouge_scorer.RougeScorer(["rougeL"], tokenizer=_Words())


ROUGE_L = Scorer(
    name="rouge_l",
    title="ROUGE-L",
    about="F-measure of the longest common subsequence of words, without stemming "
    "(Lin 2004, by the package rouge-score).",
    is_binary=False,
    score=rouge_l,
)
