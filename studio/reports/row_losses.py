"""Losses of rows as a table, worst first, and in the words that stand beside one row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from studio.reports.numbers import NOTHING, loss
from studio.reports.rows import Shortened
from studio.reports.table import Cell, Column, Table
from studio.runs.directory import FrozenRow
from studio.runs.row_losses import RowLoss

_LEAST_TEXT, _MOST_TEXT = 16, 10_000


def losses_table(losses: Sequence[RowLoss], rows: Mapping[tuple[str, int], FrozenRow]) -> Table:
    """A row a line: its loss, that of the untuned model, the step that saw it, and the start of its texts."""
    columns = [
        Column("row"),
        Column("split", is_left=True),
        Column("loss"),
        Column("base"),
        Column("step"),
        Column("prompt", is_left=True, least=_LEAST_TEXT, most=_MOST_TEXT),
        Column("completion", is_left=True, least=_LEAST_TEXT, most=_MOST_TEXT),
    ]
    lines = []
    for one in losses:
        row = rows.get((one.split, one.example_id))
        lines.append(
            [
                Cell(str(one.example_id)),
                Cell(one.split),
                Cell(loss(one.loss)),
                Cell(NOTHING if one.base_loss is None else loss(one.base_loss)),
                Cell(str(one.step)),
                Cell("", drawing=Shortened(row.prompt if row else "")),
                Cell("", drawing=Shortened(row.completion if row else "")),
            ]
        )
    return Table(columns, lines, cuts=((4,), (1,), (3,)))


def loss_words(row: RowLoss) -> str:
    """``loss 3.21 at step 40 · untuned 4.02``."""
    base = "" if row.base_loss is None else f" · untuned {loss(row.base_loss)}"
    return f"loss {loss(row.loss)} at step {row.step:,}{base}"
