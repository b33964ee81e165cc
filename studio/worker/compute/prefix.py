"""What rows begin with alike."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

# Per layer the keys and the values of a prefix, each (1, heads, tokens, head size).
KeysAndValues = list[tuple[Tensor, Tensor]]


def shared_prefix_length(rows: Sequence[list[int]]) -> int:
    """Tokens that all rows begin with; each keeps at least one token of its own, from which it goes on."""
    shortest, longest = min(rows), max(rows)  # in lexical order these two differ first
    most = min(len(row) for row in rows) - 1
    pairs = zip(shortest[:most], longest[:most], strict=True)
    return next((place for place, (one, other) in enumerate(pairs) if one != other), max(most, 0))
