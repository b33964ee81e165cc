"""Checks of the data: each is a value in the tuple here, a family of them is a file."""

from __future__ import annotations

from studio.dataset.checks.check import Check
from studio.dataset.checks.duplicates import CONTRADICTORY_DUPLICATES, EXACT_DUPLICATES
from studio.dataset.checks.leakage import LEAKAGE
from studio.dataset.checks.prompts import TRIVIAL_PROMPT

CHECKS: tuple[Check, ...] = (
    LEAKAGE,
    TRIVIAL_PROMPT,
    EXACT_DUPLICATES,
    CONTRADICTORY_DUPLICATES,
)
