"""Rows whose prompts are nearly those of test rows: shown as examples, they would give answers away.

Two prompts are near where their sets of three words in a row have a Jaccard index of 0.8 or more (Broder 1997). What
more than half of the test prompts have, as an instruction around each, counts for none of them.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from studio.errors import StudioError
from studio.runs.directory import FrozenRow
from studio.runs.retrieval.words import terms

NEAR = 0.8
WORDS_IN_A_ROW = 3
_FEWEST_WITH_AN_INSTRUCTION = 4

Shingles = frozenset[tuple[str, ...]]


def refuse_overlap(tests: Sequence[FrozenRow], learned: Iterable[FrozenRow]) -> None:
    """Raises StudioError, naming rows, where a test row has the prompt of one that is learned from or shown.

    Prompts are equal where the store says so; rows frozen before it was noted are compared as they are.
    """
    seen = {row.prompt_hash or row.prompt for row in learned}
    shared = [row.example_id for row in tests if (row.prompt_hash or row.prompt) in seen]
    if shared:
        some = ", ".join(map(str, shared[:5]))
        raise StudioError(
            f"{len(shared)} test rows share their prompt with a training row: examples {some}.",
            "Rows that were trained on prove nothing. Assign the splits again: studio split, or S on Data.",
        )


def near_rows(tests: Sequence[FrozenRow], pool: Iterable[FrozenRow]) -> dict[int, int]:
    """The example id of each row of ``pool`` whose prompt is nearly that of a test row → the id of that row.

    Only rows that share one of their rarest shingles are compared at all: of sets with a Jaccard index of ``NEAR``, the
    smallest part that can be left out of both is known (prefix filtering, Chaudhuri et al. 2006).
    """
    of_tests = [_shingles(row.prompt) for row in tests]
    held_by = Counter(shingle for of_test in of_tests for shingle in of_test)
    common = {shingle for shingle, count in held_by.items() if count > len(tests) / 2}
    instruction = common if len(tests) >= _FEWEST_WITH_AN_INSTRUCTION else set[tuple[str, ...]]()
    known = [_without(of_test, instruction) for of_test in of_tests]
    with_rare: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, of_test in enumerate(known):
        for shingle in _rarest(of_test, held_by):
            with_rare[shingle].append(number)
    near: dict[int, int] = {}
    for row in pool:
        own = _without(_shingles(row.prompt), instruction)
        numbers = {number for shingle in _rarest(own, held_by) for number in with_rare.get(shingle, ())}
        for number in sorted(numbers):
            if len(own & known[number]) >= NEAR * len(own | known[number]):
                near[row.example_id] = tests[number].example_id
                break
    return near


def _shingles(text: str) -> Shingles:
    words = terms(text)
    starts = range(max(len(words) - WORDS_IN_A_ROW + 1, 1))
    return frozenset(tuple(words[start : start + WORDS_IN_A_ROW]) for start in starts)


def _without(shingles: Shingles, instruction: set[tuple[str, ...]]) -> Shingles:
    return (shingles - instruction) or shingles


def _rarest(shingles: Shingles, held_by: Counter[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """So many of the rarest that two near sets share at least one of them."""
    order = sorted(shingles, key=lambda shingle: (held_by[shingle], shingle))
    return order[: len(order) - math.ceil(NEAR * len(order)) + 1]
