"""Loss on completion tokens only: the LM head, a quarter of a small model's work, never sees the prompt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from peft import PeftModel
from torch import Tensor, nn
from transformers import DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer

from studio.errors import StudioError
from studio.worker.compute.loading import uses_dropout
from studio.worker.training.batches import MicroBatch

# Per layer the keys and the values of a prefix.
KeysAndValues = list[tuple[Tensor, Tensor]]

# Tokens whose logits exist at one time: 128 x 49,152 in float32 are 25 MB, which stay in a CPU's cache.
HEAD_TOKENS = 128


class _HeadLoss(torch.autograd.Function):
    """Summed cross entropy of ``hidden @ weight.T``, with the gradient computed while the logits are at hand.

    Keeping the logits for the backward pass would cost their memory twice over; this keeps (tokens, hidden) instead.
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, dtype: torch.dtype) -> Tensor:
        """hidden (n, d), weight (v, d), targets (n,) -> float32 scalar; matrices are multiplied in ``dtype``."""
        matrix = weight.to(dtype)
        hidden_gradient = torch.empty_like(hidden)
        weight_gradient = torch.zeros_like(weight) if weight.requires_grad else None
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        for start in range(0, len(targets), HEAD_TOKENS):
            part = hidden[start : start + HEAD_TOKENS].to(dtype)
            wanted = targets[start : start + HEAD_TOKENS, None]
            logits = (part @ matrix.T).float()
            normaliser = logits.logsumexp(dim=-1, keepdim=True)
            total += (normaliser - logits.gather(1, wanted)).sum()
            gradient = logits.sub_(normaliser).exp_()
            gradient.scatter_add_(1, wanted, torch.full_like(wanted, -1, dtype=gradient.dtype))
            gradient = gradient.to(dtype)
            hidden_gradient[start : start + HEAD_TOKENS] = gradient @ matrix
            if weight_gradient is not None:
                weight_gradient += gradient.T @ part
        ctx.save_for_backward(hidden_gradient, weight_gradient)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        hidden_gradient, weight_gradient = ctx.saved_tensors
        (gradient,) = gradients
        by_weight = None if weight_gradient is None else weight_gradient * gradient
        return hidden_gradient * gradient, by_weight, None, None


@dataclass(frozen=True)
class Learner:
    """A causal LM taken apart: ``body`` gives hidden states, ``head`` turns them into logits.

    ``is_plain_head`` is False where the model does more to its logits than one matrix multiply (soft capping,
    scaling); then its own forward makes them.
    """

    model: PreTrainedModel
    body: nn.Module
    head: nn.Module
    is_plain_head: bool
    can_share_prefix: bool

    @property
    def device(self) -> torch.device:
        return self.model.device

    def keys_and_values(self, ids: Tensor) -> KeysAndValues:
        """What attention keeps of a prefix, ids int64 (1, n): per layer (1, heads, n, head size) keys and values."""
        cache: Any = DynamicCache(config=self.model.config)
        self.body(input_ids=ids, past_key_values=cache, use_cache=True)
        return [(layer.keys, layer.values) for layer in cache.layers]

    def loss_sum(self, micro_batch: MicroBatch, prefix: KeysAndValues | None = None) -> Tensor:
        """Summed cross entropy, float32 scalar, of the micro-batch's learned tokens (not their mean).

        ``prefix`` stands before every row, whose own tokens then go on where it ends.
        """
        dtype = _matrix_dtype(self.head)
        if self.is_plain_head and torch.is_grad_enabled():
            head_loss: Callable[..., Tensor] = _HeadLoss.apply
            return head_loss(self._hidden(micro_batch, prefix), self.head.weight, micro_batch.targets, dtype)
        total = torch.zeros((), dtype=torch.float32, device=micro_batch.ids.device)
        if not self.is_plain_head:
            logits = self.model(**self._inputs(micro_batch, prefix)).logits.flatten(0, 1)
            return nn.functional.cross_entropy(
                logits[micro_batch.learned_at].float(), micro_batch.targets, reduction="sum"
            )
        hidden = self._hidden(micro_batch, prefix)
        for start in range(0, len(hidden), HEAD_TOKENS):
            logits = self.head(hidden[start : start + HEAD_TOKENS]).float()
            wanted = micro_batch.targets[start : start + HEAD_TOKENS]
            total += nn.functional.cross_entropy(logits, wanted, reduction="sum")
        return total

    def _hidden(self, micro_batch: MicroBatch, prefix: KeysAndValues | None) -> Tensor:
        states: Tensor = self.body(**self._inputs(micro_batch, prefix)).last_hidden_state
        return states.flatten(0, 1)[micro_batch.learned_at]

    def _inputs(self, micro_batch: MicroBatch, prefix: KeysAndValues | None) -> dict[str, Any]:
        if not prefix:
            return {"input_ids": micro_batch.ids, "use_cache": False}
        rows, longest = micro_batch.ids.shape
        start = prefix[0][0].shape[-2]
        pairs = [(keys.expand(rows, -1, -1, -1), values.expand(rows, -1, -1, -1)) for keys, values in prefix]
        return {
            "input_ids": micro_batch.ids,
            "position_ids": torch.arange(start, start + longest, device=micro_batch.ids.device)[None],
            "past_key_values": DynamicCache(pairs),
            "use_cache": True,
        }


def learner_of(model: nn.Module) -> Learner:
    """Take a causal LM (perhaps inside a peft model) apart. Raises StudioError for what is not one."""
    base: Any = model.get_base_model() if isinstance(model, PeftModel) else model
    if not isinstance(base, PreTrainedModel) or base.config.is_encoder_decoder:
        raise StudioError(
            f"{type(base).__name__}: only decoder-only language models can be trained.",
            "Encoder-decoder models such as T5 are not supported yet.",
        )
    whole: Any = base
    body = whole.get_decoder() if hasattr(base, "get_decoder") else base.base_model
    head = whole.get_output_embeddings()
    if body is base or head is None:
        raise StudioError(
            f"{type(base).__name__}: cannot tell the model's body from its LM head.",
            "Choose another base model, for example smollm2-135m-instruct.",
        )
    return Learner(base, body, head, _is_plain(base, body, head), _can_share_prefix(base, body))


@torch.no_grad()
def _is_plain(model: PreTrainedModel, body: nn.Module, head: nn.Module) -> bool:
    """Whether the model's logits are its head's and nothing more, tried on a few tokens."""
    if not isinstance(head, nn.Linear) or head.bias is not None:
        return False
    ids = torch.arange(4, device=head.weight.device)[None]
    was_training = model.training
    model.eval()
    own = model(input_ids=ids, use_cache=False).logits
    ours = head(body(input_ids=ids, use_cache=False).last_hidden_state)
    model.train(was_training)
    return torch.allclose(own, ours, rtol=1e-3, atol=1e-3)


@torch.no_grad()
def _can_share_prefix(model: PreTrainedModel, body: nn.Module) -> bool:
    """Whether a row computed behind a prefix's keys and values is the row computed whole, tried on a few tokens.

    Not so where the state of a prefix is more than keys and values, or where dropout makes every row's its own.
    """
    if uses_dropout(model):
        return False
    cache = DynamicCache(config=model.config)
    if any(type(layer) is not DynamicLayer for layer in cache.layers):
        return False
    ids = torch.arange(6, device=model.device)[None]
    whole = body(input_ids=ids, use_cache=False).last_hidden_state[:, 3:]
    body(input_ids=ids[:, :3], past_key_values=cache, use_cache=True)
    if len(cache.layers) != model.config.num_hidden_layers:
        return False
    places = torch.arange(3, 6, device=model.device)[None]
    parted = body(input_ids=ids[:, 3:], position_ids=places, past_key_values=cache, use_cache=True).last_hidden_state
    return torch.allclose(whole, parted, rtol=1e-2, atol=1e-2)


def _matrix_dtype(head: nn.Module) -> torch.dtype:
    weight = head.weight
    assert isinstance(weight, Tensor)
    kind = weight.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else weight.dtype
