"""The moving keys of whatever has a list: a screen, a dialog."""

from __future__ import annotations

from studio.tui.widgets.row_list import RowList


class ListMoves:
    """Moves the cursor of ``row_list``."""

    @property
    def row_list(self) -> RowList:
        """The list that the keys move."""
        raise NotImplementedError

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
