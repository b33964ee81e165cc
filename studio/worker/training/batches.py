"""Which rows each step sees, decided by seed and step alone, so that a resumed run goes on as if never interrupted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from studio.tokens.encoding import Encoded


@dataclass(frozen=True)
class Strand:
    """One task of a mixture: its row numbers, and how many of them an epoch draws."""

    rows: tuple[int, ...]
    examples: int

    def drawn(self, epoch: int, seed: Sequence[int]) -> list[int]:
        """The rows of that epoch: passes over all rows follow one another without end, each shuffled anew.

        So over many epochs every row comes as often as every other, once more at most.
        """
        drawn: list[int] = []
        at, end = epoch * self.examples, (epoch + 1) * self.examples
        while at < end:
            number, start = divmod(at, len(self.rows))
            order = np.random.default_rng([*seed, number]).permutation(self.rows)
            part = order[start : start + end - at]
            drawn += part.tolist()
            at += len(part)
        return drawn


@dataclass
class Batches:
    """The order of all examples of a run: shuffled anew each epoch, the last partial batch of an epoch included.

    ``rows`` is how many an epoch has: each row once, or what ``strands`` draw.
    """

    rows: int
    batch_size: int
    seed: int
    strands: tuple[Strand, ...] = ()
    _epoch: int = field(default=-1, init=False, repr=False)
    _order: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64), init=False, repr=False)

    def rows_of(self, step: int) -> list[int]:
        """Row numbers that step ``step`` (counted from 1) learns from."""
        epoch, index = divmod(step - 1, math.ceil(self.rows / self.batch_size))
        if epoch != self._epoch:
            self._epoch, self._order = epoch, self._order_of(epoch)
        return [int(row) for row in self._order[index * self.batch_size : (index + 1) * self.batch_size]]

    def _order_of(self, epoch: int) -> NDArray[np.int64]:
        order = np.random.default_rng([self.seed, epoch]).permutation(self.rows)
        if not self.strands:
            return order
        drawn = [strand.drawn(epoch, (self.seed, number)) for number, strand in enumerate(self.strands)]
        # Sorted, so that tasks mixed as they are come in the very order that they have without a mixture.
        return np.sort(np.concatenate(drawn).astype(np.int64))[order]


def micro_batches(rows: Sequence[Encoded], micro_batch_size: int, pads: bool) -> list[list[Encoded]]:
    """Rows cut into micro-batches, each with its longest row first (an out-of-memory shows at once).

    Where rows are padded, those of like length go together; else they are dealt so that all micro-batches have about
    as many tokens, and lanes end together.
    """
    ordered = sorted(rows, key=lambda row: row.total_tokens, reverse=True)
    if pads:
        return [ordered[start : start + micro_batch_size] for start in range(0, len(ordered), micro_batch_size)]
    parts: list[list[Encoded]] = [[] for _ in range(math.ceil(len(ordered) / micro_batch_size))]
    for row in ordered:
        open_parts = [part for part in parts if len(part) < micro_batch_size]
        min(open_parts, key=lambda part: sum(other.total_tokens for other in part)).append(row)
    return parts
