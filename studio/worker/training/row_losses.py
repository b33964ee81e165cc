"""Keeps each row's loss while a run goes on; see ``runs.row_losses``."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

from studio.runs.directory import FrozenRow, RunDirectory
from studio.runs.row_losses import RowLoss, read_row_losses, write_row_losses
from studio.tokens.encoding import Encoded


class RowLosses:
    """The newest loss of each row, by split and example. Begins with what an earlier life of the run has written."""

    def __init__(self, directory: RunDirectory) -> None:
        self._directory = directory
        self._rows = {(row.split, row.example_id): row for row in read_row_losses(directory)}

    def note(
        self, split: str, step: int, rows: Sequence[FrozenRow], encoded: Sequence[Encoded], sums: Sequence[float]
    ) -> None:
        """``sums``: the summed loss of each row's learned tokens; at step 0 the untuned model's.

        A row may be there several times, drawn so or in pieces: its loss is then that of all their tokens.
        """
        totals, tokens = defaultdict[int, float](float), Counter[int]()
        for row, of_row, total in zip(rows, encoded, sums, strict=True):
            totals[row.example_id] += total
            tokens[row.example_id] += of_row.learned_tokens
        for example_id, total in totals.items():
            loss = total / tokens[example_id]
            loss = loss if math.isfinite(loss) else math.inf
            known = self._rows.get((split, example_id))
            noted = replace(known, loss=loss, step=step) if known else RowLoss(example_id, split, loss, step)
            self._rows[split, example_id] = noted if step else replace(noted, base_loss=loss)

    def save(self) -> None:
        """Write them all, whole. Raises OSError."""
        write_row_losses(self._directory, self._rows.values())
