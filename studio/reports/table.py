"""A table as plain cells: the verbs print it, the screens draw it, both from the same rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from studio.reports.cells import cells, fit


class Cell(NamedTuple):
    """A cell's text and the name of its style, empty for plain."""

    text: str
    style: str = ""


@dataclass(frozen=True)
class Table:
    """``header`` and every row have one cell per column. Iterating gives the header as cells, then the rows.

    ``left`` holds the columns that are aligned left, by index; all others are numbers and aligned right. ``notes`` are
    sentences to print below.
    """

    header: list[str]
    rows: list[list[Cell]]
    left: frozenset[int] = frozenset({0})
    notes: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[list[Cell]]:
        yield [Cell(text, "dim") for text in self.header]
        yield from self.rows

    def widths(self) -> list[int]:
        """Cells that the widest text of each column takes."""
        texts = [self.header, *([cell.text for cell in row] for row in self.rows)]
        return [max(cells(text[column]) for text in texts) for column in range(len(self.header))]

    def fitted(self, width: int, dispensable: list[int], gap: int = 2) -> Table:
        """The table without as many of the ``dispensable`` columns, given by index, as it takes to fit ``width`` cells.

        They go in their order, and no more than are named: what is left may still be wider.
        """
        widths, kept = self.widths(), list(range(len(self.header)))
        for column in dispensable:
            if sum(widths[index] + gap for index in kept) - gap <= width:
                break
            kept.remove(column)
        return Table(
            [self.header[index] for index in kept],
            [[row[index] for index in kept] for row in self.rows],
            frozenset(place for place, index in enumerate(kept) if index in self.left),
            self.notes,
        )

    def lines(self, gap: int = 2) -> list[str]:
        """The header, the rows and the notes as aligned text, without trailing spaces."""
        widths = self.widths()

        def line(texts: list[str]) -> str:
            fitted = (
                fit(text, width, "left" if column in self.left else "right")
                for column, (text, width) in enumerate(zip(texts, widths, strict=True))
            )
            return (" " * gap).join(fitted).rstrip()

        return [line(self.header), *(line([cell.text for cell in row]) for row in self.rows), *self.notes]
