"""What an epoch has of each task, in words."""

from __future__ import annotations

from collections.abc import Sequence

from studio.reports.numbers import loss, number
from studio.reports.visible import visible
from studio.runs.mixture import TaskShare
from studio.runs.series import Series

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
        f"{task_word(share.task)} {_examples(share)}" + ("" if is_terse else f" ({number(share.tokens)} tokens)")
        for share in largest[:_MOST_TASKS]
    ]
    more = len(largest) - _MOST_TASKS
    return ", ".join([*words, *([f"{more} more tasks"] if more > 0 else [])])


def task_word(task: str) -> str:
    """A task's name as it is shown; rows may have none."""
    return visible(task, single_line=True) or "no task"


def task_losses_words(series: Series) -> str:
    """``eval at step 20: tickets 0.310, tone 1.27``, of the newest evaluation; nothing for a run of one task."""
    losses = [f"{task_word(task)} {loss(of_task[-1])}" for task, of_task in series.task_losses.items() if of_task]
    more = len(losses) - _MOST_TASKS
    named = [*losses[:_MOST_TASKS], *([f"{more} more tasks"] if more > 0 else [])]
    return f"eval at step {number(series.eval_step[-1])}: {', '.join(named)}" if named else ""


def _examples(share: TaskShare) -> str:
    """Examples, and where they are not simply all rows, of how many."""
    if share.examples == share.rows:
        return number(share.examples)
    return f"{number(share.examples)} of {number(share.rows)} rows"
