"""A list of one-line rows with a cursor. Only the rows in sight are made, so a million of them cost nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from studio.tui.widgets.lines import Line, strip_of

RowMaker = Callable[[int, int], Line]


class RowList(ScrollView, can_focus=True, inherit_bindings=False):
    """Gets its rows by ``show``; says ``Highlighted`` when the cursor moves and ``Chosen`` on Enter or a click."""

    DEFAULT_CSS = """
    RowList { overflow-x: hidden; scrollbar-size-vertical: 1; height: 1fr; }
    RowList .row-list--cursor { background: $studio-cursor-left; }
    RowList:focus .row-list--cursor { background: $studio-cursor; text-style: bold; }
    """
    COMPONENT_CLASSES = {"row-list--cursor"}  # noqa: RUF012 - Textual's own way to declare them

    @dataclass
    class Highlighted(Message):
        """The cursor stands on another row."""

        row_list: RowList
        index: int

        @property
        def control(self) -> RowList:
            return self.row_list

    @dataclass
    class Chosen(Message):
        """Enter on a row."""

        row_list: RowList
        index: int

        @property
        def control(self) -> RowList:
            return self.row_list

    def __init__(self, *, id: str | None = None, classes: str | None = None, empty: str = "") -> None:
        super().__init__(id=id, classes=classes)
        self.count = 0
        self.index = 0
        self.empty = empty
        self._row: RowMaker = lambda index, width: []
        self._drawn: dict[tuple[int, int], Line] = {}  # by index and width

    def show(self, count: int, row: RowMaker, index: int | None = None) -> None:
        """Show ``count`` rows; ``row(index, width)`` makes one. The cursor stays unless ``index`` is given."""
        before = (self.count, self.index)
        self.count, self._row = count, row
        wanted = self.index if index is None else index
        self.index = max(0, min(wanted, count - 1))
        if (self.count, self.index) == before and self._drawn:
            self._refresh_changed()
            return
        self.virtual_size = Size(0, max(count, 1))
        self._scroll_to_cursor()
        self._drawn.clear()
        self.refresh()

    def _refresh_changed(self) -> None:
        """Draw only the rows that read otherwise now: a run's clock goes on in one of thirty."""
        for (index, width), line in list(self._drawn.items()):
            if index < self.count and self._row(index, width) != line:
                self.refresh_line(index)

    def move(self, delta: int) -> None:
        self.move_to(self.index + delta)

    def move_to(self, index: int) -> None:
        index = max(0, min(index, self.count - 1))
        if index == self.index or not self.count:
            return
        before, self.index = self.index, index
        self._scroll_to_cursor()
        for row in (before, index):
            self.refresh_line(row)
        self.screen.post_message(self.Highlighted(self, index))  # at once: what follows is drawn in the same frame

    @property
    def page(self) -> int:
        """Rows in sight."""
        return max(1, self.scrollable_content_region.height)

    def choose(self) -> None:
        if self.count:
            self.post_message(self.Chosen(self, self.index))

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        index = y + round(self.scroll_offset.y)
        if not self.count and y == 0 and self.empty:
            return strip_of(self, [(self.empty, "dim")], width, self.rich_style)
        if index >= self.count:
            return Strip.blank(width, self.rich_style)
        is_cursor = index == self.index
        background = self.get_component_rich_style("row-list--cursor") if is_cursor else self.rich_style
        line = self._drawn[index, width] = self._row(index, width)
        return strip_of(self, line, width, background)

    def on_click(self, event: events.Click) -> None:
        at = event.get_content_offset(self)
        if at is None:  # on the border
            return
        index = round(self.scroll_offset.y) + at.y
        if index >= self.count:
            return
        if index == self.index:
            self.choose()
        self.move_to(index)

    def on_resize(self) -> None:
        self._scroll_to_cursor()

    def _scroll_to_cursor(self) -> None:
        if self.count:
            self.scroll_to_region(Region(0, self.index, 1, 1), animate=False, force=True)
