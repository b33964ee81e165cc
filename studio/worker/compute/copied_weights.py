"""Products of float32 weights in bfloat16, from one copy a step: autocast would make one per pass and lane.

The weights themselves stay in float32, where small updates are not lost, and so do their gradients' sums.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from studio.worker.compute.products import OneByOne, Product, Siblings

DTYPE = torch.bfloat16


class _Copy:
    """``weight`` (all o, i): the layers' weights one below the other, in bfloat16."""

    def __init__(self, layers: Sequence[nn.Linear]) -> None:
        self.originals = [layer.weight for layer in layers]
        self.rows = [len(weight) for weight in self.originals]
        self.weight = torch.empty(sum(self.rows), self.originals[0].shape[1], dtype=DTYPE)
        self.refresh()

    @torch.no_grad()
    def refresh(self) -> None:
        for original, place in zip(self.originals, self.weight.split_with_sizes(self.rows), strict=True):
            place.copy_(original)

    def __call__(self, x: Tensor) -> Tensor:
        apply: Callable[..., Tensor] = _CopiedProduct.apply
        return apply(x, self, *self.originals)


class _CopiedProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, copy: _Copy, *_: Tensor) -> Tensor:
        """x (tokens, i) -> bfloat16 (tokens, all o)."""
        ctx.copy, ctx.dtype = copy, x.dtype
        narrow = x.to(DTYPE)
        ctx.save_for_backward(narrow)
        return nn.functional.linear(narrow, copy.weight)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (x,) = ctx.saved_tensors
        (gradient,) = gradients
        for_weights = (gradient.T @ x).float().split_with_sizes(ctx.copy.rows)
        for_x = (gradient @ ctx.copy.weight).to(ctx.dtype) if ctx.needs_input_grad[0] else None
        return for_x, None, *for_weights


class CopiedWeights:
    """The copies of one model; see ``Products``."""

    def __init__(self, siblings: Siblings) -> None:
        groups = [cast(Sequence[nn.Linear], group) for group in siblings if all(map(_is_plain, group))]
        self._copies = {tuple(map(id, group)): _Copy(group) for group in groups}

    def of(self, siblings: Sequence[nn.Module]) -> Product:
        """See ``Products``."""
        return self._copies.get(tuple(map(id, siblings))) or OneByOne().of(siblings)

    def refresh(self) -> None:
        """See ``Products``."""
        for copy in self._copies.values():
            copy.refresh()


def _is_plain(layer: nn.Module) -> bool:
    return (
        type(layer) is nn.Linear
        and layer.bias is None
        and layer.weight.dtype == torch.float32
        and layer.weight.device.type == "cpu"
    )
