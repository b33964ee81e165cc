"""Token F1: how many words answer and reference share, in any order."""

from __future__ import annotations

import json
from collections import Counter

from studio.scoring.scorers.scorer import Scorer
from studio.scoring.text_rules import folded, parse_json, words_joined_over_punctuation


def token_f1(prediction: str, reference: str) -> float:
    """Harmonic mean of the precision and recall of words, counted with their multiplicity, in 0..1.

    The F1 of SQuAD (Rajpurkar, Zhang, Lopyrev, Liang 2016, arXiv:1606.05250, section 6.1 and its evaluation script):
    lower case, punctuation deleted, parted at white space. It differs in four ways. The articles a, an and the stay,
    since in other languages they are other words, and "a" is one that matters. Punctuation is deleted in every script,
    and scripts without spaces count by character (``text_rules``). JSON is written out with spaces first, or
    ``{"a":1,"b":2}`` would be one word. Where a text has no word at all the score says whether the two texts are the
    same.
    """
    predicted, expected = _words(prediction), _words(reference)
    if not predicted or not expected:
        return float(folded(prediction) == folded(reference))
    shared = (Counter(predicted) & Counter(expected)).total()
    return 2 * shared / (len(predicted) + len(expected))


def _words(text: str) -> list[str]:
    value = parse_json(text)
    try:
        spaced = text if value is None else json.dumps(value, ensure_ascii=False)
    except RecursionError:  # nested as deep as reading just allowed
        spaced = text
    return words_joined_over_punctuation(spaced)


TOKEN_F1 = Scorer(
    name="token_f1",
    title="token F1",
    short_title="F1",
    about="Overlap of the two bags of words, punctuation deleted, articles kept "
    "(after SQuAD, Rajpurkar et al. 2016, arXiv:1606.05250).",
    is_binary=False,
    score=token_f1,
)
