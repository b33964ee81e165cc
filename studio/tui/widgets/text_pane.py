"""A text to scroll in, drawn line by line: another text in it is on the terminal in the very next frame."""

from __future__ import annotations

from collections.abc import Callable

from textual.content import Content
from textual.geometry import Size
from textual.messages import Update
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.visual import Visual


class TextPane(ScrollView):
    """Gets its text by ``show_text``. It wraps by itself, so that another text lays nothing out anew."""

    DEFAULT_CSS = """
    TextPane { overflow-x: hidden; overflow-y: auto; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._text: Callable[[int], Content] = lambda width: Content("")
        self._wrapped: dict[int, list[Strip]] = {}

    def show_text(self, text: Callable[[int], Content]) -> None:
        """Show ``text(width)`` from its start; what is longer than ``width`` cells there is wrapped."""
        self._text = text
        self._wrapped.clear()
        self._fit()
        self.scroll_to(y=0, animate=False)
        self.refresh()
        self.screen.post_message(Update(self))  # when this widget is idle it would be too late for the next frame

    @property
    def hidden_lines(self) -> int:
        """Lines that there is no room for at once."""
        width, height = self.content_size
        return max(0, len(self._lines(width)) - height) if width else 0

    def render(self) -> Content:
        """All of it, unwrapped: what a selection by mouse is cut from."""
        return self._text(self.scrollable_content_region.width)

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        lines, at = self._lines(width), y + round(self.scroll_offset.y)
        return lines[at] if at < len(lines) else Strip.blank(width, self.rich_style)

    def on_resize(self) -> None:
        self._fit()

    def notify_style_update(self) -> None:
        self._wrapped.clear()  # another theme
        super().notify_style_update()

    def selection_updated(self, selection: Selection | None) -> None:
        self._wrapped.clear()
        super().selection_updated(selection)

    def _fit(self) -> None:
        """Make room to scroll in, and a scroll bar, where the text is longer than the pane."""
        width, height = self.content_size
        lines = len(self._lines(width)) if width else 0
        if lines > height:
            lines = len(self._lines(width - self.styles.scrollbar_size_vertical))
        self.virtual_size = Size(0, lines if lines > height else 0)  # one size for all that fits: no layout for those

    def _lines(self, width: int) -> list[Strip]:
        if width not in self._wrapped:
            self._wrapped[width] = Visual.to_strips(self, self._text(width), width, None, self.visual_style, pad=True)
        return self._wrapped[width]
