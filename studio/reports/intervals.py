"""A score with its interval, drawn to scale in one line of cells."""

from __future__ import annotations


def interval_bar(
    score: float | None, low: float | None, high: float | None, width: int, lo: float = 0.0, hi: float = 1.0
) -> str:
    """``  ├──●──┤  ``: exactly ``width`` cells from ``lo`` to ``hi``; blank where there is no score.

    Whatever lies outside the scale is drawn at its edge, so that nothing disappears.
    """
    if score is None or low is None or high is None or width <= 0:
        return " " * max(0, width)
    first, middle, last = (_cell(value, width, lo, hi) for value in (low, score, high))
    cells = [" "] * width
    cells[first : last + 1] = "─" * (last + 1 - first)
    cells[first], cells[last] = "├", "┤"
    cells[middle] = "●"
    return "".join(cells)


def _cell(value: float, width: int, lo: float, hi: float) -> int:
    position = round((value - lo) / (hi - lo) * (width - 1))
    return min(width - 1, max(0, position))
