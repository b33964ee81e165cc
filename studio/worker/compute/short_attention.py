"""Attention of short rows by three plain products: on a CPU they beat the fused kernel, which is made for long rows.

The probabilities are kept for the backward pass, tokens² of them, so long rows go the library's way. Heads that share
keys and values (grouped queries) are laid below one another instead of repeating the keys.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

# Keys that a row may see for this to be the faster way; above, the fused kernel is, and keeps less.
SHORT_TOKENS = 768
NAME = "studio_short"
_STRANGE = ("position_bias", "softcap", "s_aux")  # what some models add to attention: the library knows how


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Causal attention of one row: query (l, H, d), key and value (s, G, d), of which the last l are the row's own.

    Returns (l, H d). s > l where the row stands behind a prefix; H is a multiple of G.
    """
    length, heads, size = query.shape
    seen, groups, _ = key.shape
    times = heads // groups
    if seen > SHORT_TOKENS or query.device.type != "cpu":
        return _attend_long(query, key, value)
    below = query.view(length, groups, times, size).permute(1, 2, 0, 3).reshape(groups, times * length, size)
    apply: Callable[..., Tensor] = _ShortAttention.apply
    mask = _causal(length, seen, times, query.dtype)
    mixed = apply(below, key.transpose(0, 1), value.transpose(0, 1), mask, size**-0.5)
    return mixed.view(groups, times, length, size).permute(2, 0, 1, 3).reshape(length, heads * size)


def _attend_long(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    length, heads, size = query.shape
    seen, groups, _ = key.shape
    keys, values = (of.repeat_interleave(heads // groups, dim=1).transpose(0, 1)[None] for of in (key, value))
    mask = (
        None if seen == length else torch.ones(length, seen, dtype=torch.bool, device=query.device).tril(seen - length)
    )
    mixed = nn.functional.scaled_dot_product_attention(
        query.transpose(0, 1)[None], keys, values, attn_mask=mask, is_causal=mask is None
    )
    return mixed[0].transpose(0, 1).reshape(length, heads * size)


def use_in(model: PreTrainedModel) -> None:
    """Let transformers' own modelling attend in this way wherever it would use its fused kernel."""
    if model.config._attn_implementation == "sdpa" and model.device.type == "cpu":
        AttentionInterface.register(NAME, _attend_padded)
        AttentionMaskInterface.register(NAME, sdpa_mask)
        model.set_attn_implementation(NAME)


def _attend_padded(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **how: Any
) -> tuple[Tensor, None]:
    """transformers' signature: query (rows, H, l, d), key and value (rows, G, s, d), mask bool -> (rows, l, H, d)."""
    query, key = query.to(value.dtype), key.to(value.dtype)  # under autocast, rotary positions widen these two
    rows, heads, length, size = query.shape
    groups, seen = key.shape[1:3]
    is_strange = how.get("dropout") or any(how.get(name) is not None for name in _STRANGE)
    is_masked = attention_mask is not None and (attention_mask.dtype != torch.bool or attention_mask.shape[1] > 1)
    if is_strange or is_masked or length == 1 or seen > SHORT_TOKENS or value.shape[-1] != size:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **how)
    times, scale = heads // groups, how.get("scaling") or size**-0.5
    is_causal = how.get("is_causal")
    if attention_mask is not None:
        shown = torch.zeros(attention_mask.shape, dtype=query.dtype).masked_fill_(~attention_mask, float("-inf"))
        mask = shown.repeat(1, 1, times, 1).expand(rows, groups, -1, -1).flatten(0, 1)
    elif getattr(module, "is_causal", True) if is_causal is None else is_causal:
        mask = _causal(length, seen, times, query.dtype)
    else:
        mask = torch.zeros(1, 1, 1, dtype=query.dtype).expand(1, times * length, seen)
    apply: Callable[..., Tensor] = _ShortAttention.apply
    mixed = apply(
        query.reshape(rows * groups, times * length, size), key.flatten(0, 1), value.flatten(0, 1), mask, scale
    )
    return mixed.view(rows, heads, length, size).transpose(1, 2).contiguous(), None


class _ShortAttention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, mask: Tensor, scale: float) -> Tensor:
        """query (g, m, d), key and value (g, s, d), mask (1 or g, m, s) added to the scores."""
        with torch.autocast(query.device.type, enabled=False):  # it would compute the softmax in another dtype
            scores = torch.baddbmm(mask.expand(len(query), -1, -1), query, key.transpose(1, 2), alpha=scale)
            chances = torch.softmax(scores, dim=-1)
            ctx.save_for_backward(query, key, value, chances)
            ctx.scale = scale
            return torch.bmm(chances, value)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, chances = ctx.saved_tensors
        (gradient,) = gradients
        for_value = torch.bmm(chances.transpose(1, 2), gradient)
        by_chances = torch.bmm(gradient, value.transpose(1, 2))
        by_scores = torch._softmax_backward_data(by_chances, chances, -1, chances.dtype)
        for_query = torch.bmm(by_scores, key).mul_(ctx.scale)
        for_key = torch.bmm(by_scores.transpose(1, 2), query).mul_(ctx.scale)
        return for_query, for_key, for_value, None, None


@lru_cache(maxsize=32)  # of the rows in work: every layer asks for the same ones
def _causal(length: int, seen: int, times: int, dtype: torch.dtype) -> Tensor:
    """(1, times · length, seen): 0 where a token may look, -inf where not."""
    mask = torch.full((length, seen), float("-inf")).triu(seen - length + 1).to(dtype)
    return mask.repeat(times, 1)[None]
