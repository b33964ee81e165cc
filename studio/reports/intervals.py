"""A score with its interval, drawn to scale in one line of cells."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class IntervalBar:
    """``  ├──●──┤  ``: a score and its interval on a scale of 0 to 1."""

    score: float
    low: float
    high: float

    def drawn(self, width: int) -> str:
        """Exactly ``width`` cells. What lies outside the scale is drawn at its edge, so that nothing disappears."""
        if width <= 0:
            return ""
        first, middle, last = (_cell(value, width) for value in (self.low, self.score, self.high))
        cells = [" "] * width
        cells[first : last + 1] = "─" * (last + 1 - first)
        cells[first], cells[last] = "├", "┤"
        cells[middle] = "●"
        return "".join(cells)


def _cell(value: float, width: int) -> int:
    return min(width - 1, max(0, round(value * (width - 1))))
