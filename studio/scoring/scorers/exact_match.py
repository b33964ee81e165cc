"""Exact match: the answer is the reference."""

from __future__ import annotations

from typing import Any

from studio.scoring.scorers.scorer import Scorer
from studio.scoring.text_rules import folded, parse_json


def exact_match(prediction: str, reference: str) -> float:
    """1.0 where prediction and reference are the same, else 0.0.

    A reference that is a JSON object or array is compared as a parsed value (key order and spacing do not matter, 1 and
    1.0 are equal, true and 1 are not) and the prediction must parse as a whole: JSON in a fence or with words around it
    is wrong. Any other reference is compared as text, after Unicode NFC and with runs of white space as one space; case
    and punctuation count.
    """
    expected = parse_json(reference)
    if expected is None:
        return float(folded(prediction) == folded(reference))
    parsed = parse_json(prediction)
    return float(parsed is not None and is_same_value(parsed, expected))


def is_same_value(a: Any, b: Any) -> bool:
    """Whether two parsed JSON values are one: 1 and 1.0 are, true and 1 are not."""
    # Python holds True == 1, JSON does not.
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(is_same_value(value, b[key]) for key, value in a.items())
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(is_same_value(x, y) for x, y in zip(a, b, strict=True))
    return bool(a == b)


EXACT_MATCH = Scorer(
    name="exact_match",
    title="exact match",
    short_title="exact",
    about="1 where the answer is the reference: JSON as a parsed value, other text but for its spacing "
    "(stricter than the exact match of SQuAD, Rajpurkar et al. 2016, arXiv:1606.05250).",
    is_binary=True,
    score=exact_match,
)
