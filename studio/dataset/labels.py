"""The closed sets of words that an example's state is written in."""

from __future__ import annotations

LABELS = ("accept", "reject", "skip", "none")
SPLITS = ("train", "validation", "test", "none")
