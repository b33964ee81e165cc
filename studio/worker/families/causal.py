"""Decoder-only models. The loss is on completion tokens only: the LM head, a quarter of a small model's work, never
sees the prompt.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer

from studio.errors import StudioError
from studio.tokens.encoding import Encoded
from studio.worker.compute.head_loss import HEAD_TOKENS, HeadLoss, matrix_dtype
from studio.worker.compute.loading import uses_dropout
from studio.worker.families.causal_decoding import CausalDecoder
from studio.worker.families.family import FamilyWork, KeysAndValues


@dataclass(frozen=True)
class MicroBatch:
    """Rows of one forward pass, padded on the right.

    ``ids``: int64 (rows, longest). ``learned_at``: int64 (n,), flat positions whose next token is learned.
    ``targets``: int64 (n,), those tokens. ``tokens`` counts ids without padding.

    No attention mask is needed: under causal attention no real token ever sees what stands to its right.
    """

    ids: torch.Tensor
    learned_at: torch.Tensor
    targets: torch.Tensor
    tokens: int

    def to(self, device: torch.device) -> MicroBatch:
        return MicroBatch(self.ids.to(device), self.learned_at.to(device), self.targets.to(device), self.tokens)


@dataclass(frozen=True)
class CausalLearner:
    """A causal LM taken apart: ``body`` gives hidden states, ``head`` turns them into logits.

    ``is_plain_head`` is False where the model does more to its logits than one matrix multiply (soft capping,
    scaling); then its own forward makes them. ``label_smoothing`` is only of training.
    """

    model: PreTrainedModel
    body: nn.Module
    head: nn.Module
    is_plain_head: bool
    can_share_prefix: bool
    label_smoothing: float = 0.0

    def smoothed(self, label_smoothing: float) -> CausalLearner:
        """The learner with this share of each target's probability spread over the vocabulary in training."""
        return replace(self, label_smoothing=label_smoothing)

    @property
    def device(self) -> torch.device:
        return self.model.device

    def collate(self, rows: Sequence[Encoded], skip: int = 0) -> MicroBatch:
        """See ``collate``; on the model's device."""
        return collate(rows, skip).to(self.device)

    def keys_and_values(self, ids: Tensor) -> KeysAndValues:
        """What attention keeps of a prefix, ids int64 (1, n): per layer (1, heads, n, head size) keys and values."""
        cache: Any = DynamicCache(config=self.model.config)
        self.body(input_ids=ids, past_key_values=cache, use_cache=True)
        return [(layer.keys, layer.values) for layer in cache.layers]

    def loss_sum(self, micro_batch: MicroBatch, prefix: KeysAndValues | None = None) -> Tensor:
        """Summed cross entropy, float32 scalar, of the micro-batch's learned tokens (not their mean)."""
        return self.losses(micro_batch, prefix)[0]

    def losses(self, micro_batch: MicroBatch, prefix: KeysAndValues | None = None) -> tuple[Tensor, Tensor]:
        """``loss_sum``, and what each learned token has of it, float32 (n,), row after row, without a gradient.

        ``prefix`` stands before every row, whose own tokens then go on where it ends.
        """
        dtype = matrix_dtype(self.head)
        smoothing = self.label_smoothing if self.model.training else 0.0
        if self.is_plain_head and torch.is_grad_enabled():
            head_loss: Callable[..., tuple[Tensor, Tensor]] = HeadLoss.apply
            hidden = self._hidden(micro_batch, prefix)
            return head_loss(hidden, self.head.weight, micro_batch.targets, dtype, smoothing)
        if not self.is_plain_head:
            logits = self.model(**self._inputs(micro_batch, prefix)).logits.flatten(0, 1)
            whole = nn.functional.cross_entropy(
                logits[micro_batch.learned_at].float(),
                micro_batch.targets,
                reduction="none",
                label_smoothing=smoothing,
            )
            return whole.sum(), whole.detach()
        hidden = self._hidden(micro_batch, prefix)
        parts = []
        for start in range(0, len(hidden), HEAD_TOKENS):
            logits = self.head(hidden[start : start + HEAD_TOKENS]).float()
            wanted = micro_batch.targets[start : start + HEAD_TOKENS]
            parts.append(nn.functional.cross_entropy(logits, wanted, reduction="none", label_smoothing=smoothing))
        of_tokens = torch.cat(parts)
        return of_tokens.sum(), of_tokens.detach()

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


def collate(rows: Sequence[Encoded], skip: int = 0, padding_id: int = 0) -> MicroBatch:
    """One micro-batch from encoded rows; what stands in the padding is never looked at.

    ``skip`` tokens at each row's start are left out, because a shared prefix stands for them. It must be less than
    every row's prompt_tokens.
    """
    longest = max(row.total_tokens for row in rows) - skip
    ids = torch.full((len(rows), longest), padding_id, dtype=torch.int64)
    learned_at: list[int] = []
    targets: list[int] = []
    for number, row in enumerate(rows):
        ids[number, : row.total_tokens - skip] = torch.tensor(row.ids[skip:], dtype=torch.int64)
        start = number * longest - skip - 1
        learned_at.extend(range(start + row.prompt_tokens, start + row.total_tokens))
        targets.extend(row.ids[row.prompt_tokens :])
    tokens = sum(row.total_tokens - skip for row in rows)
    return MicroBatch(ids, torch.tensor(learned_at), torch.tensor(targets), tokens)


def learner_of(model: nn.Module) -> CausalLearner:
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
    return CausalLearner(base, body, head, _is_plain(base, body, head), _can_share_prefix(base, body))


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

    Not so where the state of a prefix is more than keys and values, or where dropout makes every row's its own. Where
    activations are computed again, transformers takes a layer's keys and values away.
    """
    if uses_dropout(model) or any(getattr(module, "gradient_checkpointing", False) for module in model.modules()):
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


def _load(path: Path, dtype: torch.dtype, is_trusted: bool, quantization: Any = None) -> PreTrainedModel:
    model: Any = AutoModelForCausalLM.from_pretrained(
        path,
        dtype=dtype,
        use_safetensors=None if is_trusted else True,
        local_files_only=True,
        trust_remote_code=is_trusted,
        quantization_config=quantization,
    )
    assert isinstance(model, PreTrainedModel)
    return model


FAMILY = FamilyWork(_load, learner_of, CausalDecoder, peft_task="CAUSAL_LM")
