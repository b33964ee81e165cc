"""Which split a prompt belongs to, as ``studio.dataset.splits`` draws it in SQL."""

from __future__ import annotations

import hashlib


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
