"""The Window screen's lines: fates, longest rows, what examples in the prompt cost."""

from __future__ import annotations

from studio.reports.cells import fit
from studio.reports.numbers import number
from studio.reports.window import WindowReport, fate_table, shots_table
from studio.tokens.window import Fate
from studio.tui.widgets.lines import Line

COUNT_WIDTH = 8
WIDE = 56


def fate_line(report: WindowReport, fate: Fate, width: int) -> Line:
    """Glyph, name, count, percent; with room, a bar."""
    return fate_table(report).drawn(width)[1 + list(report.fates).index(fate)]


def longest_line(report: WindowReport, index: int, width: int) -> Line:
    """Row number, its tokens (of its source, where it has one) as a bar against the longest, and what is over."""
    example_id, tokens = report.longest[index]
    side = report.sides[0]
    over = tokens - side.limit
    words = f"  ▲ {number(over)} over" if over > 0 else ""
    bar = max(0, width - 8 - COUNT_WIDTH - 14 - 2)
    filled = round(bar * tokens / side.max) if side.max else 0
    return [
        (fit(f"#{example_id}", 8), "dim"),
        (fit(number(tokens), COUNT_WIDTH, "right"), ""),
        ("  " + "━" * filled, "bar-over" if over > 0 else "bar"),
        (words, "warn"),
    ]


def shot_lines(report: WindowReport, width: int) -> list[Line]:
    """One line per number of shots, then what they do to every prompt; with room, what tuning does, where advice is."""
    table = shots_table(report)
    lines = table.drawn(width)
    styles = ("dim", "completion") if width >= WIDE else ("dim",)
    lines += [[(note, style)] for note, style in zip(table.notes, styles, strict=False)]
    if width >= WIDE:
        lines.append([("studio advise", "key"), (" says what to try next, and why", "dim")])
    return lines


def progress_lines(done: int, total: int, width: int) -> list[Line]:
    """A count under way, for a screen that has nothing else to show yet."""
    bar = max(8, min(60, width - 10))
    filled = round(bar * done / total) if total else 0
    return [
        [(f"counting tokens: {number(done)} of {number(total)} rows", "title")],
        [("━" * filled, "bar"), ("─" * (bar - filled), "faint")],
        [("esc", "key"), (" stops; what is counted stays counted", "dim")],
    ]
