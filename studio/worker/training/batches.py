"""Which rows each step sees, decided by seed and step alone, so that a resumed run goes on as if never interrupted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from studio.tokens.encoding import Encoded


@dataclass(frozen=True)
class Batches:
    """The order of all rows of a run: shuffled anew each epoch, the last partial batch of an epoch included."""

    rows: int
    batch_size: int
    seed: int

    def rows_of(self, step: int) -> list[int]:
        """Row numbers that step ``step`` (counted from 1) learns from."""
        epoch, index = divmod(step - 1, math.ceil(self.rows / self.batch_size))
        order = np.random.default_rng([self.seed, epoch]).permutation(self.rows)
        return [int(row) for row in order[index * self.batch_size : (index + 1) * self.batch_size]]


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
