"""Lines of styled text: what reports make and widgets show.

A line is a list of (text, style name); the names become theme colours in ``tui/styles.py`` only, at the time of
drawing, so that a change of theme needs nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.cells import cell_len
from rich.segment import Segment as RichSegment
from rich.style import Style
from textual.content import Content
from textual.strip import Strip
from textual.widget import Widget

from studio.reports.cells import fit
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

    def show(self, lines: Sequence[Line]) -> None:
        if lines != self.lines:
            self.lines = list(lines)
            self.refresh(layout=True)

    def render(self) -> Content:
        return Content("\n").join([content_of(line) for line in self.lines])


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
    """``line`` in exactly ``width`` cells, padded or cut with an ellipsis."""
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
