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


def micro_batches(rows: Sequence[Encoded], micro_batch_size: int) -> list[list[Encoded]]:
    """Rows sorted by length, longest first (an out-of-memory shows at once), cut into micro-batches."""
    ordered = sorted(rows, key=lambda row: row.total_tokens, reverse=True)
    return [ordered[start : start + micro_batch_size] for start in range(0, len(ordered), micro_batch_size)]
