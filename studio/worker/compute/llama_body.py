"""The body of Llama-shaped models over rows laid end to end, without padding.

[row 1][row 2] … : norms and products run over all tokens at once, attention over each row alone. Queries, keys and
values are one product, so are gate and up. The same function as transformers' modelling, which ``fits`` tries before a
run uses this; the weights stay the model's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from studio.worker.compute.prefix import KeysAndValues
from studio.worker.compute.products import Product, Products
from studio.worker.compute.short_attention import attend

# Positions that depend on the length of the row they stand in: rows laid end to end have no such length.
_ROPE_BY_LENGTH = {"dynamic", "longrope"}
_LAYER = ("input_layernorm", "self_attn", "post_attention_layernorm", "mlp")
_ATTENTION = {"q_proj", "k_proj", "v_proj", "o_proj", "rotary_fn"}
_MLP = {"gate_proj", "up_proj", "down_proj", "act_fn"}


# (number of the layer, query (tokens, heads, size), key and value (tokens, groups, size)) -> (tokens, heads · size)
Attention = Callable[[int, Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class _Layer:
    norm: nn.Module
    qkv: Product
    out: Product
    mlp_norm: nn.Module
    gate_up: Product
    down: Product


class LlamaBody:
    """A decoder's layers taken apart; ``products`` multiplies its siblings."""

    def __init__(self, decoder: Any, products: Products) -> None:
        self._decoder = decoder
        config = decoder.config
        self._heads: int = config.num_attention_heads
        self._groups: int = config.num_key_value_heads
        self._size: int = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        self._layers = [
            _Layer(
                layer.input_layernorm,
                products.of(_qkv(layer)),
                products.of([layer.self_attn.o_proj]),
                layer.post_attention_layernorm,
                products.of(_gate_up(layer)),
                products.of([layer.mlp.down_proj]),
            )
            for layer in decoder.layers
        ]

    @property
    def layers(self) -> int:
        return len(self._layers)

    def hidden(self, ids: Tensor, lengths: Sequence[int], prefix: KeysAndValues) -> Tensor:
        """Hidden states (tokens, d) of rows of these ``lengths``, ids int64 (tokens,), each behind ``prefix``."""
        start = prefix[0][0].shape[-2] if prefix else 0

        def attend_apart(number: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
            return _attention(query, key, value, lengths, prefix[number] if prefix else None)

        return self.run(ids, places_of(lengths, start), attend_apart)

    def keys_and_values(self, ids: Tensor) -> KeysAndValues:
        """What attention keeps of one row, ids int64 (1, n)."""
        kept: KeysAndValues = []

        def keep(number: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
            kept.append((key.transpose(0, 1)[None], value.transpose(0, 1)[None]))
            return attend(query, key, value)

        self.run(ids[0], places_of([ids.shape[1]], 0), keep)
        return kept

    def run(self, ids: Tensor, places: Tensor, attention: Attention) -> Tensor:
        """Hidden states (tokens, d) of tokens at these places of their rows, both int64 (tokens,)."""
        states: Tensor = self._decoder.embed_tokens(ids)
        turn = self._turn(states, places.to(ids.device))
        for number in range(len(self._layers)):
            states = self._layer(number, states, turn, attention)
        return _norm(self._decoder.norm, states)

    def agrees(self, ids: Tensor, taken: Sequence[tuple[Tensor, Tensor]], last: Tensor) -> bool:
        """Whether each part gives what the decoder's gave: layer by layer, since bfloat16 drifts over many layers."""
        turn = self._turn(taken[0][0], torch.arange(len(ids), device=ids.device))
        if not _is_close(self._decoder.embed_tokens(ids), taken[0][0], torch.zeros_like(last)):
            return False
        for number, (before, after) in enumerate(taken):
            ours = self._layer(number, before, turn, lambda _, query, key, value: attend(query, key, value))
            if not _is_close(ours, after, before):
                return False
        return _is_close(_norm(self._decoder.norm, taken[-1][1]), last, torch.zeros_like(last))

    def _turn(self, states: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
        """Cosines and sines of the places' angles, (tokens, 1, size) each."""
        cos, sin = self._decoder.rotary_emb(states, places[None])
        return cos[0, :, None], sin[0, :, None]

    def _layer(self, number: int, states: Tensor, turn: tuple[Tensor, Tensor], attention: Attention) -> Tensor:
        layer = self._layers[number]
        mixed = attention(number, *self._query_key_value(layer.qkv(_norm(layer.norm, states)), *turn))
        states = states + layer.out(mixed)
        return states + layer.down(_gated(layer.gate_up(_norm(layer.mlp_norm, states))))

    def _query_key_value(self, qkv: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(tokens, all heads · size) → query (tokens, heads, size), key and value (tokens, groups, size)."""
        turned, size = self._heads + self._groups, self._size
        apart = qkv.view(len(qkv), turned + self._groups, size)
        query_key, value = apart.split_with_sizes([turned, self._groups], dim=1)
        rotate: Callable[..., Tensor] = _Rotation.apply
        cos, sin = cos.to(qkv.dtype), sin.to(qkv.dtype)  # where the states are wider than the products
        query, key = rotate(query_key, cos, sin).split_with_sizes([self._heads, self._groups], dim=1)
        return query, key, value


def places_of(lengths: Sequence[int], start: int) -> Tensor:
    """Where in its row each token stands, int64 (tokens,), of rows end to end that all begin at ``start``."""
    return torch.cat([torch.arange(start, start + length) for length in lengths])


def siblings_of(decoder: nn.Module) -> list[list[nn.Module]]:
    """The groups that a body of this decoder multiplies at once, those of one layer too."""
    whole: Any = decoder
    return [
        group
        for layer in whole.layers
        for group in (_qkv(layer), [layer.self_attn.o_proj], _gate_up(layer), [layer.mlp.down_proj])
    ]


@torch.no_grad()
def fits(model: PreTrainedModel, decoder: nn.Module) -> bool:
    """Whether a ``LlamaBody`` computes what this decoder computes: it has the same parts, and each does the same."""
    if not _has_the_parts(decoder):
        return False
    ids = torch.arange(3, 15, device=model.device)
    taken: list[tuple[Tensor, Tensor]] = []  # what goes into each layer and what comes out
    whole: Any = decoder
    hooks = [
        layer.register_forward_hook(lambda _, inputs, output: taken.append((inputs[0][0], _first(output)[0])))
        for layer in whole.layers
    ]
    was_training = model.training
    model.eval()  # type: ignore[no-untyped-call]
    last = decoder(input_ids=ids[None], use_cache=False).last_hidden_state[0]
    model.train(was_training)
    for hook in hooks:
        hook.remove()
    return len(taken) == len(hooks) and LlamaBody(decoder, Products()).agrees(ids, taken, last)


def _is_close(ours: Tensor, theirs: Tensor, before: Tensor) -> bool:
    """Whether both make the same of ``before``, to what the dtype can tell apart of the change and of the whole."""
    relative, rounding = (1e-4, 1e-6) if ours.dtype == torch.float32 else (2e-2, 2**-8)
    apart, change, size = (float(of.float().norm()) for of in (ours - theirs, theirs - before, theirs))
    return apart <= relative * change + rounding * size


def _first(output: Any) -> Tensor:
    first: Tensor = output[0] if isinstance(output, tuple) else output
    return first


def _has_the_parts(decoder: nn.Module) -> bool:
    whole: Any = decoder
    config = getattr(decoder, "config", None)
    if config is None or not all(hasattr(decoder, name) for name in ("embed_tokens", "layers", "norm", "rotary_emb")):
        return False
    # What is done to embeddings, or to layers so that their activations are computed again, wants rows of their own.
    is_again = any(getattr(part, "gradient_checkpointing", False) for part in whole.modules())
    if is_again or whole.embed_tokens._forward_hooks:
        return False
    rope = getattr(config, "rope_parameters", None) or {}
    if rope.get("rope_type", "default") in _ROPE_BY_LENGTH or getattr(config, "hidden_act", "") != "silu":
        return False
    if any(kind != "full_attention" for kind in getattr(config, "layer_types", None) or ()):
        return False
    window = getattr(config, "sliding_window", None) if getattr(config, "use_sliding_window", True) else None
    return window is None and all(_is_known(layer) for layer in whole.layers)


def _is_known(layer: nn.Module) -> bool:
    """Whether a layer has these parts and no other: what else it had would be left out."""
    parts = dict(layer.named_children())
    if set(parts) != set(_LAYER):
        return False
    attention, mlp = (set(dict(parts[name].named_children())) for name in ("self_attn", "mlp"))
    norms = (parts["input_layernorm"], parts["post_attention_layernorm"])
    is_rms = all(hasattr(norm, "variance_epsilon") and hasattr(norm, "weight") for norm in norms)
    return is_rms and attention <= _ATTENTION and mlp <= _MLP


def _qkv(layer: Any) -> list[nn.Module]:
    return [layer.self_attn.q_proj, layer.self_attn.k_proj, layer.self_attn.v_proj]


def _gate_up(layer: Any) -> list[nn.Module]:
    return [layer.mlp.gate_proj, layer.mlp.up_proj]


def _attention(
    query: Tensor, key: Tensor, value: Tensor, lengths: Sequence[int], behind: tuple[Tensor, Tensor] | None
) -> Tensor:
    """Each row's own attention, rows end to end: (tokens, heads · size)."""
    mixed = []
    for of_query, of_key, of_value in zip(
        *(of.split_with_sizes(list(lengths)) for of in (query, key, value)), strict=True
    ):
        if behind:
            of_key, of_value = (
                torch.cat([before[0].transpose(0, 1), own])
                for before, own in zip(behind, (of_key, of_value), strict=True)
            )
        mixed.append(attend(of_query, of_key, of_value))
    return torch.cat(mixed)


def _norm(norm: nn.Module, states: Tensor) -> Tensor:
    whole: Any = norm
    apply: Callable[..., Tensor] = _RootMeanSquareNorm.apply
    return apply(states, whole.weight, whole.variance_epsilon)


def _gated(gate_up: Tensor) -> Tensor:
    apply: Callable[..., Tensor] = _Gated.apply
    return apply(gate_up)


class _RootMeanSquareNorm(torch.autograd.Function):
    """y = w x / rms(x). Only x is kept, in its own dtype; what follows from it is computed again.

    With n = x / rms(x) and h = w · (gradient of y): the gradient of x is (h - n mean(h n)) / rms(x), of w it is the sum
    over tokens of (gradient of y) n.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
        """x (tokens, d), weight (d,) -> (tokens, d)."""
        ctx.save_for_backward(x, weight)
        ctx.epsilon = epsilon
        return nn.functional.rms_norm(x, (x.shape[1],), weight.to(x.dtype), epsilon)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        saved, weight = ctx.saved_tensors
        x, gradient = saved.float(), gradients[0].float()
        inverse = torch.rsqrt(torch.linalg.vecdot(x, x).div_(x.shape[1]).add_(ctx.epsilon))[:, None]
        normal = x * inverse
        for_weight = (gradient * normal).sum(0).to(weight.dtype) if ctx.needs_input_grad[1] else None
        scaled = gradient * weight
        along = torch.linalg.vecdot(scaled, normal).div_(x.shape[1])[:, None]
        return scaled.addcmul_(normal, along, value=-1).mul_(inverse).to(saved.dtype), for_weight, None


class _Gated(torch.autograd.Function):
    """silu(gate) · up of gate and up side by side; their gradients are written side by side too."""

    @staticmethod
    def forward(ctx: Any, gate_up: Tensor) -> Tensor:
        """(tokens, 2 f) -> (tokens, f)."""
        ctx.save_for_backward(gate_up)
        gate, up = gate_up.chunk(2, dim=1)
        return nn.functional.silu(gate).mul_(up)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (gate_up,) = ctx.saved_tensors
        (gradient,) = gradients
        gate, up = gate_up.chunk(2, dim=1)
        result = torch.empty_like(gate_up)
        for_gate, for_up = result.chunk(2, dim=1)
        torch.mul(nn.functional.silu(gate), gradient, out=for_up)
        torch.ops.aten.silu_backward.grad_input(gradient * up, gate, grad_input=for_gate)
        return result


class _Rotation(torch.autograd.Function):
    """Rotary positions (arXiv:2104.09864): halves of each head turned by an angle; the gradient is turned back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """x (tokens, heads, size), cos and sin (tokens, 1, size) -> as x."""
        ctx.save_for_backward(cos, sin)
        return _turned(x, cos, sin)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        cos, sin = ctx.saved_tensors
        return _turned(gradients[0], cos, -sin), None, None


def _turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    half = x.shape[-1] // 2
    result = x * cos
    result[..., :half].addcmul_(x[..., half:], sin[..., :half], value=-1)
    result[..., half:].addcmul_(x[..., :half], sin[..., half:])
    return result
