"""Linear layers that read the same input (a layer's q, k and v; gate and up), multiplied as one.

A family says which layers are such siblings, a method how they are multiplied at once; a body asks for the product.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

# x (tokens, i) -> (tokens, the siblings' outputs side by side)
Product = Callable[[Tensor], Tensor]
Siblings = Sequence[Sequence[nn.Module]]


class Products:
    """How a method multiplies: here each layer by its own forward, which is right for every layer there is.

    A product may add up its weights' gradients itself, over a whole batch, instead of handing each micro-batch's to
    autograd: between ``begin`` and ``gradient`` every micro-batch computes within its ``turn``.
    """

    def of(self, siblings: Sequence[nn.Module]) -> Product:
        """The product of one group of siblings, or of a single layer."""
        layers = list(siblings)
        if len(layers) == 1:
            return layers[0]
        return lambda x: torch.cat([layer(x) for layer in layers], dim=-1)

    def refresh(self) -> None:
        """To be called after every change of what learns."""

    def apart(self) -> Products:
        """What goes on in their place once a body multiplies every layer by the layer's own forward."""
        return Products()

    def begin(self) -> None:
        """A batch begins, anew where one before failed."""

    def turn(self, number: int) -> AbstractContextManager[None]:
        """Micro-batch ``number`` of the batch, from 0, is computed within, in this thread; none is left out."""
        return nullcontext()

    def adds_up(self, parameter: nn.Parameter) -> bool:
        """Whether this parameter's gradient is added up here."""
        return False

    def gradient(self, parameter: nn.Parameter) -> Tensor | None:
        """What was added up for this parameter since ``begin``; None where autograd has it."""
        return None
