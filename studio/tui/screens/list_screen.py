"""Screens whose moving keys move a list's cursor."""

from __future__ import annotations

from studio.tui.screens.base import StudioScreen
from studio.tui.widgets.list_moves import ListMoves
from studio.tui.widgets.row_list import RowList


class ListScreen(ListMoves, StudioScreen):
    """``MAIN_LIST`` is the selector of the list that moves unless another one has the keyboard."""

    MAIN_LIST = "#rows"

    @property
    def row_list(self) -> RowList:
        """The list with the keyboard, else the main one."""
        focused = self.focused
        return focused if isinstance(focused, RowList) else self.query_one(self.MAIN_LIST, RowList)
