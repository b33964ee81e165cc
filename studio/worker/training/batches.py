"""Which rows each step sees, decided by seed and step alone, so that a resumed run goes on as if never interrupted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from studio.tokens.encoding import Encoded


@dataclass(frozen=True)
class Batches:
    """The order of all rows of a run: shuffled anew each epoch, the last partial batch of an epoch included."""

    rows: int
    batch_size: int
    seed: int

    @property
    def steps_per_epoch(self) -> int:
        return math.ceil(self.rows / self.batch_size)

    def steps_of(self, epochs: float) -> int:
        """Steps of ``epochs`` passes, at least one; a fraction of an epoch is rounded up to a whole step."""
        return max(1, math.ceil(round(epochs * self.steps_per_epoch, 6)))

    def rows_of(self, step: int) -> list[int]:
        """Row numbers that step ``step`` (counted from 1) learns from."""
        epoch, index = divmod(step - 1, self.steps_per_epoch)
        order = np.random.default_rng([self.seed, epoch]).permutation(self.rows)
        return [int(row) for row in order[index * self.batch_size : (index + 1) * self.batch_size]]


@dataclass(frozen=True)
class MicroBatch:
    """Rows of one forward pass, padded on the right.

    ``ids``: int64 (rows, longest). ``learned_at``: int64 (n,), flat positions whose next token is learned.
    ``targets``: int64 (n,), those tokens. ``tokens`` counts ids without padding.

    No attention mask is needed: under causal attention no real token ever sees what stands to its right.
    """

    ids: torch.Tensor
    learned_at: torch.Tensor
    targets: torch.Tensor
    tokens: int

    @property
    def learned_tokens(self) -> int:
        return len(self.targets)

    def to(self, device: torch.device) -> MicroBatch:
        return MicroBatch(self.ids.to(device), self.learned_at.to(device), self.targets.to(device), self.tokens)


def micro_batches(rows: Sequence[Encoded], micro_batch_size: int) -> list[list[Encoded]]:
    """Rows sorted by length, longest first (an out-of-memory shows at once), cut into micro-batches."""
    ordered = sorted(rows, key=lambda row: row.total_tokens, reverse=True)
    return [ordered[start : start + micro_batch_size] for start in range(0, len(ordered), micro_batch_size)]


def collate(rows: Sequence[Encoded], skip: int = 0, padding_id: int = 0) -> MicroBatch:
    """One micro-batch from encoded rows; what stands in the padding is never looked at.

    ``skip`` tokens at each row's start are left out, because a shared prefix stands for them. It must be less than
    every row's prompt_tokens.
    """
    longest = max(row.total_tokens for row in rows) - skip
    ids = torch.full((len(rows), longest), padding_id, dtype=torch.int64)
    learned_at: list[int] = []
    targets: list[int] = []
    for number, row in enumerate(rows):
        ids[number, : row.total_tokens - skip] = torch.tensor(row.ids[skip:], dtype=torch.int64)
        start = number * longest - skip - 1
        learned_at.extend(range(start + row.prompt_tokens, start + row.total_tokens))
        targets.extend(row.ids[row.prompt_tokens :])
    tokens = sum(row.total_tokens - skip for row in rows)
    return MicroBatch(ids, torch.tensor(learned_at), torch.tensor(targets), tokens)
