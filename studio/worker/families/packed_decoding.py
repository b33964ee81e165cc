"""Prompts of a Llama-shaped model answered together: read without padding, their keys and values kept in one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from studio.worker.compute.llama_body import Attention, LlamaBody, places_of
from studio.worker.compute.prefix import KeysAndValues
from studio.worker.compute.products import Product
from studio.worker.compute.short_attention import attend
from studio.worker.families.family import Choose, TokenIds


@dataclass(frozen=True)
class PackedReader:
    """See ``Reader``; for what a ``LlamaBody`` fits, on a CPU. ``head`` makes logits of hidden states."""

    can_share_prefix: ClassVar[bool] = True

    body: LlamaBody
    head: Product

    @torch.inference_mode()
    def prefix(self, ids: TokenIds) -> KeysAndValues:
        """See ``Reader``."""
        return self.body.keys_and_values(torch.tensor([ids]))

    def batch(self, prompts: Sequence[TokenIds], length: int, prefix: KeysAndValues | None, room: int) -> PackedBatch:
        """See ``Reader``."""
        return PackedBatch(self.body, self.head, prompts, prefix or [], room)


class PackedBatch:
    """Rows behind a shared prefix (empty: none), with room for ``room`` more tokens each.

    Each row's keys and values stand from place 0 on, in (rows, groups, places, size) a layer, so that a step writes one
    place of each row and reads the rest as it lies.
    """

    def __init__(
        self, body: LlamaBody, head: Product, prompts: Sequence[TokenIds], prefix: KeysAndValues, room: int
    ) -> None:
        self._body, self._head, self._prefix = body, head, prefix
        self._skip = prefix[0][0].shape[-2] if prefix else 0
        self._waiting = [prompt[self._skip :] for prompt in prompts]  # read with the first step
        self._lengths = torch.tensor([len(prompt) for prompt in prompts])
        self._places = int(self._lengths.max()) + room
        self._keys: list[Tensor] = []
        self._values: list[Tensor] = []
        self._tokens = torch.empty(0, dtype=torch.int64)

    @torch.inference_mode()
    def next_tokens(self, choose: Choose) -> Tensor:
        """Feed what is waiting and return the next token of each row as ``choose`` takes it, int64 (rows,)."""
        hidden = self._read() if self._waiting else self._step()
        self._tokens = choose(self._head(hidden).float())
        return self._tokens

    @torch.inference_mode()
    def keep(self, places: list[int]) -> None:
        """Drop all rows but these."""
        kept = torch.tensor(places, dtype=torch.int64)
        self._tokens, self._lengths = self._tokens[kept], self._lengths[kept]
        if places:
            for number in range(len(self._keys)):
                self._keys[number] = self._keys[number][kept]
                self._values[number] = self._values[number][kept]

    def _read(self) -> Tensor:
        """Hidden states of each prompt's last token."""
        lengths = [len(tail) for tail in self._waiting]
        ids = torch.tensor([token for tail in self._waiting for token in tail], dtype=torch.int64)
        self._waiting = []
        hidden = self._body.run(ids, places_of(lengths, self._skip), self._attend_prompts(lengths))
        return hidden[torch.tensor(lengths).cumsum(0) - 1]

    def _attend_prompts(self, lengths: list[int]) -> Attention:
        def attend_all(number: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
            keys = key.new_zeros(len(lengths), key.shape[1], self._places, key.shape[2])
            values = torch.zeros_like(keys)  # what is not a number, even times 0, is none
            self._keys.append(keys)
            self._values.append(values)
            if self._prefix:
                keys[:, :, : self._skip], values[:, :, : self._skip] = self._prefix[number]
            mixed = []
            parts = zip(*(of.split_with_sizes(lengths) for of in (query, key, value)), strict=True)
            for row, (of_query, of_key, of_value) in enumerate(parts):
                end = self._skip + lengths[row]
                keys[row, :, self._skip : end] = of_key.transpose(0, 1)
                values[row, :, self._skip : end] = of_value.transpose(0, 1)
                seen, wanted = keys[row, :, :end].transpose(0, 1), values[row, :, :end].transpose(0, 1)
                mixed.append(attend(of_query, seen, wanted))
            return torch.cat(mixed)

        return attend_all

    def _step(self) -> Tensor:
        """Hidden states of each row's newest token, which stands at the row's length."""
        rows, lengths = torch.arange(len(self._tokens)), self._lengths
        end = int(lengths.max()) + 1
        is_even = bool((lengths == lengths[0]).all())
        mask = None if is_even else (torch.arange(end) <= lengths[:, None])[:, None, None]

        def attend_newest(number: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
            keys, values = self._keys[number], self._values[number]
            keys[rows, :, lengths] = key
            values[rows, :, lengths] = value
            groups, size = key.shape[1:]
            # The queries that share keys and values stand as so many queries of one head: nothing is repeated.
            shared = query.view(len(rows), groups, -1, size)
            mixed = nn.functional.scaled_dot_product_attention(
                shared, keys[:, :, :end], values[:, :, :end], attn_mask=mask
            )
            return mixed.reshape(len(rows), -1)

        hidden = self._body.run(self._tokens, lengths, attend_newest)
        self._lengths = lengths + 1
        return hidden
