"""A faster forward for peft's LoRA layers: base and update in one matrix product, siblings side by side in it.

peft computes ``x W' + s (x A') B'`` with two thin products in float32 and two extra passes over every activation.
Here, exact where no dropout stands before the adapter, and the adapter stays an ordinary peft adapter:

- over a float32 base, ``x (W + s B A)'``: the sum is formed once per optimizer step (``Summed``);
- over a bfloat16 base that sum would round small updates away, so the update rides along as extra columns,
  ``[x, x A'] [W, s B]'`` (``Joined``). One product adds up in float32 what peft rounds to bfloat16 twice, so that small
  early updates count: losses come nearer to float32's than peft's do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import psutil  # type: ignore[import-untyped]
import torch
from peft.tuners.lora import Linear as LoraLinear
from torch import Tensor, nn

from studio.worker.compute.products import Product, Products, Siblings

# The matrices take as much memory again as the adapted base weights (Joined's only while it is made, since the base
# weights become views of it); beyond this share of what is free, peft's way is used.
MEMORY_SHARE = 0.25
ADAPTER = "default"


class _Group:
    """LoRA layers of one input: ``downs`` A (r, i) each, ``ups`` B (o, r), ``spans`` their rows in the product."""

    def __init__(self, layers: Sequence[LoraLinear]) -> None:
        self.bases = [_base(layer).weight for layer in layers]
        self.downs = [_matrix(layer.lora_A) for layer in layers]
        self.ups = [_matrix(layer.lora_B) for layer in layers]
        self.scales = [float(layer.scaling[ADAPTER]) for layer in layers]
        self.inputs, self.rank = self.bases[0].shape[1], self.downs[0].shape[0]
        ends = torch.tensor([len(base) for base in self.bases]).cumsum(0).tolist()
        self.spans = list(zip([0, *ends[:-1]], ends, strict=True))
        biases = [_base(layer).bias for layer in layers]
        self.bias = None if biases[0] is None else torch.cat([bias.detach() for bias in biases])

    def columns(self, number: int) -> slice:
        """Where layer ``number``'s part of ``x A'`` stands."""
        return slice(number * self.rank, (number + 1) * self.rank)


class Summed(_Group):
    """``weight`` (all o, i) = W + s B A of each layer, one below the other."""

    def __init__(self, layers: Sequence[LoraLinear]) -> None:
        super().__init__(layers)
        self.weight = torch.empty(self.spans[-1][1], self.inputs, dtype=self.bases[0].dtype)
        self.refresh()

    @torch.no_grad()
    def refresh(self) -> None:
        for base, down, up, scale, (start, end) in zip(
            self.bases, self.downs, self.ups, self.scales, self.spans, strict=True
        ):
            torch.addmm(base, up, down, alpha=scale, out=self.weight[start:end])

    def __call__(self, x: Tensor) -> Tensor:
        apply: Callable[..., Tensor] = _SummedProduct.apply
        return apply(x, self, *self.downs, *self.ups)


class _SummedProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, group: Summed, *_: Tensor) -> Tensor:
        """x (..., i) -> (..., all o)."""
        ctx.save_for_backward(x)
        ctx.group = group
        return nn.functional.linear(x, group.weight, group.bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        group: Summed = ctx.group
        (x,) = ctx.saved_tensors
        flat, gradient = x.flatten(0, -2), gradients[0].flatten(0, -2)
        for_downs, for_ups = [], []
        for down, up, scale, (start, end) in zip(group.downs, group.ups, group.scales, group.spans, strict=True):
            own = gradient[:, start:end]
            for_downs.append(((own @ up).T @ flat).mul_(scale))
            for_ups.append((own.T @ (flat @ down.T)).mul_(scale))
        for_x = (gradient @ group.weight).view_as(x) if ctx.needs_input_grad[0] else None
        return for_x, None, *for_downs, *for_ups


class Joined(_Group):
    """``weight`` (all o, i + n r) = [W, s B on the diagonal], ``down`` (n r, i) the A's, both in the base's dtype."""

    def __init__(self, layers: Sequence[LoraLinear]) -> None:
        super().__init__(layers)
        columns, dtype = self.rank * len(layers), self.bases[0].dtype
        self.weight = torch.zeros(self.spans[-1][1], self.inputs + columns, dtype=dtype)
        self.down = torch.empty(columns, self.inputs, dtype=dtype)
        for base, (start, end) in zip(self.bases, self.spans, strict=True):
            self.weight[start:end, : self.inputs] = base.detach()
            base.data = self.weight[start:end, : self.inputs]  # the same numbers need not stand twice
        self.refresh()

    @torch.no_grad()
    def refresh(self) -> None:
        for number, (down, up, (start, end)) in enumerate(zip(self.downs, self.ups, self.spans, strict=True)):
            columns = self.columns(number)
            self.weight[start:end, self.inputs :][:, columns] = up * self.scales[number]
            self.down[columns] = down

    def __call__(self, x: Tensor) -> Tensor:
        apply: Callable[..., Tensor] = _JoinedProduct.apply
        return apply(x, self, *self.downs, *self.ups)


class _JoinedProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, group: Joined, *_: Tensor) -> Tensor:
        """x (..., i) -> (..., all o)."""
        flat = x.flatten(0, -2)
        extended = torch.cat([flat, flat @ group.down.T], dim=1)
        ctx.save_for_backward(extended)
        ctx.group, ctx.shape = group, x.shape
        product = nn.functional.linear(extended, group.weight, group.bias)
        return product.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        group: Joined = ctx.group
        (extended,) = ctx.saved_tensors
        gradient = gradients[0].flatten(0, -2)
        by_extended = gradient @ group.weight
        by_low = by_extended[:, group.inputs :]  # of x A'
        low = extended[:, group.inputs :]
        for_ups = [
            (gradient[:, start:end].T @ low[:, group.columns(number)]).float().mul_(group.scales[number])
            for number, (start, end) in enumerate(group.spans)
        ]
        for_downs = (by_low.T @ extended[:, : group.inputs]).float().split(group.rank)
        for_x = None
        if ctx.needs_input_grad[0]:
            for_x = torch.addmm(by_extended[:, : group.inputs], by_low, group.down).view(ctx.shape)
        return for_x, None, *for_downs, *for_ups


class FusedAdapter(Products):
    """The LoRA layers of one model with their products; single ones also in place of peft's forward."""

    def __init__(self, groups: Sequence[Sequence[LoraLinear]]) -> None:
        is_float32 = _base(groups[0][0]).weight.dtype == torch.float32
        make: Callable[[Sequence[LoraLinear]], Summed | Joined] = Summed if is_float32 else Joined
        self._groups = {_key(layers): make(layers) for layers in groups}
        for layers in groups:
            if len(layers) == 1:
                _take_over(layers[0], self._groups[_key(layers)])

    def of(self, siblings: Sequence[nn.Module]) -> Product:
        """See ``Products``."""
        return self._groups.get(_key(siblings)) or super().of(siblings)

    def apart(self) -> Products:
        """See ``Products``: those of single layers have become the layers' own."""
        self._groups = {key: group for key, group in self._groups.items() if len(key) == 1}
        return self

    def refresh(self) -> None:
        """See ``Products``."""
        for group in self._groups.values():
            group.refresh()


def fuse(model: nn.Module, siblings: Siblings, dtype: torch.dtype) -> FusedAdapter | None:
    """Make the model's LoRA layers fast where that is exact and there is memory for it; else None and no change.

    ``siblings`` are groups that the model's body multiplies at once; all other layers stand alone. ``dtype`` is that of
    the products: where the base is held in another, autocast has its own way.
    """
    layers = [module for module in model.modules() if isinstance(module, LoraLinear)]
    if not layers or not all(_is_plain(layer, dtype) for layer in layers):
        return None
    if sum(_base(layer).weight.nbytes for layer in layers) > MEMORY_SHARE * psutil.virtual_memory().available:
        return None
    groups = [cast(Sequence[LoraLinear], group) for group in siblings if _may_join(group)]
    joined = {id(layer) for group in groups for layer in group}
    return FusedAdapter([*groups, *([layer] for layer in layers if id(layer) not in joined)])


def _is_plain(layer: LoraLinear, dtype: torch.dtype) -> bool:
    base = layer.get_base_layer()
    if type(base) is not nn.Linear or base.weight.dtype != dtype or base.weight.device.type != "cpu":
        return False
    is_adapter = list(layer.lora_A) == [ADAPTER] and not layer.use_dora[ADAPTER] and not layer.lora_bias[ADAPTER]
    return is_adapter and isinstance(layer.lora_dropout[ADAPTER], nn.Identity)


def _may_join(group: Sequence[nn.Module]) -> bool:
    if not all(isinstance(layer, LoraLinear) for layer in group):
        return False
    layers = cast(Sequence[LoraLinear], group)
    return len({(layer.r[ADAPTER], _base(layer).bias is None) for layer in layers}) == 1


def _take_over(layer: LoraLinear, product: Product) -> None:
    def forward(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return product(x)

    setattr(layer, "forward", forward)  # noqa: B010 - mypy takes an assignment for a redefinition


def _key(layers: Sequence[nn.Module]) -> tuple[int, ...]:
    return tuple(map(id, layers))


def _base(layer: LoraLinear) -> nn.Linear:
    base = layer.get_base_layer()
    assert isinstance(base, nn.Linear)
    return base


def _matrix(layers: nn.ModuleDict) -> Tensor:
    linear = layers[ADAPTER]
    assert isinstance(linear, nn.Linear)
    return linear.weight
