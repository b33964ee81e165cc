"""Products of weights that do not change, laid out once as oneDNN wants them: for few rows the reading is the cost.

A decode step multiplies a handful of rows by every weight there is. With weights in oneDNN's own blocks, made once, a
step of a 135M model in bfloat16 takes two thirds of the time; the blocks are a second copy of the weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import psutil  # type: ignore[import-untyped]
import torch
from torch import Tensor, nn

from studio.worker.compute.products import Product, Products

# Above this many rows the plain product is as fast.
FEW_ROWS = 64
_ROWS_IN_MIND = 16
# The blocks are made where they take no more than this share of the memory that is free.
MEMORY_SHARE = 0.25


class PackedWeights(Products):
    """Plain linear layers of a model, siblings joined into one matrix."""

    def __init__(self, model: nn.Module) -> None:
        size = sum(parameter.nbytes for parameter in model.parameters())
        self._has_room = size <= MEMORY_SHARE * psutil.virtual_memory().available

    def of(self, siblings: Sequence[nn.Module]) -> Product:
        """See ``Products``."""
        if not all(type(layer) is nn.Linear for layer in siblings):
            return super().of(siblings)
        layers = cast(Sequence[nn.Linear], siblings)
        if len({layer.bias is None for layer in layers}) > 1:
            return super().of(siblings)
        bias = None if layers[0].bias is None else torch.cat([layer.bias.detach() for layer in layers])
        return _product(_joined(layers), bias, self._has_room)


def _joined(layers: Sequence[nn.Linear]) -> Tensor:
    """(all o, i): the layers' weights one below the other, which become views of it and do not stand twice."""
    if len(layers) == 1:
        return layers[0].weight.detach()
    joined = torch.cat([layer.weight.detach() for layer in layers])
    parts = joined.split_with_sizes([len(layer.weight) for layer in layers])
    for layer, part in zip(layers, parts, strict=True):
        layer.weight.data = part
    return joined


def _product(weight: Tensor, bias: Tensor | None, has_room: bool) -> Product:
    packed = _packed(weight) if has_room else None

    def multiply(x: Tensor) -> Tensor:
        if packed is None or len(x) > FEW_ROWS:
            return nn.functional.linear(x, weight, bias)
        return _by_blocks(x, packed, bias)

    return multiply


def _packed(weight: Tensor) -> Any | None:
    """The weight in oneDNN's blocks; None where that is not to be had or not right.

    The operations are torch.compile's own, without a public name, so they are tried on a row before they are trusted.
    """
    if weight.dtype != torch.bfloat16 or weight.device.type != "cpu":
        return None
    try:
        packed = torch.ops.mkldnn._reorder_linear_weight(weight, _ROWS_IN_MIND)
        row = torch.ones(1, weight.shape[1], dtype=weight.dtype)
        ours, wanted = _by_blocks(row, packed, None).float(), nn.functional.linear(row, weight).float()
    except (AttributeError, RuntimeError):
        return None
    return packed if torch.allclose(ours, wanted, rtol=2e-2, atol=2e-2 * float(wanted.abs().max())) else None


def _by_blocks(x: Tensor, packed: Any, bias: Tensor | None) -> Tensor:
    multiply: Callable[..., Tensor] = torch.ops.mkldnn._linear_pointwise
    return multiply(x, packed, bias, "none", [], "")
