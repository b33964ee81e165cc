"""Quality against what it costs, over the whole of the screen's body, and the legend beneath it."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widget import Widget

from studio.reports.tradeoff import Price, TradePoint, drawn, legend
from studio.tui.widgets.lines import Line, content_of, joined

FRONTIER_WORDS: Line = [("┊╌", "axis"), (" the frontier: no arm scores higher for less; intervals say how sure", "dim")]


class PlotView(Widget):
    """Gets its points by ``show``; drawn to whatever room there is."""

    DEFAULT_CSS = """
    PlotView { height: 1fr; width: 1fr; }
    """

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._points: Sequence[TradePoint] = ()
        self._price: Price | None = None

    def show(self, points: Sequence[TradePoint], price: Price) -> None:
        self._points, self._price = points, price
        self.refresh()

    def render(self) -> Content:
        if self._price is None:
            return Content("")
        width, height = self.content_size
        below = [*joined(legend(self._points, self._price), width), FRONTIER_WORDS]
        plot = drawn(self._points, self._price, width, height - len(below))
        return Content("\n").join(map(content_of, [*plot, *below]))
