"""The difference of two runs as lines: settings as before → after, rows as counts with the first of their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from studio.reports.cells import Segment
from studio.reports.numbers import NOTHING, counted, number
from studio.reports.visible import visible
from studio.runs.differences import RowDifferences, RunDifferences

MOST_NUMBERS = 30


def difference_lines(found: RunDifferences) -> list[list[Segment]]:
    """Settings, then rows of each split."""
    lines: list[list[Segment]] = [
        [(found.before.run_id, "removed"), ("  →  ", "dim"), (found.after.run_id, "added")],
        [("", "")],
        [("settings", "title")],
    ]
    width = max((len(setting.name) for setting in found.settings), default=0)
    for setting in found.settings:
        before, after = _value(setting.before), _value(setting.after)
        lines.append([(f"  {setting.name:<{width}}  ", "dim"), (before, "removed"), (" → ", "dim"), (after, "added")])
    if not found.settings:
        lines.append([("  the same", "dim")])
    for rows in found.rows:
        lines += [[("", "")], [(f"{rows.split} rows", "title")], *_row_lines(rows)]
    return lines


def _row_lines(rows: RowDifferences) -> list[list[Segment]]:
    if rows.is_same:
        return [[(f"  the same {counted(rows.same, 'row')}", "dim")]]
    kinds = (("added", rows.added, "added"), ("removed", rows.removed, "removed"), ("edited", rows.edited, "warn"))
    lines: list[list[Segment]] = [
        [(f"  {word:<8} {number(len(ids)):>8}  ", style), (_numbers(ids), "dim")] for word, ids, style in kinds if ids
    ]
    return [*lines, [(f"  {'same':<8} {number(rows.same):>8}", "dim")]]


def _numbers(ids: Sequence[int]) -> str:
    return ", ".join(map(str, ids[:MOST_NUMBERS])) + (", …" if len(ids) > MOST_NUMBERS else "")


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return visible(", ".join(map(str, value)), single_line=True) or NOTHING
    return NOTHING if value in (None, "") else visible(f"{value:g}" if isinstance(value, float) else str(value))
