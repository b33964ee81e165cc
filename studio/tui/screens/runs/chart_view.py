"""Charts of a run: one large chart of the losses, small ones of what goes with them."""

from __future__ import annotations

from collections.abc import Sequence

from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from studio.reports.chart import BorderMark, ChartSeries, render_chart
from studio.tui.widgets.lines import Line, strip_of

MIN_WIDTH, MIN_HEIGHT = 16, 3


class ChartView(Widget):
    """Draws its series anew at whatever size it has. Gets data by ``show``."""

    DEFAULT_CSS = """
    ChartView { height: 1fr; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._series: Sequence[ChartSeries] = ()
        self._x_label = "step"
        self._log_y = False
        self._marker_x: float | None = None
        self._marker_label = ""
        self._nothing = ""
        self._marks: Sequence[BorderMark] = ()
        self._x_range: tuple[float, float] | None = None
        self._drawn: tuple[Size, list[Line]] | None = None

    def show(
        self,
        series: Sequence[ChartSeries],
        *,
        x_label: str = "step",
        log_y: bool = False,
        marker_x: float | None = None,
        marker_label: str = "",
        nothing: str = "",
        marks: Sequence[BorderMark] = (),
        x_range: tuple[float, float] | None = None,
    ) -> None:
        """Draw ``series``; ``marker_x`` is an upright line of this label, ``nothing`` the words for an empty chart.

        ``marks`` and ``x_range`` are as ``render_chart`` takes them.
        """
        self._series, self._x_label, self._log_y = series, x_label, log_y
        self._marker_x, self._marker_label, self._nothing = marker_x, marker_label, nothing
        self._marks, self._x_range = marks, x_range
        self._refresh_changed()

    def _refresh_changed(self) -> None:
        """Draw the lines that read otherwise now: a step moves few of a long run's."""
        size = self.content_size
        before, self._drawn = self._drawn, (size, self._draw(*size))
        if before is None or before[0] != size or len(before[1]) != len(self._drawn[1]):
            self.refresh()
            return
        top = self.gutter.top
        changed = [y for y, lines in enumerate(zip(before[1], self._drawn[1], strict=True)) if lines[0] != lines[1]]
        if changed:
            self.refresh(*(Region(0, top + y, self.outer_size.width, 1) for y in changed))

    def render_line(self, y: int) -> Strip:
        size = self.content_size
        if self._drawn is None or self._drawn[0] != size:
            self._drawn = size, self._draw(*size)
        rows = self._drawn[1]
        return strip_of(self, rows[y] if y < len(rows) else [], size.width, self.rich_style)

    def _draw(self, width: int, height: int) -> list[Line]:
        if width < MIN_WIDTH or height < MIN_HEIGHT:
            return []
        chart = render_chart(
            self._series,
            width,
            height,
            log_y=self._log_y,
            x_label=self._x_label,
            marker_x=self._marker_x,
            marker_label=self._marker_label,
            empty=self._nothing,
            marks=self._marks,
            x_range=self._x_range,
        )
        return chart.rows
