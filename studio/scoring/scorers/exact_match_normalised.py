"""Exact match, normalised: the answer is the reference but for case and punctuation."""

from __future__ import annotations

import re

from studio.scoring.scorers.exact_match import exact_match
from studio.scoring.scorers.scorer import Scorer
from studio.scoring.text_rules import folded, parse_json, words_joined_over_punctuation

_FENCE = re.compile(r"\A\s*```[a-zA-Z]*\n(.*?)\n?```\s*\Z", re.DOTALL)


def exact_match_normalised(prediction: str, reference: str) -> float:
    """1.0 where both have the same words in the same order, else 0.0.

    Case and punctuation do not count, articles do. JSON is compared as a value, as ``exact_match`` compares it, and may
    stand in a fence. Texts without a word are the same where they are the same but for spacing.
    """
    if parse_json(reference) is not None:
        fenced = _FENCE.match(prediction)
        return exact_match(fenced[1] if fenced else prediction, reference)
    predicted, expected = words_joined_over_punctuation(prediction), words_joined_over_punctuation(reference)
    return float(predicted == expected if predicted or expected else folded(prediction) == folded(reference))


EXACT_MATCH_NORMALISED = Scorer(
    name="exact_match_normalised",
    title="exact, normalised",
    short_title="exact norm.",
    about="1 where the answer is the reference but for case and punctuation; JSON may stand in a fence.",
    is_binary=True,
    score=exact_match_normalised,
    is_column=False,
)
