"""The cursor's row in full, beneath the rows."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from studio.reports.visible import visible
from studio.tui.screens.compare.answers import LABEL_WIDTH
from studio.tui.widgets.lines import Line, content_of, folded_lines
from studio.tui.widgets.text_pane import TextPane


class AnswersPane(TextPane, can_focus=False):
    """Has no scroll bar, which would come and go from row to row: its title says where there is more."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.styles.scrollbar_size_vertical = 0
        self._title = ""

    def show(self, title: str, lines: Sequence[Line]) -> None:
        """``lines`` begin with a label each; what is folded stands beside it."""
        self._title = visible(title)
        self.show_text(lambda width: Content("\n").join(map(content_of, folded_lines(lines, width, LABEL_WIDTH))))

    def _fit(self) -> None:
        super()._fit()
        more = self.hidden_lines
        self.border_title = Content(f"{self._title} · {more} more: ctrl+d" if more else self._title)
