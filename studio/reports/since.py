"""What has changed since a run, in lines and in one sentence; and what training again would cost."""

from __future__ import annotations

from studio.dataset.versions import VersionDiff
from studio.reports.cells import Segment
from studio.reports.numbers import counted, duration, number
from studio.reports.versions import changes_in_words, tasks_in_words
from studio.reports.visible import visible


def drift_words(title: str, diff: VersionDiff) -> str:
    """``120 rows changed since train-…: tickets 98, tone 22``; what became of them where rows have no task."""
    said = tasks_in_words(diff) or changes_in_words(diff)
    return f"{counted(diff.count, 'row')} changed since {visible(title, single_line=True)}: {said}"


def cost_words(rows: int, tokens: int, steps: int, seconds: float | None) -> str:
    """``7,120 rows, 1,204,000 tokens in 420 steps, about 23 m 10 s``."""
    time = f", about {duration(seconds)}" if seconds is not None else "; its speed is not known yet"
    return f"{counted(rows, 'row')}, {number(tokens)} tokens in {counted(steps, 'step')}{time}"


def offer_lines(run_id: str, cost: str, refusal: str) -> list[list[Segment]]:
    """What training again would cost and compare, or why it cannot be."""
    if refusal:
        return [[("", "")], [("training again is refused: ", "warn"), (visible(refusal, single_line=True), "")]]
    return [
        [("", "")],
        [("training again  ", "title"), (cost, "")],
        [("from the base model, or on from what ", "dim"), (run_id, ""), (" learned; then compared with it", "dim")],
    ]
