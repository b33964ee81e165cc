"""Greedy decoding in batches: the prefix that all prompts share is computed once, finished rows leave the batch."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import DynamicCache, PreTrainedModel

from studio.worker.compute.lanes import Lanes
from studio.worker.compute.prefix import shared_prefix_length
from studio.worker.families.family import Answer, TokenIds


@dataclass(frozen=True)
class CausalDecoder:
    """A model ready to answer: what ends an answer, and how long one may be."""

    model: PreTrainedModel
    stop_ids: frozenset[int]
    max_new_tokens: int

    def answers(
        self,
        prompts: Sequence[TokenIds],
        batch_size: int,
        is_cancelled: Callable[[], bool] = lambda: False,
        lanes: Lanes | None = None,
    ) -> Iterator[tuple[int, Answer]]:
        """(number of the prompt, its answer) as they come; ends early when cancelled.

        Prompts are sorted by length and answered ``batch_size`` at a time in each lane; none may be empty.
        """
        shared = self._prefix(prompts) if len(prompts) > 1 else _Prefix(0, None)
        order = sorted(range(len(prompts)), key=lambda number: len(prompts[number]), reverse=True)
        count = lanes.count if lanes else 1
        size = min(batch_size, math.ceil(len(order) / count))  # no lane stands idle while another has all the rows

        def answer(numbers: list[int]) -> Iterator[tuple[int, Answer]]:
            for row, ids, is_cut in self._batch([prompts[number] for number in numbers], shared, is_cancelled):
                yield numbers[row], Answer(ids, is_cut)

        batches = [order[start : start + size] for start in range(0, len(order), max(size, 1))]
        yield from (lanes or Lanes(1, torch.get_num_threads())).merge(answer, batches)

    def alone(self, prompt: TokenIds, is_cancelled: Callable[[], bool] = lambda: False) -> Answer | None:
        """The answer to one prompt of which nothing was computed before, with its latency; None when cancelled."""
        started = time.perf_counter()
        for _, ids, is_cut in self._batch([prompt], _Prefix(0, None), is_cancelled):
            return Answer(ids, is_cut, time.perf_counter() - started)
        return None

    def pieces(self, prompt: TokenIds) -> Iterator[int]:
        """Token ids of one answer, one at a time, without the end-of-turn."""
        batch = _Batch(self.model, [prompt], _Prefix(0, None))
        for _ in range(self.max_new_tokens):
            token = int(batch.next_tokens()[0])
            if token in self.stop_ids:
                return
            yield token

    def _batch(
        self, prompts: Sequence[TokenIds], shared: _Prefix, is_cancelled: Callable[[], bool]
    ) -> Iterator[tuple[int, TokenIds, bool]]:
        batch = _Batch(self.model, prompts, shared)
        rows = list(range(len(prompts)))
        said: list[TokenIds] = [[] for _ in prompts]
        while rows and not is_cancelled():
            going_on: list[int] = []
            tokens = batch.next_tokens().tolist()
            for place, (row, token) in enumerate(zip(rows, tokens, strict=True)):
                is_end = token in self.stop_ids
                if not is_end:
                    said[row].append(token)
                if is_end or len(said[row]) >= self.max_new_tokens:
                    yield row, said[row], not is_end
                else:
                    going_on.append(place)
            if len(going_on) < len(rows):
                batch.keep(going_on)
                rows = [rows[place] for place in going_on]

    @torch.inference_mode()
    def _prefix(self, prompts: Sequence[TokenIds]) -> _Prefix:
        length = shared_prefix_length(prompts)
        if not length:
            return _Prefix(0, None)
        cache = DynamicCache(config=self.model.config)
        ids = torch.tensor([prompts[0][:length]], device=self.model.device)
        self.model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
        return _Prefix(length, cache)


@dataclass(frozen=True)
class _Prefix:
    length: int
    cache: DynamicCache | None


class _Batch:
    """Prompts being answered together: their cache, mask and the tokens to feed next.

    Laid out as [shared prefix][padding][rest of the prompt][answer]; padding is masked and has no positions.
    """

    def __init__(self, model: nn.Module, prompts: Sequence[TokenIds], shared: _Prefix) -> None:
        self._model = model
        tails = [prompt[shared.length :] for prompt in prompts]
        longest = max(map(len, tails))
        device = next(model.parameters()).device
        self._ids = torch.zeros((len(tails), longest), dtype=torch.int64)
        self._mask = torch.ones((len(tails), shared.length + longest), dtype=torch.int64)
        for row, tail in enumerate(tails):
            self._ids[row, longest - len(tail) :] = torch.tensor(tail)
            self._mask[row, shared.length : shared.length + longest - len(tail)] = 0
        self._ids, self._mask = self._ids.to(device), self._mask.to(device)
        self._positions = (self._mask.cumsum(dim=1) - 1).clamp_min(0)[:, shared.length :]
        if shared.cache is None:
            self._cache = DynamicCache(config=model.config)  # type: ignore[arg-type]
        else:
            self._cache = copy.deepcopy(shared.cache)
            self._cache.batch_repeat_interleave(len(tails))

    @torch.inference_mode()
    def next_tokens(self) -> Tensor:
        """Feed what is waiting and return the likeliest next token of each row, int64 (rows,)."""
        logits = self._model(
            input_ids=self._ids,
            attention_mask=self._mask,
            position_ids=self._positions,
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits
        tokens: Tensor = logits[:, -1].float().argmax(dim=-1)
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
