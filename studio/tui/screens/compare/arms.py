"""The arms of a comparison as rows: the report's table, drawn to the room that the screen has."""

from __future__ import annotations

from studio.reports.compare import compare_table
from studio.scoring.comparison import Comparison
from studio.tui.widgets.lines import Line

WIDE = 130


def arm_lines(comparison: Comparison, task: str, context_window: int | None, width: int) -> list[Line]:
    """A heading and one line an arm, in ``width`` cells. ``task`` is empty for all tasks together.

    On all but wide screens titles are short, which leaves room to draw the intervals.
    """
    table = compare_table(comparison, context_window, task)
    heading, *arms = table.drawn(width, gap=1 if width < WIDE else 2, is_terse=width < WIDE)
    return [heading, *([(name.replace("_", " "), style), *rest] for (name, style), *rest in arms)]
