"""Linear layers that read the same input (a layer's q, k and v; gate and up), multiplied as one.

A family says which layers are such siblings, a method how they are multiplied at once; a body asks for the product.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

# x (tokens, i) -> (tokens, the siblings' outputs side by side)
Product = Callable[[Tensor], Tensor]
Siblings = Sequence[Sequence[nn.Module]]


class Products(Protocol):
    """How a method multiplies. ``refresh`` is called after every change of what learns."""

    def of(self, siblings: Sequence[nn.Module]) -> Product:
        """The product of one group of siblings, or of a single layer."""

    def refresh(self) -> None: ...


class OneByOne:
    """Each layer by its own forward: right for every layer there is."""

    def of(self, siblings: Sequence[nn.Module]) -> Product:
        layers = list(siblings)
        if len(layers) == 1:
            return layers[0]
        return lambda x: torch.cat([layer(x) for layer in layers], dim=-1)

    def refresh(self) -> None:
        """Nothing is kept."""
