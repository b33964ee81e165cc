"""JSON fields: how many of the reference's fields the answer has right."""

from __future__ import annotations

from typing import Any

from studio.scoring.scorers.exact_match import is_same_value
from studio.scoring.scorers.scorer import Scorer
from studio.scoring.text_rules import parse_json


def json_fields(prediction: str, reference: str) -> float:
    """Share of the top-level fields of the reference whose value the prediction has too, in 0..1.

    The prediction must parse as a whole, as for ``valid_json``; fields that only it has do not count against it.
    """
    right = right_fields(prediction, reference)
    return sum(right.values()) / len(right)


def right_fields(prediction: str, reference: str) -> dict[str, bool]:
    """Per top-level field of the reference, whether the prediction has the same value; values as ``exact_match``."""
    expected, given = parse_json(reference), parse_json(prediction)
    have: dict[str, Any] = given if isinstance(given, dict) else {}
    return {name: name in have and is_same_value(have[name], value) for name, value in (expected or {}).items()}


def is_object_with_fields(reference: str) -> bool:
    """Whether the reference is a JSON object with a field."""
    value = parse_json(reference)
    return isinstance(value, dict) and bool(value)


JSON_FIELDS = Scorer(
    name="json_fields",
    title="JSON fields",
    short_title="fields",
    about="Share of the reference's top-level JSON fields whose value is right; each field's own share is in `--json`.",
    is_binary=False,
    score=json_fields,
    applies=is_object_with_fields,
    is_column=False,
)
