"""What the terminal can show, by what it says of itself in the environment."""

from __future__ import annotations

import os

from studio.reports.differences import Kind, differences, spelled_out

# They have no strike-through: what is removed would look like what stayed.
_WITHOUT_STRIKE = ("dumb", "linux", "screen", "vt")


def shows_strike() -> bool:
    """Whether struck-through text is seen as such: not where colour is unwanted, and not on every terminal."""
    return not os.environ.get("NO_COLOR") and not os.environ.get("TERM", "").startswith(_WITHOUT_STRIKE)


def told_differences(a: str, b: str) -> list[tuple[str, Kind]]:
    """``differences``, spelled out where the terminal cannot show them by style."""
    pieces = differences(a, b)
    return pieces if shows_strike() else spelled_out(pieces)
