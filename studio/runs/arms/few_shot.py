"""Worked examples of the same task in the prompt."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from studio.runs.arms.arm import ArmKind, Prompting, count_from, for_every_question
from studio.runs.directory import FrozenRow


def shots_by_hash(pool: Sequence[FrozenRow], count: int, seed: int) -> list[FrozenRow]:
    """``count`` rows of ``pool``, the same ones for every question.

    Ranked by a hash of seed and id: stable when rows are added elsewhere, and one prefix for all questions, which is
    computed once.
    """
    return sorted(pool, key=lambda row: hashlib.md5(f"{seed}:{row.example_id}".encode()).digest())[:count]


def _read(argument: str) -> Prompting:
    return Prompting(count_from(argument), for_every_question(shots_by_hash))


ONE_SHOT = ArmKind("one_shot", "the model with one worked example", prompting=lambda argument: _read("1"))
FEW_SHOT = ArmKind("few_shot", "the model with k worked examples", ":k", prompting=_read)
