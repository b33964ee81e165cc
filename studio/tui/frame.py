"""What the terminal shows, cell by cell, so that only cells that differ are sent to it: people sit behind slow lines.

Textual sends every widget, or region of one, that was refreshed, whole, with each piece's style from scratch. Here its
update is laid over the frame that the terminal has; what moved up or down it moves itself (``frame_moves``), and what
is sent are runs of cells that changed, and of a style only what differs from the style before.
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

from studio.tui.frame_moves import Move, best_move

# Cells between two changed runs that are cheaper to send again than to step over (\x1b[80G is five bytes).
SENT_AGAIN_CELLS = 4
VISIBLE_ON_BLANKS = {"4", "7", "9", "53"}  # underline, reverse, strike, overline
ENDS = {"1": "22", "2": "22", "3": "23", "4": "24", "5": "25", "7": "27", "9": "29", "53": "55"}
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
        wanted = self._lines[:]
        for y, x, strip in _pieces(update):
            if 0 <= y < height:
                cells = _cells(strip, colors)[max(0, -x) : width - x]
                wanted[y] = _with(wanted[y], max(0, x), cells)
        shown, self._lines = self._lines, wanted
        ways = [Way(None, _runs(shown, wanted))]
        if move := best_move(shown, wanted):
            move.apply(shown, UNKNOWN)
            ways.append(Way(move, _runs(shown, wanted)))
        return FrameChanges(ways)


class Way(NamedTuple):
    """A way to what shall be shown: first what moves, then runs of cells, each with line and column where it begins."""

    move: Move | None
    runs: list[tuple[int, int, list[Cell]]]

    def written(self) -> str:
        """As it is read, or pen by pen where that is shorter: a step to another place is a third of a change of pen."""
        stretches = [stretch for y, x, cells in self.runs for stretch in _stretches(y, x, cells)]
        turns = {pen: turn for turn, pen in enumerate(dict.fromkeys(stretch.pen for stretch in stretches))}
        pen_by_pen = sorted(stretches, key=lambda stretch: turns[stretch.pen])
        moved = f"\x1b[0m{self.move}" if self.move else ""
        return moved + min(_written(stretches), _written(pen_by_pen), key=len)


class FrameChanges(CompositorUpdate):
    """The shortest of some ways."""

    def __init__(self, ways: list[Way]) -> None:
        self._ways = ways

    @property
    def is_empty(self) -> bool:
        return not any(way.runs for way in self._ways)

    def render_segments(self, console: Console) -> str:
        return "" if self.is_empty else min((way.written() for way in self._ways), key=len)


class Stretch(NamedTuple):
    """Cells of a line that are written with one pen."""

    y: int
    x: int
    cells: int
    pen: Pen
    text: str


def _stretches(y: int, x: int, cells: list[Cell]) -> Iterator[Stretch]:
    start, pen = 0, cells[0].pen
    for place, cell in enumerate(cells):
        if _writes(pen, cell):
            continue
        is_blank_so_far = all(_writes(cell.pen, before) for before in cells[start:place])
        if not is_blank_so_far:
            yield Stretch(y, x + start, place - start, pen, "".join(cell.text for cell in cells[start:place]))
            start = place
        pen = cell.pen
    yield Stretch(y, x + start, len(cells) - start, pen, "".join(cell.text for cell in cells[start:]))


def _written(stretches: list[Stretch]) -> str:
    pieces = ["\x1b[0m"]
    pen, line, column = PLAIN, -1, -1
    for stretch in stretches:
        if stretch.y != line:
            pieces.append(f"\x1b[{stretch.y + 1};{stretch.x + 1}H")
        elif stretch.x != column:
            pieces.append(f"\x1b[{stretch.x + 1}G")
        line, column = stretch.y, stretch.x + stretch.cells
        if stretch.pen != pen:
            pieces.append(_turned(pen, stretch.pen))
            pen = stretch.pen
        pieces.append(stretch.text)
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
        for end, (x, chop) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            if chop is not None and any(x < last and end > first for first, last in spans):
                yield y, x, chop


def _runs(shown: list[list[Cell]], wanted: list[list[Cell]]) -> list[tuple[int, int, list[Cell]]]:
    """(line, column, cells) of what differs."""
    return [(y, x, run) for y, line in enumerate(wanted) for x, run in _changed(shown[y], line)]


def _with(line: list[Cell], start: int, cells: list[Cell]) -> list[Cell]:
    """The line with ``cells`` from ``start`` on; the very line where they stand there."""
    end = start + len(cells)
    return line if line[start:end] == cells else [*line[:start], *cells, *line[end:]]


def _changed(line: list[Cell], cells: list[Cell]) -> list[tuple[int, list[Cell]]]:
    """(column, cells) of what is in ``cells`` and not in ``line``, whose length it has."""
    if line is cells:
        return []
    places = [place for place, (old, new) in enumerate(zip(line, cells, strict=True)) if old != new]
    runs: list[list[int]] = []
    for place in places:
        if runs and place - runs[-1][1] <= SENT_AGAIN_CELLS:
            runs[-1][1] = place
        else:
            runs.append([place, place])
    return [_whole(cells, first, last) for first, last in runs]


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
    """The sequence that turns one pen into another: the shorter of all of it and of what differs."""
    whole = ["0", *(codes for codes in after if codes)]
    had, has = _codes(before), _codes(after)
    ended = {ENDS[code] for code in had - has}
    begun = {code for code in has if code not in had or ENDS[code] in ended}  # the end of bold is that of dim too
    differing = [*sorted(ended), *sorted(begun)]
    for old, new, default in ((before.foreground, after.foreground, "39"), (before.background, after.background, "49")):
        if new != old:
            differing.append(new or default)
    return f"\x1b[{min(';'.join(whole), ';'.join(differing), key=len)}m"


def _codes(pen: Pen) -> set[str]:
    return set(pen.attributes.split(";")) if pen.attributes else set()
