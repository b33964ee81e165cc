"""What an epoch has of each task, in words."""

from __future__ import annotations

from collections.abc import Sequence

from studio.reports.numbers import number
from studio.reports.visible import visible
from studio.runs.mixture import TaskShare

_MOST_TASKS = 8


def is_mixed(shares: Sequence[TaskShare]) -> bool:
    """Whether an epoch is anything but all rows once."""
    return any(share.examples != share.rows for share in shares)


def shares_words(shares: Sequence[TaskShare], *, is_terse: bool = False) -> str:
    """``tickets 40 of 120 rows (9,120 tokens), tone 40 of 13 (2,200 tokens)``; the largest eight, and how many more.

    ``is_terse`` is without tokens.
    """
    largest = sorted(shares, key=lambda share: -share.examples)
    words = [
        f"{visible(share.task, single_line=True) or 'no task'} {_examples(share)}"
        + ("" if is_terse else f" ({number(share.tokens)} tokens)")
        for share in largest[:_MOST_TASKS]
    ]
    more = len(largest) - _MOST_TASKS
    return ", ".join([*words, *([f"{more} more tasks"] if more > 0 else [])])


def _examples(share: TaskShare) -> str:
    """Examples, and where they are not simply all rows, of how many."""
    if share.examples == share.rows:
        return number(share.examples)
    return f"{number(share.examples)} of {number(share.rows)} rows"
