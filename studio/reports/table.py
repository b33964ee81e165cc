"""A table as plain cells: the verbs print it, the screens draw it, both from the same rows and by the same rules.

What does not fit goes in the order that the table itself names; drawings take the room that is left.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from studio.reports.cells import Segment, cells, fit

SHORT_TITLES: tuple[int, ...] = ()  # the cut after which columns have their short titles


class Drawing(Protocol):
    """What is drawn to the width that its column gets."""

    def drawn(self, width: int) -> str:
        """Exactly ``width`` cells."""
        ...


@dataclass(frozen=True)
class Bar:
    """A share in 0..1 as a bar from the left; what is not nothing shows."""

    share: float

    def drawn(self, width: int) -> str:
        filled = min(width, max(1 if self.share > 0 else 0, round(self.share * width)))
        return "━" * filled + " " * (width - filled)


class Cell(NamedTuple):
    """A cell's text and the name of its style, empty for plain. A ``drawing`` takes the place of the text."""

    text: str
    style: str = ""
    drawing: Drawing | None = None


@dataclass(frozen=True)
class Column:
    """A column's title, and a short one where that saves room. Numbers stand right, ``is_left`` left.

    A column of drawings is ``least`` cells wide or more, up to ``most``; 0 is a column of text, as wide as its texts.
    """

    title: str
    short: str = ""
    is_left: bool = False
    least: int = 0
    most: int = 0


@dataclass(frozen=True)
class Table:
    """Every row has one cell per column. ``notes`` are sentences to say below.

    ``cuts`` says what goes where room is scarce, first to last: groups of columns, by index, that go together, and
    ``SHORT_TITLES``.
    """

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    cuts: Sequence[tuple[int, ...]] = ()
    notes: Sequence[str] = field(default=())

    def drawn(self, width: int | None = None, *, gap: int = 2, is_terse: bool = False) -> list[list[Segment]]:
        """The header and the rows as lines of segments, all of one length, at most ``width`` cells if that can be.

        None is as much room as there could be. ``is_terse`` takes short titles from the start. After the last cut what
        is left may still be wider.
        """
        shown, is_short = self._after_cuts(width, gap, is_terse)
        widths = {column: self._least(column, is_short) for column in shown}
        room = None if width is None else width - _total(widths.values(), gap)
        self._widen_drawings(widths, room)
        lines: list[list[Segment]] = []
        header = [Cell(_title(column, is_short), "dim") for column in self.columns]
        for row in [header, *self.rows]:
            line: list[Segment] = []
            for place, column in enumerate(shown):
                if place:
                    line.append((" " * gap, ""))
                line.append((self._cell(row[column], column, widths[column]), row[column].style))
            lines.append(line)
        return lines

    def lines(self, width: int | None = None, *, gap: int = 2) -> list[str]:
        """The header, the rows and the notes as aligned text, without trailing spaces."""
        drawn = ("".join(text for text, _ in line).rstrip() for line in self.drawn(width, gap=gap))
        return [*drawn, *self.notes]

    def _after_cuts(self, width: int | None, gap: int, is_short: bool) -> tuple[list[int], bool]:
        shown = list(range(len(self.columns)))
        for cut in self.cuts:
            if width is None or _total((self._least(column, is_short) for column in shown), gap) <= width:
                break
            if cut == SHORT_TITLES:
                is_short = True
            shown = [column for column in shown if column not in cut]
        return shown, is_short

    def _least(self, index: int, is_short: bool) -> int:
        column = self.columns[index]
        texts = (cells(row[index].text) for row in self.rows)
        return max(column.least, cells(_title(column, is_short)), *texts)

    def _widen_drawings(self, widths: dict[int, int], room: int | None) -> None:
        """Share out ``room`` cells among the columns of drawings, evenly, the left ones first."""
        drawings = [index for index in widths if self.columns[index].most]
        for place, index in enumerate(drawings):
            most = max(0, self.columns[index].most - widths[index])
            added = most if room is None else min(most, max(0, room) // (len(drawings) - place))
            widths[index] += added
            room = None if room is None else room - added

    def _cell(self, cell: Cell, index: int, width: int) -> str:
        if cell.drawing is not None:
            return cell.drawing.drawn(width)
        return fit(cell.text, width, "left" if self.columns[index].is_left else "right")


def _title(column: Column, is_short: bool) -> str:
    return column.short or column.title if is_short else column.title


def _total(widths: Iterable[int], gap: int) -> int:
    listed = list(widths)
    return sum(listed) + gap * max(0, len(listed) - 1)
