"""What the screen has no room for: every task and score to read, and the comparison as a written report."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from studio.reports.cells import cells, cut_middle
from studio.reports.compare import task_table
from studio.reports.scores import all_scores_tables
from studio.reports.table import Cell, Table
from studio.reports.visible import visible
from studio.tui.widgets.lines import Line, fitted_line, line_length

if TYPE_CHECKING:
    from studio.tui.screens.compare.desk import Desk

LEAST_NAME_CELLS = 16
AROUND_CELLS = 14  # what stands beside the text of a dialog: border, padding, the tenth that it leaves free


class Telling:
    """Scoring thousands of rows for a report takes seconds: it happens in a thread."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._replacing = ""

    def show_scores(self) -> None:
        """The whole verdict, what gave the answers; per task every score, JSON fields, confusion tables."""
        from studio.tui.dialogs.reader import ReaderDialog

        loaded = self._desk.loaded
        if loaded is None:
            return
        comparison, width = loaded.view.comparison, min(120, self._desk.app.size.width) - AROUND_CELLS
        tables = [("every task", task_table(comparison))] if len(comparison.tasks) > 1 else []
        lines: list[Line] = [[(visible(comparison.verdict), "bold")], [("", "")]]  # above the rows there may be no room
        if loaded.computed_by:
            lines += [[("answered by ", "dim"), (visible(loaded.computed_by), "")], [("", "")]]
        for title, table in [*tables, *all_scores_tables(comparison)]:
            lines += [[(visible(title), "title")], *_drawn(table, width), [("", "")]]
        self._desk.app.push_screen(ReaderDialog(f"scores of {loaded.comparison.run_id}", lines[:-1]))

    def ask_file(self) -> None:
        from studio.reports.document import endings
        from studio.tui.widgets.line_input import Paths

        if self._desk.loaded is not None:
            self._replacing = ""
            name = f"{self._desk.loaded.comparison.run_id}.html"
            self._desk.bar.ask("report", "write report to", name, hint=endings(), completer=Paths())

    def enter_file(self, text: str) -> None:
        """Write it; a file that exists is replaced only by the same line entered again."""
        from studio.acts.exporting import FileExists
        from studio.acts.reporting import check_target, report_of, write_report

        path, loaded, may_replace = Path(text.strip()).expanduser(), self._desk.loaded, self._replacing == text
        if loaded is None:
            return
        try:
            check_target(path, may_replace=may_replace)
        except FileExists:
            self._replacing = text
            self._desk.bar.refuse(f"{path.name} exists: enter again replaces it")
            return
        project, run_id = self._desk.project, loaded.comparison.run_id

        def write() -> None:
            write_report(report_of(project, run_id), path, may_replace=may_replace)

        self._desk.ask("report", write, partial(self._written, path))

    def _written(self, path: Path, nothing: None) -> None:
        self._desk.close_bar()
        self._desk.say(f"wrote {path}")


def _drawn(table: Table, width: int) -> list[Line]:
    """The table in ``width`` cells: where it is wider, names lose their middle, and then lines their end."""
    over = line_length(table.drawn(width)[0]) - width
    if over > 0:
        longest = max(cells(row[0].text) for row in table.rows)
        room = max(LEAST_NAME_CELLS, longest - over)
        rows = [[Cell(cut_middle(name.text, room), name.style), *others] for name, *others in table.rows]
        table = replace(table, rows=rows)
    lines = table.drawn(width)
    notes: list[Line] = [[(visible(note), "dim")] for note in table.notes]
    if line_length(lines[0]) > width:
        notes.append([("… has more columns: widen the terminal, or studio compare --show RUN --scores", "warn")])
    return [*(fitted_line(line, width) for line in lines), *notes]
