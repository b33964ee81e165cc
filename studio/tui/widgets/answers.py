"""What the arms answered: a cell of the table, and the cursor's row in full, with the differing words marked."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from studio.reports.compare import CompareRow
from studio.reports.words import cut, differences, visible
from studio.tui.widgets.lines import Line, fitted_line

OUTCOMES: dict[str, tuple[str, str]] = {
    "fixed": ("✓", "good"),
    "broken": ("✗", "bad"),
    "both": ("=", "dim"),
    "neither": ("·", "warn"),
}
LEAD_CELLS = 8  # of what comes before the first difference, when a cell cannot show both


def answer_cell(answer: str, reference: str, width: int, *, is_marked: bool, is_exact: bool) -> Line:
    """An answer in ``width`` cells, beginning shortly before its first difference where that would be out of sight."""
    glyph: Line = [("✓ ", "good") if is_exact else ("✗ ", "bad")]
    if not is_marked or is_exact:
        return fitted_line([*glyph, (cut(answer, width - 3), "dim" if is_exact else "")], width)
    pieces = [(visible(text, single_line=True), kind) for text, kind in differences(reference, answer) if kind != "removed"]
    line: Line = [(text, "match" if kind == "added" else "same") for text, kind in pieces]
    return fitted_line([*glyph, *fitted_line(_from_first_difference(line, width - 3), width - 3)], width)


def row_in_full(row: CompareRow, arms: Sequence[str], *, is_marked: bool) -> list[Line]:
    """Prompt, reference and every arm's answer, whole. Amber: not in the reference; struck through: missing."""
    lines: list[Line] = [[("prompt", "dim")]]
    lines += [[("  " + visible(line), "prompt")] for line in row.prompt.splitlines() or [""]]
    lines.append([("reference", "dim")])
    lines += [[("  " + visible(line), "completion")] for line in row.reference.splitlines() or [""]]
    for arm in arms:
        answer = row.answers.get(arm)
        if answer is None:
            lines.append([(arm.replace("_", " "), "dim"), ("  no answer yet", "dim")])
            continue
        glyph = ("✓ ", "good") if answer == row.reference else ("", "")
        lines.append([glyph, (arm.replace("_", " "), "dim")])
        lines += _marked_lines(answer, row.reference) if is_marked else _plain_lines(answer)
    return lines


def _plain_lines(text: str) -> list[Line]:
    return [[("  " + visible(line), "")] for line in text.splitlines() or [""]]


def _marked_lines(answer: str, reference: str) -> list[Line]:
    styles = {"same": "same", "added": "match", "removed": "removed"}
    lines: list[Line] = [[("  ", "")]]
    for text, kind in differences(reference, answer):
        first, *others = text.split("\n")
        lines[-1].append((visible(first), styles[kind]))
        lines += [[("  ", ""), (visible(other), styles[kind])] for other in others]
    return lines


def _from_first_difference(line: Line, width: int) -> Line:
    lead = 0
    for text, style in line:
        if style == "match":
            break
        lead += cell_len(text)
    else:
        return line
    total = sum(cell_len(text) for text, _ in line)
    if total <= width or lead < width * 2 // 3:
        return line
    skip = lead - LEAD_CELLS
    result: Line = [("…", "dim")]
    for text, style in line:
        if skip >= cell_len(text):
            skip -= cell_len(text)
            continue
        result.append((_without_start(text, skip), style))
        skip = 0
    return result


def _without_start(text: str, cells: int) -> str:
    at = 0
    while at < len(text) and cells > 0:
        cells -= cell_len(text[at])
        at += 1
    return text[at:]
