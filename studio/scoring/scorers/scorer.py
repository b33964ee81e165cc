"""What a scorer is: a value that says what it measures, when it applies and how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


def applies_always(reference: str) -> bool:
    """For a scorer that can judge an answer to any reference."""
    return True


@dataclass(frozen=True)
class Scorer:
    """A measure of one answer against its reference.

    ``name`` stands in scores.json and ``--json`` and is never changed; ``title`` heads a column, ``short_title`` a
    narrow one (empty: the title). ``about`` is one sentence with the source of the measure. ``is_binary`` says that
    scores are 0 or 1 only, which decides their interval and their test. ``score(prediction, reference)`` is in 0..1 and
    is asked only where ``applies(reference)``; neither raises, whatever the texts.
    """

    name: str
    title: str
    about: str
    is_binary: bool
    score: Callable[[str, str], float]
    applies: Callable[[str], bool] = applies_always
    short_title: str = ""
