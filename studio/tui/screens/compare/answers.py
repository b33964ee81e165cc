"""What the arms answered: a cell of the table, and the cursor's row in full, with the differing words marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from studio.reports.cells import cut, cut_middle, fit
from studio.reports.compare import CHANGES, CUT, CompareRow
from studio.reports.differences import are_akin, differences
from studio.reports.visible import visible
from studio.tui.terminal import told_differences
from studio.tui.widgets.lines import Line, fitted_line

ID_WIDTH, TASK_WIDTH, LABEL_WIDTH = 6, 9, 14
FAULT_GLYPHS = {True: "‖ ", False: "! "}  # cut at the length limit, failed
LEAD_CELLS = 8  # of what comes before the first difference, when a cell cannot show both


@dataclass(frozen=True)
class Columns:
    """What the rows show: the arms with the key of each, the reference and the task where there is room."""

    arms: tuple[tuple[int, str], ...]
    has_reference: bool
    has_task: bool
    is_marked: bool
    selected: frozenset[int] = frozenset()

    def cell_width(self, width: int) -> int:
        cells = len(self.arms) + self.has_reference
        return max(4, (width - 2 - ID_WIDTH - (TASK_WIDTH if self.has_task else 0)) // max(1, cells))


def heading_line(columns: Columns, width: int) -> Line:
    """Over the rows: the reference, then each shown arm with the key that hides it."""
    cell = columns.cell_width(width)
    line: Line = [("  " + fit("#", ID_WIDTH - 1, "right") + " ", "dim")]
    if columns.has_task:
        line.append((fit("task", TASK_WIDTH), "dim"))
    if columns.has_reference:
        line.append((fit("reference", cell), "dim"))
    for key, arm in columns.arms:
        line += [(f"{key} ", "key"), (fit(cut_middle(arm, cell - 3), cell - 3) + " ", "dim")]
    return line


def row_line(row: CompareRow, columns: Columns, width: int) -> Line:
    """A row: what tuning did to it, whether it is selected, the reference, each arm's answer."""
    cell = columns.cell_width(width)
    selected = ("▪", "mark") if row.example_id in columns.selected else (" ", "")
    line: Line = [(row.glyph, row.style), selected, (fit(str(row.example_id), ID_WIDTH - 1, "right") + " ", "dim")]
    if columns.has_task:
        line.append((fit(row.task, TASK_WIDTH - 1) + " ", "dim"))
    if columns.has_reference:
        line.append((fit(row.reference, cell - 1) + " ", "completion"))
    for _, arm in columns.arms:
        is_exact = row.scores[arm].get("exact_match") == 1.0
        if fault := row.faults.get(arm, ""):
            shown = row.answers[arm] if fault == CUT else f"failed: {fault}"
            line += fitted_line([(FAULT_GLYPHS[fault == CUT], "warn"), (cut(shown, cell - 3), "dim")], cell)
        else:
            line += answer_cell(row.answers[arm], row.reference, cell, is_marked=columns.is_marked, is_exact=is_exact)
    return line


def changes_line(changes: dict[str, int]) -> str:
    """What the glyphs mean and how often each stands: ``✚ fixed 32  ✖ broken 1``."""
    return "  ".join(
        f"{CHANGES[change][0]} {change} {count}" for change, count in changes.items() if change != "single"
    )


def answer_cell(answer: str, reference: str, width: int, *, is_marked: bool, is_exact: bool) -> Line:
    """An answer in ``width`` cells, beginning shortly before its first difference where that would be out of sight."""
    glyph: Line = [("✓ ", "good") if is_exact else ("✗ ", "bad")]
    pieces = differences(reference, answer) if is_marked and not is_exact else []
    if not pieces or not are_akin(pieces):
        return fitted_line([*glyph, (cut(answer, width - 3), "dim" if is_exact else "")], width)
    line: Line = [
        (visible(text, single_line=True), "match" if kind == "added" else "same")
        for text, kind in pieces
        if kind != "removed"
    ]
    return fitted_line([*glyph, *fitted_line(_from_first_difference(line, width - 3), width - 3)], width)


def row_in_full(row: CompareRow, columns: Columns, *, is_prompt_last: bool) -> list[Line]:
    """Prompt, reference and every shown arm's answer, whole. Amber: not in the reference; struck through: missing.

    An answer that has little in common with its reference is not marked: it would be all marks.
    """
    prompt = _labelled(("", ""), "prompt", [[(visible(line), "prompt")] for line in row.asked.splitlines()])
    reference = [[(visible(line), "completion")] for line in row.reference.splitlines()]
    lines = _labelled(("", ""), "reference", reference)
    for _, arm in columns.arms:
        is_exact = row.scores[arm].get("exact_match") == 1.0
        answer = row.answers[arm]
        is_plain = is_exact or not columns.is_marked or not are_akin(differences(row.reference, answer))
        shown = [[(visible(line), "")] for line in answer.splitlines()] if is_plain else _marked(answer, row.reference)
        shown = _with_ending(shown, row.faults.get(arm, ""), row.sources.get(arm, ()))
        lines += _labelled(("✓", "good") if is_exact else ("✗", "bad"), arm, shown)
    return [*lines, *prompt] if is_prompt_last else [*prompt, *lines]


def _labelled(glyph: tuple[str, str], label: str, lines: list[Line]) -> list[Line]:
    """The lines with a label before the first and as much room before the others."""
    first: Line = [(fit(glyph[0], 2), glyph[1]), (fit(label, LABEL_WIDTH - 2), "dim")]
    head, *others = lines or [[("nothing", "dim")]]
    return [[*first, *head], *([(" " * LABEL_WIDTH, ""), *line] for line in others)]


def _with_ending(shown: list[Line], fault: str, sources: Sequence[str]) -> list[Line]:
    """An answer with what is said of it: how it ended, behind it, and beneath it what it was given to read."""
    ended = "" if not fault else " ‖ cut at the length limit" if fault == CUT else f"failed: {visible(fault)}"
    last = shown[-1] if shown else []
    read: Line = [("read ", "dim"), (visible(" · ".join(sources), single_line=True), "key")]
    return [*shown[:-1], *([[*last, (ended, "warn")]] if shown or ended else []), *([read] if sources else [])]


def _marked(answer: str, reference: str) -> list[Line]:
    styles = {"same": "same", "added": "match", "removed": "removed"}
    lines: list[Line] = [[]]
    for text, kind in told_differences(reference, answer):
        first, *others = text.split("\n")
        lines[-1].append((visible(first), styles[kind]))
        lines += [[(visible(other), styles[kind])] for other in others]
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
