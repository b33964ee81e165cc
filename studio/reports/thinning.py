"""A curve as it is drawn: kept in blocks with their smallest and largest value, so that drawing any part of a million
points costs no more than drawing a few thousand, and no spike is lost.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from studio.reports.chart import FORGOTTEN_AFTER, smooth

Floats = NDArray[np.float64]

BLOCK = 64
# Up to so many points are drawn as they are.
MOST_POINTS = 16_384


class Curve:
    """Values that grow at their end. ``grow`` looks only at what is new; ``smoothed_by`` is the average's weight."""

    def __init__(self, smoothed_by: float = 0.0) -> None:
        self._weight = smoothed_by
        self._values: Floats = np.empty(0)
        self._room: Floats = np.empty(0)  # what an average is written into, so that a step more copies nothing
        self._newest = 0.0  # as it came
        self._lows: Floats = np.empty(0)
        self._highs: Floats = np.empty(0)

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, index: int) -> float:
        return float(self._values[index])

    def grow(self, values: Floats) -> None:
        """Take ``values``, which begin with those that are known. Where they do not, all is made anew: a run that went
        back has other values from there on.
        """
        known = len(self._values)
        if known > len(values) or (known and not _is_same(float(values[known - 1]), self._newest)):
            known, self._lows, self._highs = 0, np.empty(0), np.empty(0)
        if known == len(values):
            return
        self._newest = float(values[-1])
        self._values = self._with_smoothed(values, known) if self._weight else values
        whole = len(self._lows)
        end = len(values) // BLOCK
        if end > whole:
            blocks = self._values[whole * BLOCK : end * BLOCK].reshape(-1, BLOCK)
            is_known = np.isfinite(blocks)
            lows = np.where(is_known, blocks, np.inf).min(axis=1)
            highs = np.where(is_known, blocks, -np.inf).max(axis=1)
            is_gap = ~is_known.any(axis=1)
            lows[is_gap] = highs[is_gap] = np.nan
            self._lows, self._highs = np.r_[self._lows, lows], np.r_[self._highs, highs]

    def _with_smoothed(self, values: Floats, known: int) -> Floats:
        """The average of all ``values``, of which the first ``known`` stand in the room already."""
        if len(values) > len(self._room):
            room = np.empty(2 * len(values))
            room[:known] = self._room[:known]
            self._room = room
        begin = max(0, known - FORGOTTEN_AFTER)
        self._room[known : len(values)] = smooth(values[begin:], self._weight)[known - begin :]
        return self._room[: len(values)]

    def part(self, x: Floats, first: int, last: int) -> tuple[Floats, Floats]:
        """x and y of the points ``first`` to ``last``, both included, or of the extremes of their blocks."""
        if last - first < MOST_POINTS:
            return x[first : last + 1], self._values[first : last + 1]
        begin, end = -(-first // BLOCK), (last + 1) // BLOCK
        stride = max(1, (end - begin) // (MOST_POINTS // 4))
        lows, highs = (
            _in_groups(self._lows[begin:end], stride, np.fmin),
            _in_groups(self._highs[begin:end], stride, np.fmax),
        )
        at = np.arange(begin, end, stride) * BLOCK
        inner_x = np.repeat(x[at], 2)
        inner_y = np.stack([lows, highs], axis=1).reshape(-1)
        head, tail = slice(first, begin * BLOCK), slice(end * BLOCK, last + 1)
        return np.r_[x[head], inner_x, x[tail]], np.r_[self._values[head], inner_y, self._values[tail]]


def _is_same(one: float, other: float) -> bool:
    return one == other or (one != one and other != other)


def _in_groups(values: Floats, size: int, least_or_most: np.ufunc) -> Floats:
    if size == 1:
        return values
    return np.asarray(least_or_most.reduceat(values, np.arange(0, len(values), size)), dtype=np.float64)
