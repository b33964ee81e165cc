"""When two prompts are nearly the same, and numbers that bring such prompts together.

A prompt is a set of shingles: its pieces of five characters and its pairs of neighbouring words, folded as texts.py
folds prompts. Two prompts are near when the Jaccard similarity of their sets is ``NEAR`` or more. MinHash (Broder, On
the resemblance and containment of documents, 1997) with 120 permutations in 20 bands of 6 finds pairs that may be: two
of similarity s share a band with probability 1 - (1 - s^6)^20, which is 0.998 at 0.8 and 0.04 at 0.35 (Leskovec,
Rajaraman and Ullman, Mining of Massive Datasets, section 3.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from studio.dataset.texts import folded

NEAR = 0.8
BANDS = 20
_ROWS_OF_A_BAND = 6
_SHINGLE_CHARS = 5
_SEED = 42

Bands = NDArray[np.uint32]


def shingles(text: str) -> set[str]:
    """The pieces of five characters and the pairs of words of a text; of a shorter one, the text itself."""
    text = folded(text)
    found = {text[start : start + _SHINGLE_CHARS] for start in range(len(text) - _SHINGLE_CHARS + 1)}
    found.update(f"{one} {other}" for one, other in pairwise(text.split()))
    return found or {text}


def jaccard(one: set[str], other: set[str]) -> float:
    """What two sets share of what both have, 0 to 1."""
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)


def bands_of(texts: Sequence[str]) -> Bands:
    """(texts, ``BANDS``) numbers: texts that are near have the same one in some column, nearly always."""
    from rensa import RMinHash  # 9 microseconds a prompt of GSM8K, where datasketch takes 230

    count = BANDS * _ROWS_OF_A_BAND
    signatures = np.empty((len(texts), count), dtype=np.uint64)
    for number, text in enumerate(texts):
        minhash = RMinHash(num_perm=count, seed=_SEED)
        minhash.update(list(shingles(text)))
        signatures[number] = minhash.digest()
    mixed = np.zeros((len(texts), BANDS), dtype=np.uint64)
    for row in range(_ROWS_OF_A_BAND):
        mixed = (mixed ^ signatures[:, row::_ROWS_OF_A_BAND]) * np.uint64(0x100000001B3)  # as FNV-1a does
        mixed ^= mixed >> np.uint64(29)
    return (mixed ^ (mixed >> np.uint64(32))).astype(np.uint32)
