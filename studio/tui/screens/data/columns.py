"""The columns that the table can show: which stand there, how wide each is, and which of them fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import takewhile
from typing import TYPE_CHECKING

from studio.reports.numbers import loss, number

if TYPE_CHECKING:
    from studio.dataset.examples import Preview

GUTTER = 2  # cursor and selection
NARROW = 90  # below this the task and its like give their room to the texts
_LEAST_CELLS, _MOST_CELLS, _LEAST_TEXT = 2, 200, 12
_PINNED = ("example_id", "label")


@dataclass(frozen=True)
class Column:
    """A column as the store names it, as the heading shows it, and how wide it is (0: shares what is left).

    ``narrow`` is what it has at most where the terminal is; ``chosen`` the width that a person gave it, 0 for none.
    """

    name: str
    heading: str
    width: int
    share: float = 0.0
    is_number: bool = False
    narrow: int = 8
    chosen: int = 0


EVERY = (
    Column("example_id", "#", 3, is_number=True),  # as wide as the ids shown
    Column("label", "label", 3),
    Column("labelled_by", "by", 10),
    Column("labelled_at", "labelled at", 16, narrow=11),
    Column("is_marked", "mark", 4),
    Column("note", "note", 16),
    Column("task", "task", 10),
    Column("split", "split", 10, narrow=10),
    Column("system", "system", 16),
    Column("prompt", "prompt", 0, share=0.58),
    Column("completion", "completion", 0, share=0.42),
    Column("prompt_tokens", "tok in", 8, is_number=True),
    Column("completion_tokens", "tok out", 8, is_number=True),
    Column("total_tokens", "tok", 6, is_number=True),
    Column("loss", "loss", 6, is_number=True),
    Column("base_loss", "base loss", 9, is_number=True),
    Column("revision", "rev", 4, is_number=True),
    Column("source", "source", 16),
    Column("source_line", "line", 8, is_number=True),
)
NAMED = {column.name: column for column in EVERY}
FIRST = tuple(NAMED[name] for name in ("example_id", "label", "task", "prompt", "completion", "total_tokens"))


@dataclass(frozen=True)
class Placed:
    """A column in sight: which one it is of those shown, and its cells."""

    index: int
    column: Column
    cells: int


@dataclass(frozen=True)
class Layout:
    """The columns in sight, from left to right; ``first`` is the leftmost of those that scroll."""

    placed: tuple[Placed, ...]
    first: int = 0
    has_left: bool = False
    has_right: bool = False

    def column_at(self, x: int) -> int | None:
        """Which column has the cell ``x``, the gap behind it included; None left of all."""
        end = GUTTER
        for one in self.placed:
            if end <= x < (end := end + one.cells + 1):
                return one.index
        return None


@lru_cache(maxsize=64)
def laid_out(columns: tuple[Column, ...], width: int, id_cells: int, cursor: int, first: int) -> Layout:
    """Which of ``columns`` are in sight in ``width`` cells, and how wide each is.

    Where not all fit, they scroll sideways, from ``first`` on and so that the ``cursor``'s is in sight; the row's
    number and its label stay where they stand at the left.
    """
    least = [_least(column, width, id_cells) for column in columns]
    room = width - GUTTER
    if sum(least) + len(least) - 1 <= room:
        return Layout(_shared_out(columns, range(len(columns)), least, room))
    room -= 2  # the mark that there is more at the right
    pinned = len(list(takewhile(lambda column: column.name in _PINNED, columns)))
    if pinned == len(columns) or sum(least[:pinned]) + pinned + _LEAST_TEXT > room:
        pinned = 0
    left = room - sum(least[:pinned]) - pinned
    first = max(pinned, min(first, cursor) if cursor >= pinned else first)
    while first < cursor and sum(least[first : cursor + 1]) + cursor - first > left:
        first += 1
    end = first + 1
    while end < len(columns) and sum(least[first : end + 1]) + end - first <= left:
        end += 1
    least[first] = max(1, min(least[first], left))
    placed = _shared_out(columns, [*range(pinned), *range(first, end)], least, room)
    return Layout(placed, first, first > pinned, end < len(columns))


def _least(column: Column, width: int, id_cells: int) -> int:
    if column.chosen:
        return column.chosen
    if column.name == "example_id":
        return id_cells
    return _LEAST_TEXT if column.share else min(column.width, column.narrow) if width < NARROW else column.width


def _shared_out(columns: Sequence[Column], indexes: Sequence[int], least: list[int], room: int) -> tuple[Placed, ...]:
    """Those columns with their cells; the texts share what the others leave."""
    shared = [index for index in indexes if columns[index].share and not columns[index].chosen]
    left = room - (len(indexes) - 1) - sum(least[index] for index in indexes if index not in shared)
    shares = sum(columns[index].share for index in shared)
    cells = dict(enumerate(least))
    for index in shared if left > 0 else ():
        cells[index] = round(left * columns[index].share / shares)
        left, shares = left - cells[index], shares - columns[index].share
    return tuple(Placed(index, columns[index], cells[index]) for index in indexes)


def resized(column: Column, cells: int, by: int) -> Column:
    """``column``, drawn in ``cells`` now, as much wider (or narrower: below 0)."""
    return replace(column, chosen=max(_LEAST_CELLS, min(cells + by, _MOST_CELLS)))


def from_kept(kept: Sequence[tuple[str, int]]) -> tuple[Column, ...]:
    """Columns by their names and chosen widths, each once; names that this studio does not know are left out."""
    known = {name: min(cells, _MOST_CELLS) for name, cells in kept if name in NAMED}
    return tuple(replace(NAMED[name], chosen=cells) for name, cells in known.items()) or FIRST


def to_kept(columns: Sequence[Column]) -> tuple[tuple[str, int], ...]:
    """What brings these columns back; nothing for those of the beginning."""
    return () if tuple(columns) == FIRST else tuple((column.name, column.chosen) for column in columns)


def words_of(preview: Preview, name: str, cells: int) -> str:
    """What a cell says; a time without its year where that has no room."""
    value = getattr(preview, name)
    match name:
        case "is_marked":
            return "◆" if value else ""
        case "labelled_at":
            return "" if value is None else f"{value:%Y-%m-%d %H:%M}" if cells >= 16 else f"{value:%m-%d %H:%M}"
        case "split" | "label":
            return "" if value == "none" else str(value)
        case "prompt_tokens" | "completion_tokens" | "total_tokens":
            return "" if value is None else number(value)
        case "loss" | "base_loss":
            return "" if value is None else loss(value)
        case _:
            return "" if value is None else str(value)
