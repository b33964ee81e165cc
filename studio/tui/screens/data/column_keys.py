"""Which columns the table shows: wider, narrower, moved, hidden, chosen from a list. Kept with the project."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from studio.errors import AskedWrongly
from studio.tui.screens.data.columns import EVERY, FIRST, NAMED, Column, from_kept, resized, to_kept

if TYPE_CHECKING:
    from studio.tui.screens.data.desk import Desk

STEP_CELLS = 2


class ColumnKeys:
    """Every change is kept before its key is done."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def restore(self) -> None:
        """The columns as they were left."""
        table = self._desk.table
        table.show_columns(from_kept(self._desk.session.kept.columns), table.column_name)

    def resize(self, direction: int) -> None:
        """Make the cursor's column wider (1) or narrower (-1)."""
        table = self._desk.table
        column = resized(table.columns[table.column], table.cells, direction * STEP_CELLS)
        self._take([column if one.name == column.name else one for one in table.columns], column.name)
        self._desk.say(f"{column.heading}: {column.chosen} cells wide · kept")

    def move(self, direction: int) -> None:
        """Move the cursor's column to the right (1) or to the left (-1)."""
        table = self._desk.table
        columns, index = list(table.columns), table.column
        if 0 <= index + direction < len(columns):
            column = columns.pop(index)
            columns.insert(index + direction, column)
            self._take(columns, column.name)
            self._desk.say(f"{column.heading}: column {index + direction + 1} of {len(columns)} · kept")

    def hide(self) -> None:
        """Raises AskedWrongly for the only column there is."""
        table = self._desk.table
        if len(table.columns) == 1:
            raise AskedWrongly("This is the only column.", "K shows others.")
        hidden = table.columns[table.column]
        self._take([one for one in table.columns if one is not hidden], hidden.name)
        self._desk.say(f"{hidden.heading} is hidden · kept · K shows columns")

    def choose(self) -> None:
        """Ask for the columns in a list; nothing changes until that is entered."""
        from studio.tui.dialogs.columns import ColumnsDialog

        shown = [column.name for column in self._desk.table.columns]
        others = [column.name for column in EVERY if column.name not in shown]
        at_first = [column.name for column in FIRST]
        self._desk.app.push_screen(ColumnsDialog(shown, others, at_first), self._chosen)

    def _chosen(self, names: Sequence[str] | None) -> None:
        if names is None:
            return
        table = self._desk.table
        as_shown = {column.name: column for column in table.columns}
        is_reset = list(names) == [column.name for column in FIRST]
        self._take(FIRST if is_reset else [as_shown.get(name, NAMED[name]) for name in names], table.column_name)
        self._desk.say("the columns are as at first · kept" if is_reset else f"{len(names)} columns · kept")

    def _take(self, columns: Sequence[Column], cursor: str) -> None:
        self._desk.table.show_columns(tuple(columns), cursor)
        session = self._desk.session
        session.keep(replace(session.kept, columns=to_kept(columns)))
