"""Number in the answer: the result of a sum, whatever words stand around it."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

from studio.scoring.scorers.scorer import Scorer

_NUMBER = r"-?\$?(?:\d[\d,]*(?:\.\d+)?|\.\d+)"
_MARKED = re.compile(rf"####\s*({_NUMBER})")
_ANY = re.compile(_NUMBER)
_ALONE = re.compile(rf"\s*({_NUMBER})\s*%?\s*\Z")


def marked_number(text: str) -> Decimal | None:
    """The number behind the first ``####``, as GSM8K marks its results (Cobbe et al. 2021, arXiv:2110.14168)."""
    found = _MARKED.search(text)
    return _value(found[1]) if found else None


def last_number(text: str) -> Decimal | None:
    """The last number in the text, wherever it stands."""
    found = _ANY.findall(text)
    return _value(found[-1]) if found else None


def number_marked(prediction: str, reference: str) -> float:
    """1.0 where both mark the same value with ``####``: 1,000 and $1000.0 are one value."""
    return float(marked_number(prediction) == marked_number(reference))


def number_last(prediction: str, reference: str) -> float:
    """1.0 where the prediction's last number is the reference's marked one, or the number that the reference is."""
    expected = marked_number(reference) if is_marked(reference) else last_number(reference)
    return float(last_number(prediction) == expected)


def is_marked(reference: str) -> bool:
    """Whether the reference marks a number with ``####``."""
    return marked_number(reference) is not None


def has_number(reference: str) -> bool:
    """Whether the reference marks a number or is one."""
    return is_marked(reference) or _ALONE.match(reference) is not None


def _value(text: str) -> Decimal | None:
    try:
        return Decimal(text.replace(",", "").replace("$", "")).normalize()
    except InvalidOperation:  # digits beyond what Decimal takes
        return None


NUMBER_MARKED = Scorer(
    name="number_marked",
    title="#### number",
    about="1 where the number behind `####` is the reference's (the strict match of GSM8K, Cobbe et al. 2021, "
    "arXiv:2110.14168); asked where the reference marks one.",
    is_binary=True,
    score=number_marked,
    applies=is_marked,
)

NUMBER_LAST = Scorer(
    name="number_last",
    title="last number",
    about="1 where the answer's last number is the reference's, marked or not (the flexible match of GSM8K in "
    "lm-evaluation-harness).",
    is_binary=True,
    score=number_last,
    applies=has_number,
)
