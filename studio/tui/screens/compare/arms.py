"""The arms of a comparison as rows: the report's table, drawn to the room that the screen has."""

from __future__ import annotations

from dataclasses import replace

from studio.reports.cells import cut_middle
from studio.reports.compare import compare_table
from studio.reports.table import Cell
from studio.scoring.comparison import Comparison
from studio.tui.widgets.lines import Line

WIDE = 130
WIDEST_NAME = 20  # where it is not wide


def arm_lines(comparison: Comparison, task: str, context_window: int | None, width: int) -> list[Line]:
    """A heading and one line an arm, in ``width`` cells. ``task`` is empty for all tasks together.

    An arm has its key before it. On all but wide screens titles are short, which leaves room to draw the intervals.
    """
    table = compare_table(comparison, context_window, task)
    if width < WIDE:
        rows = [[Cell(cut_middle(name.text, WIDEST_NAME), name.style), *others] for name, *others in table.rows]
        table = replace(table, rows=rows)
    heading, *arms = table.drawn(width - 2, gap=1 if width < WIDE else 2, is_terse=width < WIDE)
    lines: list[Line] = [[("  ", ""), *heading]]
    for key, ((name, style), *rest) in enumerate(arms, start=1):
        lines.append([(f"{key} ", "key"), (name, style), *rest])
    return lines
