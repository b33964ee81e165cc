"""Lines that moved up or down on a terminal: it moves them itself, and only what is otherwise then has to be sent."""

from __future__ import annotations

from collections.abc import Sequence
from operator import ne
from typing import NamedTuple, TypeVar

CellT = TypeVar("CellT")
Lines = Sequence[Sequence[CellT]]

FURTHEST = 3  # lines: a list moves by one, a pane by three, a wheel by two; a page has nothing in common with the next
LOOKED_AT = 4  # every so many columns of a line tell whether it moved
FEWEST_SPARED = 40  # cells: what a move is written with, and then some


class Move(NamedTuple):
    """Lines ``first`` to ``last`` all go up by ``by`` lines, or down where it is negative; others come in behind."""

    first: int
    last: int
    by: int

    def __str__(self) -> str:
        """As a terminal is told: the lines that scroll, an index at their last or a reverse index at their first."""
        at, index = (self.last, "\x1bD") if self.by > 0 else (self.first, "\x1bM")
        return f"\x1b[{self.first + 1};{self.last + 1}r\x1b[{at + 1};1H{index * abs(self.by)}\x1b[r"

    def apply(self, lines: list[list[CellT]], unknown: CellT) -> None:
        """Move ``lines`` as the terminal does; what comes in is ``unknown`` in every cell."""
        come_in = [[unknown] * len(lines[self.first]) for _ in range(abs(self.by))]
        moved = lines[self.first : self.last + 1]
        moved = [*moved[self.by :], *come_in] if self.by > 0 else [*come_in, *moved[: self.by]]
        lines[self.first : self.last + 1] = moved


def best_move(shown: Lines[CellT], wanted: Lines[CellT]) -> Move | None:
    """The move after which ``shown`` differs least from ``wanted``, lines of one length; None where none is worth it.

    Lines that stay have to be the very same object in both.
    """
    changed = [y for y, line in enumerate(wanted) if line is not shown[y]]
    before = {y: shown[y][::LOOKED_AT] for y in changed}
    after = {y: wanted[y][::LOOKED_AT] for y in changed}
    stays = {y: _differing(before[y], after[y]) for y in changed}
    best, most = None, FEWEST_SPARED // LOOKED_AT
    if sum(stays.values()) <= most:
        return None
    for by in (sign * lines for lines in range(1, FURTHEST + 1) for sign in (1, -1)):
        spared = {y: stays[y] - _differing(before[y + by], after[y]) for y in changed if y + by in before}
        first, last, count = _richest(spared)
        if count > most:
            best, most = Move(first + min(by, 0), last + max(by, 0), by), count
    return best


def _differing(one: Sequence[CellT], other: Sequence[CellT]) -> int:
    return sum(map(ne, one, other))


def _richest(spared: dict[int, int]) -> tuple[int, int, int]:
    """The stretch of neighbouring lines with the largest sum: (first, last, sum); Kadane's way."""
    best = (0, 0, 0)
    first, total, previous = 0, 0, -2
    for y, count in spared.items():
        if total <= 0 or y != previous + 1:
            first, total = y, 0
        total, previous = total + count, y
        if total > best[2]:
            best = (first, y, total)
    return best
