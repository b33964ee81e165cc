"""Worked examples of the same task in the prompt: which ones is the choice behind the count."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from studio.errors import AskedWrongly
from studio.runs.arms.arm import ArmKind, ChooseShots, Prompting, ShotsFor, count_from, for_every_question
from studio.runs.directory import FrozenRow

if TYPE_CHECKING:
    from studio.runs.retrieval.index import Index

MOST_CLASSES = 30


def shots_by_hash(pool: Sequence[FrozenRow], count: int, seed: int) -> list[FrozenRow]:
    """``count`` rows of ``pool``, the same ones for every question.

    Ranked by a hash of seed and id: stable when rows are added elsewhere, and one prefix for all questions, which is
    computed once.
    """
    return sorted(pool, key=lambda row: hashlib.md5(f"{seed}:{row.example_id}".encode()).digest())[:count]


def _first(pool: Sequence[FrozenRow], count: int, seed: int) -> list[FrozenRow]:
    return sorted(pool, key=lambda row: row.example_id)[:count]


def _one_per_class(pool: Sequence[FrozenRow], count: int, seed: int) -> list[FrozenRow]:
    """One row of each completion there is, by seed. Raises AskedWrongly where completions are no classes."""
    by_class: dict[str, FrozenRow] = {}
    for row in shots_by_hash(pool, len(pool), seed):
        by_class.setdefault(row.completion.strip(), row)
    if len(by_class) > MOST_CLASSES:
        raise AskedWrongly(
            f"few_shot:one_per_class: task {pool[0].task!r} has {len(by_class)} different completions, no classes.",
            f"It is for at most {MOST_CLASSES}. Use few_shot:5:similar, or leave the task out with tasks=.",
        )
    return list(by_class.values())


def _similar(pool: Sequence[FrozenRow], count: int, seed: int) -> ShotsFor:
    """The rows most like each question by BM25, the most similar last, next to it."""

    @cache
    def index() -> Index:
        from studio.runs.retrieval.index import Index  # numpy, which reading a command line does without

        return Index([row.prompt for row in pool])

    def chosen(question: FrozenRow) -> list[FrozenRow]:
        return [pool[number] for number, _ in reversed(index().best(question.prompt, count))]

    return chosen


_CHOICES: dict[str, ChooseShots] = {
    "random": for_every_question(shots_by_hash),
    "first": for_every_question(_first),
    "similar": _similar,
}


def _read(argument: str) -> Prompting:
    """``k``, ``k:CHOICE``, ``one_per_class`` or ``ids:12+48``."""
    count, colon, choice = argument.partition(":")
    if argument == "one_per_class":
        return Prompting(1, for_every_question(_one_per_class))
    if count == "ids":
        return _by_hand(choice)
    if colon and choice not in _CHOICES:
        raise ValueError(f"there is no choice {choice!r} but {', '.join(_CHOICES)}")
    return Prompting(count_from(count), _CHOICES[choice or "random"], is_per_question=choice == "similar")


def _by_hand(text: str) -> Prompting:
    words = text.split("+")
    if not all(word.isascii() and word.isdecimal() and len(word) < 19 for word in words):
        raise ValueError("behind ids: stand the numbers of examples, as ids:12+48")
    ids = tuple(map(int, words))

    def named(pool: Sequence[FrozenRow], count: int, seed: int) -> list[FrozenRow]:
        by_id = {row.example_id: row for row in pool}
        return [by_id[one] for one in ids if one in by_id]

    return Prompting(0, for_every_question(named), named=ids)


ONE_SHOT = ArmKind("one_shot", "the model with one worked example", prompting=lambda argument: _read("1"))
FEW_SHOT = ArmKind(
    "few_shot",
    "the model with k worked examples: random ones, the first (k:first), those most like each question by BM25 "
    "(k:similar), one_per_class, or those named (ids:12+48)",
    ":k[:CHOICE]",
    prompting=_read,
)
