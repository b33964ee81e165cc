"""Greedy decoding of encoder-decoder models: sources are encoded once, finished rows leave the batch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import DynamicCache, EncoderDecoderCache, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

from studio.errors import StudioError
from studio.worker.compute.lanes import Lanes
from studio.worker.families.family import Answer, TokenIds


@dataclass(frozen=True)
class EncoderDecoderDecoder:
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

        Prompts are sorted by length, so that little is padded, and answered ``batch_size`` at a time in each lane.
        """
        order = sorted(range(len(prompts)), key=lambda number: len(prompts[number]), reverse=True)
        count = lanes.count if lanes else 1
        size = max(1, min(batch_size, math.ceil(len(order) / count)))  # no lane stands idle beside a full one

        def answer(numbers: list[int]) -> Iterator[tuple[int, Answer]]:
            for row, found in self._batch([prompts[number] for number in numbers], is_cancelled):
                yield numbers[row], found

        batches = [order[start : start + size] for start in range(0, len(order), size)]
        yield from (lanes or Lanes(1, torch.get_num_threads())).merge(answer, batches)

    def alone(self, prompt: TokenIds, is_cancelled: Callable[[], bool] = lambda: False) -> Answer | None:
        """The answer to one prompt, with its latency; None when cancelled."""
        started = time.perf_counter()
        for _, answer in self._batch([prompt], is_cancelled):
            return Answer(answer.ids, answer.is_cut, time.perf_counter() - started)
        return None

    def pieces(self, prompt: TokenIds) -> Iterator[int]:
        """Token ids of one answer, one at a time, without the end-of-turn."""
        batch = _Batch(self.model, [prompt])
        for _ in range(self.max_new_tokens):
            token = int(batch.next_tokens()[0])
            if token in self.stop_ids:
                return
            yield token

    def _batch(self, prompts: Sequence[TokenIds], is_cancelled: Callable[[], bool]) -> Iterator[tuple[int, Answer]]:
        batch = _Batch(self.model, prompts)
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
                    yield row, Answer(said[row], is_cut=not is_end)
                else:
                    going_on.append(place)
            if len(going_on) < len(rows):
                batch.keep(going_on)
                rows = [rows[place] for place in going_on]


class _Batch:
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
    def next_tokens(self) -> Tensor:
        """Feed what is waiting and return the likeliest next token of each row, int64 (rows,)."""
        logits = self._model(
            encoder_outputs=BaseModelOutput(last_hidden_state=self._encoded),
            attention_mask=self._mask,
            decoder_input_ids=self._ids,
            past_key_values=self._cache,
            use_cache=True,
        ).logits
        tokens: Tensor = logits[:, -1].float().argmax(dim=-1)
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
