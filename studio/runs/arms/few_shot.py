"""The base model with worked examples of the same task in its prompt."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from studio.runs.arms.arm import ArmKind
from studio.runs.directory import FrozenRow


def shots_by_hash(pool: Sequence[FrozenRow], count: int, seed: int) -> list[FrozenRow]:
    """``count`` rows of ``pool``, the same ones for every question.

    Ranked by a hash of seed and id: stable when rows are added elsewhere, and one prefix for all questions, which is
    computed once.
    """
    return sorted(pool, key=lambda row: hashlib.md5(f"{seed}:{row.example_id}".encode()).digest())[:count]


ONE_SHOT = ArmKind(
    "one_shot",
    "the base model with one worked example",
    answered_by="base",
    shots=lambda argument: 1,
    choose_shots=shots_by_hash,
)
FEW_SHOT = ArmKind(
    "few_shot",
    "the base model with k worked examples",
    answered_by="base",
    argument="k",
    shots=lambda argument: argument,
    choose_shots=shots_by_hash,
)
