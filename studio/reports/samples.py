"""Sample answers as lines: the prompt, what it should be, and what the model said as it learned."""

from __future__ import annotations

from collections.abc import Sequence

from studio.reports.cells import Segment, cut
from studio.reports.visible import visible
from studio.runs.samples import Sampled

MOST_CELLS = 400
WIDEST_HEAD = 12


def sample_lines(sampled: Sequence[Sampled]) -> list[list[Segment]]:
    """A row's prompt and reference, then an answer a line, the newest last; an answer that is right has a tick."""
    lines: list[list[Segment]] = []
    for one in sampled:
        row = one.row
        if lines:
            lines.append([("", "")])
        lines.append([_head(f"row {row.example_id}", "dim"), (_words(row.prompt), "title")])
        lines.append([_head("should be", "dim"), (_words(row.completion), "good")])
        for sample in one.samples:
            is_right = sample.text.strip() == row.completion.strip()
            head = _head(f"{'✓ ' if is_right else ''}step {sample.step:,}", "good" if is_right else "dim")
            lines.append([head, (_words(sample.text) + (" …" if sample.is_cut else ""), "")])
    return lines


def _head(text: str, style: str) -> Segment:
    return f"{text:>{WIDEST_HEAD - 2}}  ", style


def _words(text: str) -> str:
    return cut(visible(text, single_line=True), MOST_CELLS)
