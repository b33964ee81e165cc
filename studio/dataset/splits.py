"""Which split a prompt belongs to: decided by its hash alone, so that adding rows never moves old ones."""

from __future__ import annotations

import hashlib

from studio.errors import AskedWrongly


def split_of(prompt_hash: str, test: float, validation: float, seed: int) -> str:
    """``test``, ``validation`` or ``train`` for a prompt hash of ``texts.prompt_hash``.

    The hash and the seed give a number in [0, 1); below ``test`` is test, the next ``validation`` is validation. So
    equal prompts share a split, and changing ``validation`` leaves the test split as it is.
    """
    digest = hashlib.md5(f"{seed}:{prompt_hash}".encode(), usedforsecurity=False).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    if place < test:
        return "test"
    return "validation" if place < test + validation else "train"


def check_shares(test: float, validation: float) -> None:
    """Raise AskedWrongly unless both shares are sensible and something is left to train on."""
    for name, share in (("test", test), ("validation", validation)):
        if not 0 <= share < 1:
            raise AskedWrongly(f"{name} is {share:g}; it must be at least 0 and below 1.", "0.1 is a tenth.")
    if test + validation >= 1:
        raise AskedWrongly(
            f"test {test:g} and validation {validation:g} leave nothing to train on.", "Their sum must be below 1."
        )
