"""How the rows of a step are cut into the pieces of one forward pass."""

from __future__ import annotations

import math
from collections.abc import Sequence

from studio.tokens.encoding import Encoded


def micro_batches(rows: Sequence[Encoded], micro_batch_size: int, pads: bool) -> list[list[Encoded]]:
    """Rows cut into micro-batches, each with its longest row first (an out-of-memory shows at once).

    Where rows are padded, those of like length go together; else they are dealt so that all micro-batches have about
    as many tokens, and lanes end together.
    """
    ordered = sorted(rows, key=lambda row: row.total_tokens, reverse=True)
    if pads:
        return [ordered[start : start + micro_batch_size] for start in range(0, len(ordered), micro_batch_size)]
    parts: list[list[Encoded]] = [[] for _ in range(math.ceil(len(ordered) / micro_batch_size))]
    for row in ordered:
        open_parts = [part for part in parts if len(part) < micro_batch_size]
        min(open_parts, key=lambda part: sum(other.total_tokens for other in part)).append(row)
    return parts
