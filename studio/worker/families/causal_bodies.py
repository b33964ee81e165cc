"""How the rows of a micro-batch go through a decoder: padded, by transformers' modelling, or laid end to end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from transformers import DynamicCache

from studio.tokens.encoding import Encoded
from studio.worker.compute.llama_body import LlamaBody
from studio.worker.compute.prefix import KeysAndValues


@dataclass(frozen=True)
class MicroBatch:
    """Rows of one forward pass.

    ``ids``: int64 (rows, longest), padded on the right, or (tokens,), rows of ``lengths`` end to end. ``learned_at``:
    int64 (n,), flat positions whose next token is learned. ``targets``: int64 (n,), those tokens. ``tokens`` counts ids
    without padding.
    """

    ids: Tensor
    lengths: tuple[int, ...]
    learned_at: Tensor
    targets: Tensor
    tokens: int

    def to(self, device: torch.device) -> MicroBatch:
        ids, learned_at, targets = (of.to(device) for of in (self.ids, self.learned_at, self.targets))
        return MicroBatch(ids, self.lengths, learned_at, targets, self.tokens)


class Body(Protocol):
    """``pads``: rows of unlike length cost padding when they share a micro-batch."""

    pads: bool

    def collate(self, rows: Sequence[Encoded], skip: int = 0) -> MicroBatch:
        """One micro-batch. ``skip`` tokens at each row's start are left out, because a shared prefix stands for them:
        fewer than stand before any row's first learned token.
        """

    def hidden(self, micro_batch: MicroBatch, prefix: KeysAndValues) -> Tensor:
        """Hidden states, (all ids, d), of rows that stand behind ``prefix`` (empty: none)."""

    def keys_and_values(self, ids: Tensor) -> KeysAndValues:
        """What attention keeps of a prefix, ids int64 (1, n)."""


class PaddedBody:
    """Any decoder of transformers.

    No attention mask is needed: under causal attention no real token ever sees what stands to its right.
    """

    pads = True

    def __init__(self, decoder: nn.Module) -> None:
        self.decoder = decoder

    def collate(self, rows: Sequence[Encoded], skip: int = 0) -> MicroBatch:
        """See ``Body``."""
        longest = max(row.total_tokens for row in rows) - skip
        ids = torch.zeros((len(rows), longest), dtype=torch.int64)  # what stands in the padding is never looked at
        for number, row in enumerate(rows):
            ids[number, : row.total_tokens - skip] = torch.tensor(row.ids[skip:], dtype=torch.int64)
        return _micro_batch(ids, rows, skip, [number * longest for number in range(len(rows))])

    def inputs(self, micro_batch: MicroBatch, prefix: KeysAndValues) -> dict[str, Any]:
        """What the decoder, or the whole model, is called with."""
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

    def hidden(self, micro_batch: MicroBatch, prefix: KeysAndValues) -> Tensor:
        """See ``Body``."""
        states: Tensor = self.decoder(**self.inputs(micro_batch, prefix)).last_hidden_state
        return states.flatten(0, 1)

    def keys_and_values(self, ids: Tensor) -> KeysAndValues:
        """See ``Body``."""
        cache: Any = DynamicCache(config=self.decoder.config)  # type: ignore[arg-type]
        self.decoder(input_ids=ids, past_key_values=cache, use_cache=True)
        return [(layer.keys, layer.values) for layer in cache.layers]


class PackedBody:
    """A Llama-shaped decoder, see ``llama_body``."""

    pads = False

    def __init__(self, body: LlamaBody) -> None:
        self._body = body

    def collate(self, rows: Sequence[Encoded], skip: int = 0) -> MicroBatch:
        """See ``Body``."""
        starts = [0]
        for row in rows:
            starts.append(starts[-1] + row.total_tokens - skip)
        ids = torch.tensor([token for row in rows for token in row.ids[skip:]], dtype=torch.int64)
        return _micro_batch(ids, rows, skip, starts[:-1])

    def hidden(self, micro_batch: MicroBatch, prefix: KeysAndValues) -> Tensor:
        """See ``Body``."""
        return self._body.hidden(micro_batch.ids, micro_batch.lengths, prefix)

    def keys_and_values(self, ids: Tensor) -> KeysAndValues:
        """See ``Body``."""
        return self._body.keys_and_values(ids)


def _micro_batch(ids: Tensor, rows: Sequence[Encoded], skip: int, starts: Sequence[int]) -> MicroBatch:
    """``starts``: where in the flat ids each row's first token stands."""
    learned_at: list[int] = []
    targets: list[int] = []
    for row, start in zip(rows, starts, strict=True):
        before = start - skip - 1  # a token is learned where the one before it stands
        for begin, end in row.learned_spans:
            learned_at.extend(range(before + begin, before + end))
            targets.extend(row.ids[begin:end])
    lengths = tuple(row.total_tokens - skip for row in rows)
    return MicroBatch(ids, lengths, torch.tensor(learned_at), torch.tensor(targets), sum(lengths))
