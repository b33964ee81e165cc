"""Prompts with duplicates planted among them, of known Jaccard similarity."""

from __future__ import annotations

import random
from itertools import pairwise

from studio.dataset.candidates import Candidate

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def similarity(one: str, other: str) -> float:
    """Jaccard of two prompts as near/shingles.py defines it, written anew so that the two check one another."""
    a, b = (_pieces(" ".join(text.lower().split())) for text in (one, other))
    return len(a & b) / len(a | b)


def _pieces(text: str) -> set[str]:
    return {text[place : place + 5] for place in range(len(text) - 4)} | {
        f"{one} {two}" for one, two in pairwise(text.split(" "))
    }


def planted(pairs: int, alone: int, seed: int = 0) -> tuple[list[Candidate], list[tuple[int, int, float]]]:
    """Rows, and (position, position, similarity) of each planted pair, from 0.6 to 0.95; others share nothing."""
    chance = random.Random(seed)
    rows: list[Candidate] = []
    found: list[tuple[int, int, float]] = []
    for number in range(pairs):
        words = _words(chance)
        wanted = 0.6 + 0.35 * number / max(1, pairs - 1)
        other = list(words)
        places = chance.sample(range(len(words)), len(words))
        while similarity(" ".join(words), " ".join(other)) > wanted and places:
            other[places.pop()] = _word(chance)
        found.append((len(rows), len(rows) + 1, similarity(" ".join(words), " ".join(other))))
        rows += [Candidate(" ".join(words), "c"), Candidate(" ".join(other), "c")]
    rows += [Candidate(" ".join(_words(chance)), "c") for _ in range(alone)]
    return rows, found


def _words(chance: random.Random) -> list[str]:
    return [_word(chance) for _ in range(chance.randint(30, 60))]


def _word(chance: random.Random) -> str:
    return "".join(chance.choices(LETTERS, k=chance.randint(3, 9)))
