"""Lines of styled text: what reports make and widgets show.

A line is a list of (text, style name); the names become theme colours in ``tui/styles.py`` only, at the time of
drawing, so that a change of theme needs nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from rich.cells import cell_len, chop_cells
from rich.segment import Segment as RichSegment
from rich.style import Style
from textual.content import Content
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from studio.reports.cells import fit
from studio.reports.visible import visible
from studio.tui import styles

Segment = tuple[str, str]
Line = list[Segment]


class LinesView(Widget):
    """Shows lines, folded to its width where they are longer. Gets data by ``show``."""

    DEFAULT_CSS = """
    LinesView { height: auto; width: 1fr; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.lines: list[Line] = []
        self._hang = 0

    def show(self, lines: Sequence[Line], hang: int = 0) -> None:
        """``hang``: where what does not fit a line begins in the next, in cells from the left."""
        if lines != self.lines or hang != self._hang:
            height = self._height()
            self.lines, self._hang = list(lines), hang
            self.refresh(layout=self._height() != height)  # laying out draws the whole screen anew

    def _height(self) -> int:
        width = self.content_size.width
        if self._hang or not width:
            return len(self._folded(width)) if width else -1
        return sum(max(1, -(-line_length(line) // width)) for line in self.lines)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._folded(width)) if self._hang else super().get_content_height(container, viewport, width)

    def render(self) -> Content:
        return Content("\n").join([content_of(line) for line in self._folded(self.content_size.width)])

    def _folded(self, width: int) -> list[Line]:
        return folded_lines(self.lines, width, self._hang)


class HeadLine(Widget):
    """One line made anew for whatever width it has: the heading of a list beneath it."""

    DEFAULT_CSS = """
    HeadLine { height: 1; width: 1fr; }
    """

    def __init__(self, make: Callable[[int], Line], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._make = make

    def render_line(self, y: int) -> Strip:
        width = self.content_size.width
        return strip_of(self, self._make(width), width, self.rich_style)


def entitle(widget: Widget, title: str, subtitle: str = "") -> None:
    """Title and subtitle in the widget's border, as data; where they are there already nothing is drawn anew."""
    for name, words in (("border_title", title), ("border_subtitle", subtitle)):
        content = Content(visible(words, single_line=True))
        if str(getattr(widget, name) or "") != content.plain:
            setattr(widget, name, content)


def joined(parts: Sequence[Line], width: int, between: str = " · ") -> list[Line]:
    """Facts in a row, with ``between`` between two, and broken there into lines of ``width`` cells."""
    lines: list[Line] = [[]]
    for part in parts:
        if lines[-1] and line_length(lines[-1]) + len(between) + line_length(part) > width:
            lines.append([])
        if lines[-1]:
            lines[-1].append((between, "faint"))
        lines[-1] += part
    return lines


def folded_lines(lines: Sequence[Line], width: int, hang: int) -> list[Line]:
    """The lines, made visible and each ``folded``; with ``hang`` 0 they stay as long as they are."""
    made = [[(visible(text), style) for text, style in line] for line in lines]
    return [part for line in made for part in folded(line, width, hang)] if hang else made


def folded(line: Line, width: int, hang: int) -> list[Line]:
    """``line`` in lines of at most ``width`` cells, broken between words; all but the first begin ``hang`` cells in."""
    if line_length(line) <= width or hang >= width:
        return [line]
    lines: list[Line] = [[]]
    left, room = width, width

    def break_off() -> None:
        nonlocal left, room
        lines.append([(" " * hang, "")])
        left = room = width - hang

    for text, style in line:
        for word in re.findall(r"\s*\S+|\s+", text):
            rest = word
            if cell_len(rest) > left < room:
                break_off()
                rest = rest.lstrip()
            while cell_len(rest) > left:  # longer than a whole line: cut where that ends
                head = chop_cells(rest, left)[0]
                lines[-1].append((head, style))
                rest = rest[len(head) :]
                break_off()
            lines[-1].append((rest, style))
            left -= cell_len(rest)
    return lines


def content_of(line: Sequence[Segment]) -> Content:
    """A line as Textual draws it; its text is data and never markup."""
    return Content.assemble(*((text, styles.style_of(name)) for text, name in line))


def strip_of(widget: Widget, line: Sequence[Segment], width: int, background: Style) -> Strip:
    """A line in exactly ``width`` cells on ``background``."""
    segments = [
        RichSegment(text, background + styles.style(widget.app, name))
        for text, name in fitted_line(line, width)
        if text
    ]
    return Strip(segments, width)


def fitted_line(line: Sequence[Segment], width: int) -> Line:
    """``line``, made visible, in exactly ``width`` cells, padded or cut with an ellipsis."""
    line = [(visible(text, single_line=True), style) for text, style in line]
    total = line_length(line)
    if total <= width:
        return [*line, (" " * (width - total), "")]
    result: Line = []
    left = width
    for text, style in line:
        length = cell_len(text)
        if length >= left:
            result.append((fit(text + " ", left), style))
            break
        result.append((text, style))
        left -= length
    return result


def line_length(line: Sequence[Segment]) -> int:
    """Cells a line takes."""
    return sum(cell_len(text) for text, _ in line)
