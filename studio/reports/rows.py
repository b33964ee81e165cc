"""Rows of the store as a table that can be written page by page: what stands in a column does not move its borders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from studio.dataset.examples import Preview
from studio.dataset.labels import LABELS, SPLITS
from studio.reports.cells import cells, cut, fit
from studio.reports.numbers import NOTHING, number
from studio.reports.table import SHORT_TITLES, Cell, Column, Table

WIDEST_TASK = 14
_LEAST_TEXT, _MOST_TEXT = 20, 10_000
_MARK = " ◆"


@dataclass(frozen=True)
class Shortened:
    """The start of a text, as much of it as its column has room for."""

    text: str

    def drawn(self, width: int) -> str:
        return fit(self.text, width)


@dataclass(frozen=True)
class RowsLayout:
    """How wide the columns are for all the rows of a view, whatever page of it is shown.

    ``largest_id`` and ``tasks`` are those of all the rows that there are.
    """

    largest_id: int
    tasks: Sequence[str]

    def table(self, rows: Sequence[Preview]) -> Table:
        """A page of rows. Where room is scarce, tokens, split and task go, in this order; the texts share the rest."""
        task = max([cells("task"), *(min(WIDEST_TASK, cells(name)) for name in self.tasks)])
        label = max(map(len, LABELS)) + len(_MARK)
        columns = [
            Column("row", least=len(str(self.largest_id))),
            Column("label", is_left=True, least=label),
            Column("split", is_left=True, least=max(map(len, SPLITS))),
            Column("task", is_left=True, least=task),
            Column("tokens", least=len("tokens")),
            Column("prompt", is_left=True, least=_LEAST_TEXT, most=_MOST_TEXT),
            Column("completion", is_left=True, least=_LEAST_TEXT, most=_MOST_TEXT),
        ]
        return Table(columns, [_row(row) for row in rows], cuts=((4,), (2,), (3,), SHORT_TITLES))


def _row(row: Preview) -> list[Cell]:
    label = "" if row.label == "none" else row.label
    return [
        Cell(str(row.example_id)),
        Cell(label + (_MARK if row.is_marked else "")),
        Cell("" if row.split == "none" else row.split),
        Cell(cut(row.task, WIDEST_TASK)),
        Cell(NOTHING if row.total_tokens is None else number(row.total_tokens)),
        Cell("", drawing=Shortened(row.prompt)),
        Cell("", drawing=Shortened(row.completion)),
    ]
