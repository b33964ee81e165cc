"""A table as plain cells: the verbs print it, the screens draw it, both from the same rows."""

from __future__ import annotations

from dataclasses import dataclass, field

from studio.reports.words import cells, fit

Cell = tuple[str, str]


@dataclass(frozen=True)
class Table:
    """``header`` and every row have one cell per column; a cell is (text, style name).

    ``left`` holds the columns that are aligned left, by index; all others are numbers and aligned right. ``notes`` are
    sentences to print below.
    """

    header: list[str]
    rows: list[list[Cell]]
    left: frozenset[int] = frozenset({0})
    notes: list[str] = field(default_factory=list)

    def widths(self) -> list[int]:
        """Cells that the widest text of each column takes."""
        texts = [self.header, *([text for text, _ in row] for row in self.rows)]
        return [max(cells(text[column]) for text in texts) for column in range(len(self.header))]

    def lines(self, gap: int = 2) -> list[str]:
        """The header, the rows and the notes as aligned text, without trailing spaces."""
        widths = self.widths()

        def line(texts: list[str]) -> str:
            fitted = (
                fit(text, width, "left" if column in self.left else "right")
                for column, (text, width) in enumerate(zip(texts, widths, strict=True))
            )
            return (" " * gap).join(fitted).rstrip()

        return [line(self.header), *(line([text for text, _ in row]) for row in self.rows), *self.notes]
