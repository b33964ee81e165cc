"""A faster forward for peft's LoRA layers in float32: base and update multiplied as one matrix.

peft computes ``x W' + s (x A') B'`` with thin matrices and two extra passes over every activation. Here the sum
``W + s B A`` is formed once per optimizer step, so that the forward is one matrix multiply, and so is the gradient
for ``x``. Mathematically the same; the adapter stays an ordinary peft adapter. In bfloat16 the sum would round small
updates away, so it is only used over a float32 base, without dropout.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import psutil  # type: ignore[import-untyped]
import torch
from peft.tuners.lora import Linear as LoraLinear
from torch import Tensor, nn

# The sums take as much memory again as the adapted base weights; beyond this share of what is free, peft's way is used.
MEMORY_SHARE = 0.25


class _FusedLora(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, down: Tensor, up: Tensor, fused: Tensor, scale: float) -> Tensor:
        """x (..., i), down A (r, i), up B (o, r), fused W + s B A (o, i) -> (..., o)."""
        ctx.save_for_backward(x, down, up, fused)
        ctx.scale = scale
        return nn.functional.linear(x, fused)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, down, up, fused = ctx.saved_tensors
        gradient = gradients[0].flatten(0, -2)
        flat = x.flatten(0, -2)
        through_up = gradient @ up
        for_down = (through_up.T @ flat).mul_(ctx.scale)
        for_up = (gradient.T @ (flat @ down.T)).mul_(ctx.scale)
        for_x = (gradient @ fused).view_as(x) if ctx.needs_input_grad[0] else None
        return for_x, for_down, for_up, None, None


class FusedAdapter:
    """The LoRA layers of one model with their fused matrices. ``refresh`` after every change of the adapter."""

    def __init__(self, layers: Iterable[LoraLinear], name: str = "default") -> None:
        self._name = name
        self._layers = list(layers)
        self._fused = [torch.empty_like(_base(layer).weight) for layer in self._layers]
        for layer, fused in zip(self._layers, self._fused, strict=True):
            self._take_over(layer, fused)

    @torch.no_grad()
    def refresh(self) -> None:
        for layer, fused in zip(self._layers, self._fused, strict=True):
            up, down, scale = self._adapter(layer)
            torch.addmm(_base(layer).weight, up.weight, down.weight, alpha=scale, out=fused)

    def _adapter(self, layer: LoraLinear) -> tuple[nn.Linear, nn.Linear, float]:
        up, down = layer.lora_B[self._name], layer.lora_A[self._name]
        assert isinstance(up, nn.Linear) and isinstance(down, nn.Linear)
        return up, down, layer.scaling[self._name]

    def _take_over(self, layer: LoraLinear, fused: Tensor) -> None:
        up, down, scale = self._adapter(layer)
        bias = _base(layer).bias
        apply: Callable[..., Tensor] = _FusedLora.apply

        def forward(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
            result = apply(x, down.weight, up.weight, fused, scale)
            return result if bias is None else result + bias

        setattr(layer, "forward", forward)  # noqa: B010 - mypy takes an assignment for a redefinition


def fuse(model: nn.Module) -> FusedAdapter | None:
    """Make the model's LoRA layers fast where that is exact and there is memory for it; else None and no change."""
    layers = [module for module in model.modules() if isinstance(module, LoraLinear)]
    weights = [_base(layer).weight for layer in layers]
    if not layers or any(weight.dtype != torch.float32 or weight.device.type != "cpu" for weight in weights):
        return None
    if any(not isinstance(layer.lora_dropout["default"], nn.Identity) for layer in layers):
        return None
    if sum(weight.nbytes for weight in weights) > MEMORY_SHARE * psutil.virtual_memory().available:
        return None
    adapter = FusedAdapter(layers)
    adapter.refresh()
    return adapter


def _base(layer: LoraLinear) -> nn.Linear:
    base = layer.get_base_layer()
    assert isinstance(base, nn.Linear)
    return base
