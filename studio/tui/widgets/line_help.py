"""A few lines right above a prompt: what can stand in it. They lie over the screen, which keeps its place."""

from __future__ import annotations

from collections.abc import Callable

from textual.strip import Strip
from textual.widget import Widget

from studio.tui.widgets.lines import Line, strip_of

MOST_LINES = 10  # all columns and functions of a filter, and a sentence, at 80 cells
Helper = Callable[[str, int], list[Line]]


class LineHelp(Widget):
    """``show`` lines, at most ``MOST_LINES`` of them; none hides it. A child of the prompt, above which it grows."""

    DEFAULT_CSS = """
    LineHelp { overlay: screen; offset: 0 -100%; width: 100vw; height: 1; background: $surface; display: none; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[Line] = []

    def show(self, lines: list[Line]) -> None:
        lines = lines[:MOST_LINES]
        if lines == self._lines:
            return
        if len(lines) != len(self._lines):
            self.styles.height = max(1, len(lines))
            self.display = bool(lines)
        self._lines = lines
        self.refresh()

    def render_line(self, y: int) -> Strip:
        line: Line = [(" ", ""), *self._lines[y]] if y < len(self._lines) else []
        return strip_of(self, line, self.size.width, self.rich_style)
