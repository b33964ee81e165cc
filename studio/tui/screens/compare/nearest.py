"""The training rows nearest to the cursor's row, to read; enter takes them to Data."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from studio.acts.nearest import nearest_rows_of
from studio.reports.compare import CompareRow
from studio.reports.nearest import NearestRows, NearRow, nearest_lines
from studio.reports.numbers import percent
from studio.tui.messages import ExamplesRequested

if TYPE_CHECKING:
    from studio.tui.screens.compare.desk import Desk


class Nearest:
    """Indexing the training rows takes a moment: it happens in a thread, once a comparison."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._index: tuple[str, NearestRows] | None = None

    def show(self) -> None:
        row, loaded = self._desk.cursor_row, self._desk.loaded
        if row is None or loaded is None:
            return
        self._desk.say("looking among the training rows …")
        question = partial(self._find, loaded.comparison.run_id, row)
        self._desk.ask("nearest", question, partial(self._open, row))

    def _find(self, run_id: str, row: CompareRow) -> list[NearRow]:
        known = self._index
        if known is None or known[0] != run_id:
            known = self._index = run_id, nearest_rows_of(self._desk.project, run_id)
        return known[1].nearest(row.prompt)

    def _open(self, row: CompareRow, found: list[NearRow]) -> None:
        from studio.tui.dialogs.reader import RowsDialog

        self._desk.say("")
        title = f"training rows nearest to row {row.example_id}"
        ids = [near.row.example_id for near in found]
        dialog = RowsDialog(title, nearest_lines(row.prompt, found), ids)
        self._desk.app.push_screen(dialog, partial(self._take_to_data, title, found))

    def _take_to_data(self, title: str, found: list[NearRow], ids: list[int] | None) -> None:
        if not ids:
            return
        if self._desk.store is None:
            self._desk.say("the store is not open here, so Data cannot show rows", "warning")
            return
        said = {near.row.example_id: f"{percent(near.shared)} of the words" for near in found}
        self._desk.post_message(ExamplesRequested(ids, title, said=said))
