"""Valid JSON: where JSON is asked for, the answer can be read as JSON at all."""

from __future__ import annotations

from studio.scoring.scorers.scorer import Scorer
from studio.scoring.text_rules import parse_json


def valid_json(prediction: str, reference: str) -> float:
    """1.0 where the prediction is, as a whole, a JSON object or array (RFC 8259: no NaN, no Infinity), else 0.0."""
    return float(parse_json(prediction) is not None)


def is_json(reference: str) -> bool:
    """Whether the reference is a JSON object or array, so that an answer can be asked to be one."""
    return parse_json(reference) is not None


VALID_JSON = Scorer(
    name="valid_json",
    title="valid JSON",
    short_title="JSON",
    about="1 where the answer parses, as a whole, as a JSON object or array (RFC 8259); asked only where the reference "
    "is one.",
    is_binary=True,
    score=valid_json,
    applies=is_json,
)
