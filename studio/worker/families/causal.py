"""Decoder-only models. The loss is on completion tokens only: the LM head, a quarter of a small model's work, never
sees the prompt.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from peft import PeftModel
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer

from studio.errors import StudioError
from studio.tokens.encoding import Encoded
from studio.worker.compute import fused_lora, short_attention
from studio.worker.compute.head_loss import HEAD_TOKENS, HeadLoss, matrix_dtype, summed
from studio.worker.compute.llama_body import LlamaBody, fits, siblings_of
from studio.worker.compute.loading import uses_dropout
from studio.worker.compute.packed_weights import PackedWeights
from studio.worker.compute.prefix import KeysAndValues
from studio.worker.compute.products import Products, Siblings
from studio.worker.families.causal_bodies import Body, MicroBatch, PackedBody, PaddedBody
from studio.worker.families.family import FamilyWork, loader
from studio.worker.families.greedy_decoding import GreedyDecoder, Reader
from studio.worker.families.packed_decoding import PackedReader
from studio.worker.families.padded_decoding import PaddedReader


@dataclass(frozen=True)
class CausalLearner:
    """A causal LM taken apart: ``body`` gives hidden states, ``head`` turns them into logits.

    ``is_plain_head`` is False where the model does more to its logits than one matrix multiply (soft capping,
    scaling); then its own forward makes them. ``label_smoothing`` is only of training.
    """

    model: PreTrainedModel
    body: Body
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

    @property
    def pads(self) -> bool:
        return self.body.pads

    def collate(self, rows: Sequence[Encoded], skip: int = 0) -> MicroBatch:
        """See ``Body``; on the model's device."""
        return self.body.collate(rows, skip).to(self.device)

    def keys_and_values(self, ids: Tensor) -> KeysAndValues:
        """What attention keeps of a prefix, ids int64 (1, n): per layer (1, heads, n, head size) keys and values."""
        return self.body.keys_and_values(ids)

    def loss_sum(self, micro_batch: MicroBatch, prefix: KeysAndValues | None = None) -> Tensor:
        """Summed cross entropy, float32 scalar, of the micro-batch's learned tokens (not their mean)."""
        return self.losses(micro_batch, prefix)[0]

    def losses(self, micro_batch: MicroBatch, prefix: KeysAndValues | None = None) -> tuple[Tensor, Tensor]:
        """``loss_sum``, and each learned token's own plain loss, float32 (n,), row after row, without a gradient.

        ``prefix`` stands before every row, whose own tokens then go on where it ends.
        """
        smoothing = self.label_smoothing if self.model.training else 0.0
        if not self.is_plain_head:
            assert isinstance(self.body, PaddedBody)
            logits = self.model(**self.body.inputs(micro_batch, prefix or [])).logits.flatten(0, 1)
            return summed([logits[micro_batch.learned_at]], [micro_batch.targets], smoothing)
        hidden = self.body.hidden(micro_batch, prefix or [])[micro_batch.learned_at]
        if torch.is_grad_enabled():
            head_loss: Callable[..., tuple[Tensor, Tensor]] = HeadLoss.apply
            return head_loss(hidden, self.head.weight, micro_batch.targets, matrix_dtype(self.head), smoothing)
        parts = map(self.head, torch.split(hidden, HEAD_TOKENS))
        return summed(parts, torch.split(micro_batch.targets, HEAD_TOKENS), smoothing)


def learner_of(model: nn.Module, products: Products | None = None) -> CausalLearner:
    """Take a causal LM (perhaps inside a peft model) apart, its siblings multiplied by ``products``.

    Raises StudioError for what is not one.
    """
    base, decoder, head = _parts(model)
    is_plain_head = _is_plain(base, decoder, head)
    body: Body = PaddedBody(decoder)
    if _is_packed(base, decoder, head):
        body = PackedBody(LlamaBody(decoder, products or Products()))
    else:
        short_attention.use_in(base)
    return CausalLearner(base, body, head, is_plain_head, _can_share_prefix(base, body))


def _siblings(model: nn.Module) -> Siblings:
    base, decoder, head = _parts(model)
    return siblings_of(decoder) if _is_packed(base, decoder, head) else []


def _is_packed(base: PreTrainedModel, decoder: nn.Module, head: nn.Module) -> bool:
    """Whether rows are laid end to end: on a GPU starting a kernel for each row costs more than padding."""
    return base.device.type == "cpu" and _is_plain(base, decoder, head) and fits(base, decoder)


def _embedding(model: PreTrainedModel) -> nn.Module:
    return model.get_input_embeddings()


def decoder_of(model: PreTrainedModel, stop_ids: frozenset[int], max_new_tokens: int) -> GreedyDecoder:
    """Make a causal LM, perhaps with adapters in its layers, ready to answer. Its weights may not change any more."""
    return GreedyDecoder(_reader(model), stop_ids, max_new_tokens)


def _reader(model: PreTrainedModel) -> Reader:
    base, decoder, head = _parts(model)
    if not _is_packed(base, decoder, head):
        return PaddedReader(model)
    packed = PackedWeights(base)
    products = fused_lora.fuse(model, siblings_of(decoder), base.dtype) or packed
    return PackedReader(LlamaBody(decoder, products), packed.of([head]))


def _parts(model: nn.Module) -> tuple[PreTrainedModel, nn.Module, nn.Module]:
    """The model, its decoder and its LM head."""
    base: Any = model.get_base_model() if isinstance(model, PeftModel) else model
    if not isinstance(base, PreTrainedModel) or base.config.is_encoder_decoder:
        raise StudioError(
            f"{type(base).__name__}: not a decoder-only language model.",
            "Choose another base model, for example smollm2-135m-instruct.",
        )
    whole: Any = base
    decoder = whole.get_decoder() if hasattr(base, "get_decoder") else base.base_model
    head = whole.get_output_embeddings()
    if decoder is base or head is None:
        raise StudioError(
            f"{type(base).__name__}: cannot tell the model's body from its LM head.",
            "Choose another base model, for example smollm2-135m-instruct.",
        )
    return base, decoder, head


@torch.no_grad()
def _is_plain(model: PreTrainedModel, decoder: nn.Module, head: nn.Module) -> bool:
    """Whether the model's logits are its head's and nothing more, tried on a few tokens."""
    if not isinstance(head, nn.Linear) or head.bias is not None:
        return False
    ids = torch.arange(4, device=head.weight.device)[None]
    was_training = model.training
    model.eval()
    own = model(input_ids=ids, use_cache=False).logits
    ours = head(decoder(input_ids=ids, use_cache=False).last_hidden_state)
    model.train(was_training)
    return torch.allclose(own, ours, rtol=1e-3, atol=1e-3)


@torch.no_grad()
def _can_share_prefix(model: PreTrainedModel, body: Body) -> bool:
    """Whether a row computed behind a prefix's keys and values is the row computed whole, tried on a few tokens.

    Not so where the state of a prefix is more than keys and values, or where dropout makes every row's its own. Where
    activations are computed again, transformers takes a layer's keys and values away.
    """
    if uses_dropout(model) or any(getattr(module, "gradient_checkpointing", False) for module in model.modules()):
        return False
    if any(type(layer) is not DynamicLayer for layer in DynamicCache(config=model.config).layers):
        return False
    row = Encoded(list(range(6)), prompt_tokens=4)
    prefix = body.keys_and_values(torch.arange(3, device=model.device)[None])
    if len(prefix) != model.config.num_hidden_layers:
        return False
    whole = body.hidden(body.collate([row]).to(model.device), [])[3:]
    parted = body.hidden(body.collate([row], skip=3).to(model.device), prefix)
    return torch.allclose(whole, parted, rtol=1e-2, atol=1e-2)


FAMILY = FamilyWork(loader(AutoModelForCausalLM), _siblings, _embedding, learner_of, decoder_of, peft_task="CAUSAL_LM")
