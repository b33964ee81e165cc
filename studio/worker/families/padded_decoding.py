"""Prompts answered together by a model's own forward pass, padded on the left, behind a prefix computed once."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel

from studio.worker.families.family import Choose, TokenIds


@dataclass(frozen=True)
class PaddedReader:
    """See ``Reader``; right for every decoder-only model."""

    can_share_prefix: ClassVar[bool] = True

    model: PreTrainedModel

    @torch.inference_mode()
    def prefix(self, ids: TokenIds) -> DynamicCache:
        """See ``Reader``."""
        cache = DynamicCache(config=self.model.config)
        of_prefix = torch.tensor([ids], device=self.model.device)
        self.model(input_ids=of_prefix, past_key_values=cache, use_cache=True, logits_to_keep=1)
        return cache

    def batch(self, prompts: Sequence[TokenIds], length: int, prefix: DynamicCache | None, room: int) -> PaddedBatch:
        """See ``Reader``."""
        return PaddedBatch(self.model, prompts, length, prefix)


class PaddedBatch:
    """Prompts being answered together: their cache, mask and the tokens to feed next.

    Laid out as [shared prefix][padding][rest of the prompt][answer]; padding is masked and has no positions.
    """

    def __init__(
        self, model: PreTrainedModel, prompts: Sequence[TokenIds], length: int, prefix: DynamicCache | None
    ) -> None:
        self._model = model
        tails = [prompt[length:] for prompt in prompts]
        longest = max(map(len, tails))
        device = model.device
        self._ids = torch.zeros((len(tails), longest), dtype=torch.int64)
        self._mask = torch.ones((len(tails), length + longest), dtype=torch.int64)
        for row, tail in enumerate(tails):
            self._ids[row, longest - len(tail) :] = torch.tensor(tail)
            self._mask[row, length : length + longest - len(tail)] = 0
        self._ids, self._mask = self._ids.to(device), self._mask.to(device)
        self._positions = (self._mask.cumsum(dim=1) - 1).clamp_min(0)[:, length:]
        if prefix is None:
            self._cache = DynamicCache(config=model.config)
        else:
            self._cache = copy.deepcopy(prefix)
            self._cache.batch_repeat_interleave(len(tails))

    @torch.inference_mode()
    def next_tokens(self, choose: Choose) -> Tensor:
        """Feed what is waiting and return the next token of each row as ``choose`` takes it, int64 (rows,)."""
        logits = self._model(
            input_ids=self._ids,
            attention_mask=self._mask,
            position_ids=self._positions,
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits
        tokens: Tensor = choose(logits[:, -1].float())
        self._ids = tokens[:, None]
        self._positions = self._positions[:, -1:] + 1
        self._mask = torch.cat([self._mask, self._mask.new_ones((len(tokens), 1))], dim=1)
        return tokens

    @torch.inference_mode()
    def keep(self, places: list[int]) -> None:
        """Drop all rows but these."""
        kept = torch.tensor(places, dtype=torch.int64, device=self._ids.device)
        self._ids, self._mask, self._positions = self._ids[kept], self._mask[kept], self._positions[kept]
        if places:
            self._cache.batch_select_indices(kept)
