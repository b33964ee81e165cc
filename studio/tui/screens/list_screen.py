"""Screens whose moving keys move a list's cursor."""

from __future__ import annotations

from studio.tui.screens.base import StudioScreen
from studio.tui.widgets.row_list import RowList


class ListScreen(StudioScreen):
    """``MAIN_LIST`` is the selector of the list that moves unless another one has the keyboard."""

    MAIN_LIST = "#rows"

    @property
    def row_list(self) -> RowList:
        """The list with the keyboard, else the main one."""
        focused = self.focused
        return focused if isinstance(focused, RowList) else self.query_one(self.MAIN_LIST, RowList)

    def action_down(self) -> None:
        self.row_list.move(1)

    def action_up(self) -> None:
        self.row_list.move(-1)

    def action_top(self) -> None:
        self.row_list.move_to(0)

    def action_bottom(self) -> None:
        self.row_list.move_to(self.row_list.count - 1)

    def action_page_down(self) -> None:
        self.row_list.move(self.row_list.page)

    def action_page_up(self) -> None:
        self.row_list.move(-self.row_list.page)
