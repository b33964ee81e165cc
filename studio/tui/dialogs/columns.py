"""Which columns the table shows, and in which order."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content

from studio.dataset.filter_language import COLUMNS
from studio.tui import actions
from studio.tui.dialogs.list_dialog import ListDialog
from studio.tui.widgets.lines import Line
from studio.tui.widgets.row_list import RowList

NAME_CELLS = 20


class ColumnsDialog(ListDialog):
    """Dismissed with the names of the ticked columns in their order, or None.

    ``shown`` stand first and ticked, ``others`` behind them; ``at_first`` is what reset ticks, in its order.
    """

    BINDINGS = actions.bindings_for("Columns")

    def __init__(self, shown: Sequence[str], others: Sequence[str], at_first: Sequence[str]) -> None:
        super().__init__()
        self.names = [*shown, *others]
        self.ticked = set(shown)
        self._at_first = list(at_first)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = Content("columns")
            dialog.border_subtitle = Content("space ticks · H L move · r resets · enter keeps · esc leaves")
            yield RowList()

    def on_mount(self) -> None:
        self._show(0)

    def _show(self, index: int) -> None:
        self.row_list.show(len(self.names), self._line, index)
        self.fit()

    def _line(self, index: int, width: int) -> Line:
        name = self.names[index]
        is_shown = name in self.ticked
        words = (name.ljust(NAME_CELLS), "plain" if is_shown else "dim")
        return [("▪ " if is_shown else "  ", "mark"), words, (COLUMNS[name], "dim")]

    def action_tick(self) -> None:
        self.ticked ^= {self.names[self.row_list.index]}
        self.row_list.refresh()
        self.row_list.move(1)

    def action_move_left(self) -> None:
        self._move(-1)

    def action_move_right(self) -> None:
        self._move(1)

    def _move(self, by: int) -> None:
        here, there = self.row_list.index, self.row_list.index + by
        if 0 <= there < len(self.names):
            self.names[here], self.names[there] = self.names[there], self.names[here]
            self._show(there)

    def action_reset_columns(self) -> None:
        self.names = [*self._at_first, *(name for name in COLUMNS if name not in self._at_first)]
        self.ticked = set(self._at_first)
        self._show(0)

    def action_choose(self) -> None:
        chosen = [name for name in self.names if name in self.ticked]
        if chosen:
            self.dismiss(chosen)
        else:
            self.say("A table has at least one column: space ticks it.", "warning")
