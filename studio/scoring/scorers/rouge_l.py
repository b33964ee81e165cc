"""ROUGE-L: how much of the reference the answer has in the same order."""

from __future__ import annotations

from collections.abc import Sequence

from studio.scoring.scorers.scorer import Scorer
from studio.scoring.text_rules import folded, parted_words


def rouge_l(prediction: str, reference: str) -> float:
    """F-measure of the longest common subsequence of words, in 0..1, without stemming.

    Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries", section 3, with precision and recall weighed
    alike: on plain English the figure of the package rouge-score. Words are parted at punctuation as rouge-score parts
    them, but every script counts (``text_rules``): rouge-score's own tokenizer drops all that is not ASCII. Texts that
    are the same but for spacing score 1, also without a word in them.
    """
    if folded(prediction) == folded(reference):
        return 1.0
    return f_of_subsequence(parted_words(prediction), parted_words(reference))


def f_of_subsequence(a: Sequence[str], b: Sequence[str]) -> float:
    """2 × the longest common subsequence over both lengths; 0.0 where one is empty."""
    return 2 * longest_common(a, b) / (len(a) + len(b)) if a and b else 0.0


def longest_common(a: Sequence[str], b: Sequence[str]) -> int:
    """Length of the longest common subsequence of two sequences of words.

    A bit per word of ``a`` in one whole number, so that a word of ``b`` takes one step and not one per word of ``a``:
    Hyyrö 2004, "Bit-parallel LCS-length computation revisited", AWOCA.
    """
    places: dict[str, int] = {}
    for place, word in enumerate(a):
        places[word] = places.get(word, 0) | 1 << place
    everything = (1 << len(a)) - 1
    rest = everything  # a zero for each word of a common subsequence so far
    for word in b:
        if matching := rest & places.get(word, 0):
            rest = (rest + matching | rest - matching) & everything
    return len(a) - rest.bit_count()


ROUGE_L = Scorer(
    name="rouge_l",
    title="ROUGE-L",
    about="F-measure of the longest common subsequence of words, without stemming "
    "(Lin 2004; the figure of the package rouge-score).",
    is_binary=False,
    score=rouge_l,
)
