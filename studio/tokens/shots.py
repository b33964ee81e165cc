"""Worked examples in the prompt: which ones."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Protocol, TypeVar


class _HasTask(Protocol):
    @property
    def example_id(self) -> int: ...
    @property
    def task(self) -> str: ...


RowT = TypeVar("RowT", bound=_HasTask)


def choose_shots(pool: Sequence[RowT], task: str, count: int, seed: int) -> list[RowT]:
    """``count`` rows of ``task`` from ``pool`` (the train split), the same ones for every question.

    Ranked by a hash of seed and id: stable when rows are added elsewhere, and one prefix for all questions, which is
    computed once.
    """
    of_task = [row for row in pool if row.task == task]
    return sorted(of_task, key=lambda row: hashlib.md5(f"{seed}:{row.example_id}".encode()).digest())[:count]
