"""What the terminal shows, cell by cell, so that only cells that differ are sent to it: people sit behind slow lines.

Textual sends every widget, or region of one, that was refreshed, whole, with each piece's style from scratch. Here its
update is laid over the frame that the terminal has; what is sent are runs of cells that changed, and of a style only
what differs from the style before.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from rich.cells import split_graphemes
from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.strip import Strip

# Cells between two changed runs that are cheaper to send again than to step over (\x1b[80G is five bytes).
SENT_AGAIN_CELLS = 4
VISIBLE_ON_BLANKS = {"4", "7", "9", "53"}  # underline, reverse, strike, overline
ATTRIBUTES = ("bold", "dim", "italic", "underline", "blink", "reverse", "strike", "overline")


class Pen(NamedTuple):
    """SGR codes of a style: attributes (``"1;4"``), foreground and background (``"38;2;1;2;3"``); empty: none."""

    attributes: str
    foreground: str
    background: str

    @property
    def shows_on_blanks(self) -> bool:
        return not VISIBLE_ON_BLANKS.isdisjoint(self.attributes.split(";"))


class Cell(NamedTuple):
    """One grapheme; the cell behind a wide one is empty text."""

    text: str
    pen: Pen


PLAIN = Pen("", "", "")
UNKNOWN = Cell("\0", PLAIN)


class Frame:
    """The cells of a terminal of some size as far as they are known."""

    def __init__(self) -> None:
        self._lines: list[list[Cell]] = []

    def forget(self) -> None:
        """Another program, or a change of size, may have changed what is shown: the next update sends all of it."""
        self._lines = []

    def changes(self, update: LayoutUpdate | ChopsUpdate, width: int, height: int, colors: ColorSystem) -> FrameChanges:
        """Take over an update of a terminal of this size and with these colours; what of it it does not show yet."""
        if len(self._lines) != height or len(self._lines[0]) != width:
            self._lines = [[UNKNOWN] * width for _ in range(height)]
        runs: list[tuple[int, int, list[Cell]]] = []
        for y, x, strip in _pieces(update):
            if 0 <= y < height:
                cells = _cells(strip, colors)[max(0, -x) : width - x]
                runs += [(y, start, run) for start, run in _changed(self._lines[y], max(0, x), cells)]
        return FrameChanges(runs)


class FrameChanges(CompositorUpdate):
    """Runs of cells, each with the line and column where it begins."""

    def __init__(self, runs: list[tuple[int, int, list[Cell]]]) -> None:
        self.runs = runs

    def render_segments(self, console: Console) -> str:
        if not self.runs:
            return ""
        pieces = ["\x1b[0m"]
        pen, line = PLAIN, -1
        for y, x, cells in self.runs:
            pieces.append(f"\x1b[{x + 1}G" if y == line else f"\x1b[{y + 1};{x + 1}H")
            line = y
            for cell in cells:
                if not _writes(pen, cell):
                    pieces.append(_turned(pen, cell.pen))
                    pen = cell.pen
                pieces.append(cell.text)
        pieces.append("\x1b[0m")
        return "".join(pieces)


def _pieces(update: LayoutUpdate | ChopsUpdate) -> Iterator[tuple[int, int, Strip]]:
    """(line, column, strip) of everything that an update may have changed."""
    if isinstance(update, LayoutUpdate):
        for y, strips in enumerate(update.strips, update.region.y):
            x = update.region.x
            for strip in strips:
                yield y, x, strip
                x += strip.cell_length
        return
    for y in sorted({y for y, _, _ in update.spans}):
        spans = [(first, last) for line, first, last in update.spans if line == y]
        for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            if strip is not None and any(x < last and end > first for first, last in spans):
                yield y, x, strip


def _changed(line: list[Cell], start: int, cells: list[Cell]) -> list[tuple[int, list[Cell]]]:
    """Put ``cells`` into the line from ``start`` on; (column, cells) of what was not there yet."""
    if line[start : start + len(cells)] == cells:
        return []
    places = [place for place, cell in enumerate(cells) if line[start + place] != cell]
    line[start : start + len(cells)] = cells
    runs: list[list[int]] = []
    for place in places:
        if runs and place - runs[-1][1] <= SENT_AGAIN_CELLS:
            runs[-1][1] = place
        else:
            runs.append([place, place])
    return [(start + first, run) for first, last in runs for first, run in [_whole(cells, first, last)]]


def _whole(cells: list[Cell], first: int, last: int) -> tuple[int, list[Cell]]:
    """The run without half a wide grapheme at its ends."""
    while first > 0 and not cells[first].text:
        first -= 1
    while last + 1 < len(cells) and not cells[last + 1].text:
        last += 1
    return first, cells[first : last + 1]


def _cells(strip: Strip, colors: ColorSystem) -> list[Cell]:
    return [cell for text, style, control in strip if not control for cell in _cells_of(text, style, colors)]


@lru_cache(maxsize=8192)
def _cells_of(text: str, style: Style | None, colors: ColorSystem) -> tuple[Cell, ...]:
    pen = _pen(style or Style.null(), colors)
    # Of a blank nobody sees the foreground, or whether it is bold.
    blank = Cell(" ", pen if pen.shows_on_blanks else Pen("", "", pen.background))
    if text.isascii():
        return tuple(blank if character == " " else Cell(character, pen) for character in text)
    cells: list[Cell] = []
    for start, end, size in split_graphemes(text)[0]:
        if size:
            piece = text[start:end]
            cells += [blank if piece == " " else Cell(piece, pen), *[Cell("", pen)] * (size - 1)]
    return tuple(cells)


@lru_cache(maxsize=4096)
def _pen(style: Style, colors: ColorSystem) -> Pen:
    attributes = Style.parse(" ".join(name for name in ATTRIBUTES if getattr(style, name)) or "none")
    parts = (attributes, Style(color=style.color), Style(bgcolor=style.bgcolor))
    drawn = [part.render("x", color_system=colors) for part in parts]
    return Pen(*(one.removeprefix("\x1b[").partition("mx")[0] if one != "x" else "" for one in drawn))


def _writes(pen: Pen, cell: Cell) -> bool:
    """Whether the cell looks as it should when it is written with this pen."""
    if cell.pen is pen or cell.pen == pen:
        return True
    is_bare = not cell.pen.attributes and not cell.pen.foreground and cell.text == " "
    return is_bare and cell.pen.background == pen.background and not pen.shows_on_blanks


@lru_cache(maxsize=4096)
def _turned(before: Pen, after: Pen) -> str:
    """The sequence that turns one pen into another, the shorter of all of it and what differs."""
    whole = ";".join(["0", *(codes for codes in after if codes)])
    if before.attributes != after.attributes or any(old and not new for old, new in zip(before, after, strict=True)):
        return f"\x1b[{whole}m"
    return f"\x1b[{';'.join(new for old, new in zip(before, after, strict=True) if new and new != old)}m"
