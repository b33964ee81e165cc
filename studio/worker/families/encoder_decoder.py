"""Encoder-decoder models (T5, BART). The loss is on target tokens only, its gradient made while logits are at hand.

The encoder looks both ways, so that a source's padding must be masked. The decoder looks back only: what stands behind
a target's end is never seen, and needs no mask.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from peft import PeftModel
from torch import Tensor, nn
from transformers import AutoModelForSeq2SeqLM, PreTrainedModel

from studio.errors import StudioError
from studio.tokens.encoding import Encoded
from studio.worker.compute.head_loss import HEAD_TOKENS, HeadLoss, matrix_dtype, summed
from studio.worker.compute.prefix import KeysAndValues
from studio.worker.compute.products import Products, Siblings
from studio.worker.families.encoder_decoder_decoding import EncoderDecoderReader, start_id_of
from studio.worker.families.family import FamilyWork, loader
from studio.worker.families.greedy_decoding import GreedyDecoder


@dataclass(frozen=True)
class MicroBatch:
    """Rows of one forward pass, both sides padded on the right.

    ``source``: int64 (rows, longest source). ``mask``: int64 of that shape, 0 in the padding; None where there is none.
    ``fed``: int64 (rows, longest target), what the decoder is given: the start token, then each target but its last.
    ``learned_at``: int64 (n,), flat positions in ``fed`` of which a token is learned. ``targets``: int64 (n,), those.
    ``tokens`` counts the ids of both sides without padding.
    """

    source: Tensor
    mask: Tensor | None
    fed: Tensor
    learned_at: Tensor
    targets: Tensor
    tokens: int

    def to(self, device: torch.device) -> MicroBatch:
        mask = None if self.mask is None else self.mask.to(device)
        fed, learned_at, targets = (of.to(device) for of in (self.fed, self.learned_at, self.targets))
        return MicroBatch(self.source.to(device), mask, fed, learned_at, targets, self.tokens)


@dataclass(frozen=True)
class EncoderDecoderLearner:
    """An encoder-decoder LM taken apart: ``encoder`` and ``decoder`` give hidden states, ``head`` turns the decoder's
    into logits after multiplying them by ``head_scale``.

    ``head_scale`` is None where the model does more to its logits than that; then its own forward makes them.
    ``label_smoothing`` is only of training.
    """

    model: PreTrainedModel
    encoder: nn.Module
    decoder: nn.Module
    head: nn.Module
    head_scale: float | None
    start_id: int
    label_smoothing: float = 0.0
    can_share_prefix: bool = False  # every token of a source sees all others, those behind a prefix too
    pads: bool = True

    def smoothed(self, label_smoothing: float) -> EncoderDecoderLearner:
        """The learner with this share of each target's probability spread over the vocabulary in training."""
        return replace(self, label_smoothing=label_smoothing)

    @property
    def device(self) -> torch.device:
        return self.model.device

    def collate(self, rows: Sequence[Encoded], skip: int = 0) -> MicroBatch:
        """See ``collate``; on the model's device. There is no prefix to ``skip``."""
        return collate(rows, self.start_id).to(self.device)

    def keys_and_values(self, ids: Tensor) -> KeysAndValues:
        """Never asked for: ``can_share_prefix`` is false."""
        raise NotImplementedError("no prefix can be shared where attention looks both ways")

    def loss_sum(self, micro_batch: MicroBatch, prefix: KeysAndValues | None = None) -> Tensor:
        """Summed cross entropy, float32 scalar, of the micro-batch's target tokens (not their mean)."""
        return self.losses(micro_batch, prefix)[0]

    def losses(self, micro_batch: MicroBatch, prefix: KeysAndValues | None = None) -> tuple[Tensor, Tensor]:
        """``loss_sum``, and each target token's own plain loss, float32 (n,), row after row, without a gradient."""
        smoothing = self.label_smoothing if self.model.training else 0.0
        if self.head_scale is None:
            logits = self.model(
                input_ids=micro_batch.source,
                attention_mask=micro_batch.mask,
                decoder_input_ids=micro_batch.fed,
                use_cache=False,
            ).logits.flatten(0, 1)
            return summed([logits[micro_batch.learned_at]], [micro_batch.targets], smoothing)
        hidden = self._hidden(micro_batch)
        if self.head_scale != 1:
            hidden = hidden * self.head_scale
        if torch.is_grad_enabled():
            head_loss: Callable[..., tuple[Tensor, Tensor]] = HeadLoss.apply
            return head_loss(hidden, self.head.weight, micro_batch.targets, matrix_dtype(self.head), smoothing)
        parts = map(self.head, torch.split(hidden, HEAD_TOKENS))
        return summed(parts, torch.split(micro_batch.targets, HEAD_TOKENS), smoothing)

    def _hidden(self, micro_batch: MicroBatch) -> Tensor:
        """The decoder's hidden states of the learned tokens, (n, hidden size)."""
        source = self.encoder(input_ids=micro_batch.source, attention_mask=micro_batch.mask).last_hidden_state
        states: Tensor = self.decoder(
            input_ids=micro_batch.fed,
            encoder_hidden_states=source,
            encoder_attention_mask=micro_batch.mask,
            use_cache=False,
        ).last_hidden_state
        return states.flatten(0, 1)[micro_batch.learned_at]


def collate(rows: Sequence[Encoded], start_id: int, padding_id: int = 0) -> MicroBatch:
    """One micro-batch from encoded rows; what stands in the padding is never looked at."""
    sources, targets = [row.prompt_ids for row in rows], [row.completion_ids for row in rows]
    shifted = [[start_id, *target[:-1]] for target in targets]
    source, fed = _padded(sources, padding_id), _padded(shifted, padding_id)
    lengths = torch.tensor([len(of_row) for of_row in sources])
    mask = (torch.arange(source.shape[1]) < lengths[:, None]).long() if lengths.min() < source.shape[1] else None
    width = fed.shape[1]
    learned_at = [number * width + place for number, target in enumerate(targets) for place in range(len(target))]
    flat = [token for target in targets for token in target]
    return MicroBatch(
        source, mask, fed, torch.tensor(learned_at), torch.tensor(flat), sum(len(row.ids) for row in rows)
    )


def _padded(rows: Sequence[list[int]], padding_id: int) -> Tensor:
    longest = max(map(len, rows))
    return torch.tensor([row + [padding_id] * (longest - len(row)) for row in rows])


def learner_of(model: nn.Module, products: Products | None = None) -> EncoderDecoderLearner:
    """Take an encoder-decoder LM (perhaps inside a peft model) apart. Raises StudioError for what is not one.

    ``products`` are those of no siblings: nothing is multiplied by them.
    """
    base: Any = model.get_base_model() if isinstance(model, PeftModel) else model
    if not isinstance(base, PreTrainedModel) or not base.config.is_encoder_decoder:
        raise StudioError(
            f"{type(base).__name__}: not an encoder-decoder language model.",
            "Choose another base model, for example T5.",
        )
    whole: Any = base
    encoder, decoder, head = whole.get_encoder(), whole.get_decoder(), whole.get_output_embeddings()
    if head is None:
        raise StudioError(f"{type(base).__name__}: it has no LM head.", "Choose another base model, for example T5.")
    start_id = start_id_of(base)
    return EncoderDecoderLearner(base, encoder, decoder, head, _head_scale(base, encoder, decoder, head), start_id)


@torch.no_grad()
def _head_scale(model: PreTrainedModel, encoder: nn.Module, decoder: nn.Module, head: nn.Module) -> float | None:
    """What hidden states are multiplied by before the head, tried on a few tokens; None where it is more than that.

    T5 multiplies by d_model ** -0.5 where head and embeddings are one matrix (Raffel et al., arXiv:1910.10683, in the
    Mesh TensorFlow code); FLAN-T5 and BART by nothing.
    """
    if not isinstance(head, nn.Linear) or head.bias is not None:
        return None
    ids = torch.arange(4, device=head.weight.device)[None]
    was_training = model.training
    model.eval()
    own = model(input_ids=ids, decoder_input_ids=ids, use_cache=False).logits
    source = encoder(input_ids=ids).last_hidden_state
    hidden = decoder(input_ids=ids, encoder_hidden_states=source, use_cache=False).last_hidden_state
    model.train(was_training)
    for scale in (1.0, head.in_features**-0.5):
        if torch.allclose(own, head(hidden * scale), rtol=1e-3, atol=1e-3):
            return scale
    return None


def embedding_of(model: PreTrainedModel) -> nn.Module:
    """The encoder's: the model's own only lends its weight and is never called."""
    embedding: nn.Module = model.get_encoder().get_input_embeddings()
    return embedding


def decoder_of(model: PreTrainedModel, stop_ids: frozenset[int], max_new_tokens: int) -> GreedyDecoder:
    """Make an encoder-decoder LM, perhaps with adapters in its layers, ready to answer."""
    return GreedyDecoder(EncoderDecoderReader(model), stop_ids, max_new_tokens)


def _siblings(model: nn.Module) -> Siblings:
    """None: the model's own forward multiplies its layers one by one."""
    return []


FAMILY = FamilyWork(
    loader(AutoModelForSeq2SeqLM), _siblings, embedding_of, learner_of, decoder_of, peft_task="SEQ_2_SEQ_LM"
)
