"""Prompts of an encoder-decoder model answered together: sources are encoded once, padded on the right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from transformers import DynamicCache, EncoderDecoderCache, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

from studio.errors import StudioError
from studio.worker.families.family import Choose, TokenIds


@dataclass(frozen=True)
class EncoderDecoderReader:
    """See ``greedy_decoding.Reader``. Every token of a source sees all others: no prefix stays what it is alone."""

    can_share_prefix: ClassVar[bool] = False

    model: PreTrainedModel

    def prefix(self, ids: TokenIds) -> None:
        """Never asked for: ``can_share_prefix`` is false."""
        raise NotImplementedError("no prefix can be shared where attention looks both ways")

    def batch(self, prompts: Sequence[TokenIds], length: int, prefix: None, room: int) -> SourceBatch:
        """See ``greedy_decoding.Reader``; ``length`` is 0, and the cache grows by itself."""
        return SourceBatch(self.model, prompts)


class SourceBatch:
    """Prompts being answered together: their encoded sources, the decoder's cache, and the tokens to feed next.

    Every layer's keys and values of the source are computed with the first token and kept.
    """

    @torch.inference_mode()
    def __init__(self, model: PreTrainedModel, prompts: Sequence[TokenIds]) -> None:
        self._model = model
        self._forced = model.generation_config.forced_bos_token_id if model.generation_config else None
        longest = max(map(len, prompts))
        source = torch.tensor([[*prompt, *[0] * (longest - len(prompt))] for prompt in prompts], device=model.device)
        lengths = torch.tensor([len(prompt) for prompt in prompts], device=model.device)
        self._mask = (torch.arange(longest, device=model.device) < lengths[:, None]).long()
        encoder = model.get_encoder()
        self._encoded: Tensor = encoder(input_ids=source, attention_mask=self._mask).last_hidden_state
        self._ids = torch.full((len(prompts), 1), start_id_of(model), device=model.device)
        self._cache = EncoderDecoderCache(DynamicCache(config=model.config), DynamicCache(config=model.config))

    @torch.inference_mode()
    def next_tokens(self, choose: Choose) -> Tensor:
        """Feed what is waiting and return the next token of each row as ``choose`` takes it, int64 (rows,)."""
        logits = self._model(
            encoder_outputs=BaseModelOutput(last_hidden_state=self._encoded),
            attention_mask=self._mask,
            decoder_input_ids=self._ids,
            past_key_values=self._cache,
            use_cache=True,
        ).logits
        tokens: Tensor = choose(logits[:, -1].float())
        if self._forced is not None:  # BART's first token is its beginning-of-sequence, whatever is likeliest
            tokens, self._forced = torch.full_like(tokens, self._forced), None
        self._ids = tokens[:, None]
        return tokens

    @torch.inference_mode()
    def keep(self, places: list[int]) -> None:
        """Drop all rows but these."""
        if not places:
            return
        kept = torch.tensor(places, dtype=torch.int64, device=self._ids.device)
        self._ids, self._mask, self._encoded = self._ids[kept], self._mask[kept], self._encoded[kept]
        self._cache.batch_select_indices(kept)


def start_id_of(model: PreTrainedModel) -> int:
    """The token that the decoder begins with. Raises StudioError where the model names none."""
    generation = model.generation_config
    for facts in (generation, model.config):
        named = getattr(facts, "decoder_start_token_id", None)
        if isinstance(named, int):
            return named
    raise StudioError(
        f"{type(model).__name__}: its config names no decoder_start_token_id, so its decoder cannot begin.",
        "Add it to config.json: T5's is its pad token, BART's its end-of-sequence token.",
    )
