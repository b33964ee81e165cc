"""The history of comparisons: a line each, its interval drawn to scale; enter opens the one under the cursor."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content

from studio.reports.history import PastComparison, history_table
from studio.tui import actions
from studio.tui.dialogs.list_dialog import ListDialog
from studio.tui.widgets.lines import HeadLine, Line, LinesView
from studio.tui.widgets.row_list import RowList


class HistoryDialog(ListDialog):
    """Dismissed with the id of a comparison, or None. ``past`` is oldest first, as it is drawn."""

    BINDINGS = actions.bindings_for("History")
    OTHER_LINES = 6

    def __init__(self, past: Sequence[PastComparison], run_id: str) -> None:
        super().__init__()
        self._past, self._run_id = list(past), run_id
        self._only = ""
        self._drawn: tuple[tuple[str, int], list[Line]] = (("", 0), [])

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = Content("comparisons, oldest first")
            dialog.border_subtitle = Content("enter opens · f task · esc leaves")
            yield HeadLine(lambda width: self._lines(width)[0])
            yield RowList()
            yield LinesView()

    def on_mount(self) -> None:
        at = next((at for at, one in enumerate(self._past) if one.run_id == self._run_id), len(self._past) - 1)
        self._show(at)

    def _show(self, at: int) -> None:
        self.row_list.show(len(self._shown), lambda index, width: self._lines(width)[index + 1], at)
        words = [f"task {self._only}"] if self._only else []
        notes = [*words, *history_table(self._shown, self._only).notes]
        self.query_one(LinesView).show([[(note, "dim")] for note in notes])
        self.query_one(HeadLine).refresh()
        self.fit()

    @property
    def _shown(self) -> list[PastComparison]:
        return [one for one in self._past if not self._only or self._only in one.scores.tasks]

    def _lines(self, width: int) -> list[Line]:
        if self._drawn[0] != (self._only, width):
            drawn = history_table(self._shown, self._only).drawn(width, is_terse=True)
            self._drawn = (self._only, width), [list(line) for line in drawn]
        return self._drawn[1]

    def action_filter_task(self) -> None:
        """The next task, and after the last all together."""
        tasks = ["", *dict.fromkeys(task for one in self._past for task in one.scores.tasks)]
        here = self._shown[self.row_list.index].run_id
        self._only = tasks[(tasks.index(self._only) + 1) % len(tasks)]
        self._show(next((at for at, one in enumerate(self._shown) if one.run_id == here), 0))

    def on_row_list_chosen(self) -> None:
        self.action_choose()

    def action_choose(self) -> None:
        self.dismiss(self._shown[self.row_list.index].run_id)
