"""Token lengths as a histogram with the limit drawn in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from textual.strip import Strip
from textual.widget import Widget

from studio.reports.histogram import histogram
from studio.tui.widgets.lines import Line, strip_of

MIN_WIDTH, MIN_HEIGHT = 16, 3


class HistogramView(Widget):
    """Draws counts at whatever size it has. Gets data by ``show``."""

    DEFAULT_CSS = """
    HistogramView { height: 1fr; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._counts: NDArray[np.int64] = np.array([], dtype=np.int64)
        self._limit: int | None = None
        self._drawn: tuple[tuple[int, int], list[Line]] | None = None

    def show(self, counts: NDArray[np.int64], limit: int | None) -> None:
        """``counts``: tokens of each row; ``limit``: max_length, drawn as an upright line."""
        self._counts, self._limit = counts, limit
        self._drawn = None
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width, height = self.content_size
        if self._drawn is None or self._drawn[0] != (width, height):
            is_drawable = width >= MIN_WIDTH and height >= MIN_HEIGHT and len(self._counts) > 0
            rows = histogram(self._counts, width, height, self._limit) if is_drawable else []
            self._drawn = (width, height), rows
        rows = self._drawn[1]
        return strip_of(self, rows[y] if y < len(rows) else [], width, self.rich_style)
