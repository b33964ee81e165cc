"""Dialogs over a list: the keys that move, and a click or enter that chooses."""

from __future__ import annotations

from typing import ClassVar

from studio.tui.dialogs.dialog import StudioDialog
from studio.tui.widgets.list_moves import ListMoves
from studio.tui.widgets.row_list import RowList


class ListDialog(ListMoves, StudioDialog):
    """A child yields one RowList, calls ``fit`` when it has other rows, and says what ``action_choose`` does."""

    AUTO_FOCUS = "RowList"
    OTHER_LINES: ClassVar[int] = 2  # the border, and what else stands beside the list
    _most_rows = 1

    @property
    def row_list(self) -> RowList:
        return self.query_one(RowList)

    def fit(self) -> None:
        """As high as the list that was longest so far, and no higher than nine tenths of the screen."""
        self._most_rows = max(self._most_rows, self.row_list.count)
        self.row_list.styles.height = max(1, min(self._most_rows, self.size.height * 9 // 10 - self.OTHER_LINES))

    def on_resize(self) -> None:
        self.fit()

    def on_row_list_chosen(self) -> None:
        self.action_tick()

    def action_tick(self) -> None:
        """Tick the row under the cursor, or untick it."""
        raise NotImplementedError

    def action_choose(self) -> None:
        """Enter: take what is ticked."""
        raise NotImplementedError
