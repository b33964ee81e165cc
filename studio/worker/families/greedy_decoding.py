"""Greedy decoding in batches: the prefix that all prompts share is computed once, finished rows leave the batch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor

from studio.worker.compute.lanes import Lanes
from studio.worker.compute.prefix import shared_prefix_length
from studio.worker.families.family import Answer, Choose, TokenIds
from studio.worker.families.sampling import likeliest


class Batch(Protocol):
    """Prompts that are being answered together."""

    def next_tokens(self, choose: Choose) -> Tensor:
        """The next token of each row as ``choose`` takes it, int64 (rows,); the rows go on with these."""

    def keep(self, places: list[int]) -> None:
        """Drop all rows but these."""


class Reader(Protocol):
    """How prompts go through a model. Where ``can_share_prefix`` is false, each is read whole."""

    can_share_prefix: ClassVar[bool]

    def prefix(self, ids: TokenIds) -> Any:
        """What is kept of a prefix that several prompts share."""

    def batch(self, prompts: Sequence[TokenIds], length: int, prefix: Any, room: int) -> Batch:
        """These prompts, whose first ``length`` tokens are ``prefix`` (0: None), with room for so many tokens each."""


@dataclass(frozen=True)
class GreedyDecoder:
    """A model ready to answer: what ends an answer, and how long one may be."""

    reader: Reader
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
        can_share = self.reader.can_share_prefix and len(prompts) > 1
        length = shared_prefix_length(prompts) if can_share else 0
        prefix = self.reader.prefix(prompts[0][:length]) if length else None
        order = sorted(range(len(prompts)), key=lambda number: len(prompts[number]), reverse=True)
        count = lanes.count if lanes else 1
        size = min(batch_size, math.ceil(len(order) / count))  # no lane stands idle while another has all the rows

        def answer(numbers: list[int]) -> Iterator[tuple[int, Answer]]:
            batch = self._batch([prompts[number] for number in numbers], length, prefix)
            for row, ids, is_cut in self._said(batch, len(numbers), is_cancelled):
                yield numbers[row], Answer(ids, is_cut)

        batches = [order[start : start + size] for start in range(0, len(order), max(size, 1))]
        yield from (lanes or Lanes(1, torch.get_num_threads())).merge(answer, batches)

    def alone(self, prompt: TokenIds, is_cancelled: Callable[[], bool] = lambda: False) -> Answer | None:
        """The answer to one prompt of which nothing was computed before, with its latency; None when cancelled."""
        started, first = time.perf_counter(), []
        for _, ids, is_cut in self._said(
            self._batch([prompt]), 1, is_cancelled, lambda: first.append(time.perf_counter())
        ):
            return Answer(ids, is_cut, time.perf_counter() - started, first[0] - started)
        return None

    def pieces(self, prompt: TokenIds, choose: Choose = likeliest, limit: int = 0) -> Iterator[int]:
        """Token ids of one answer, one at a time, without the end-of-turn; at most ``limit``, 0 for the decoder's."""
        most = limit or self.max_new_tokens
        batch = self.reader.batch([prompt], 0, None, most)
        for _ in range(most):
            token = int(batch.next_tokens(choose)[0])
            if token in self.stop_ids:
                return
            yield token

    def _batch(self, prompts: Sequence[TokenIds], length: int = 0, prefix: Any = None) -> Batch:
        return self.reader.batch(prompts, length, prefix, self.max_new_tokens)

    def _said(
        self,
        batch: Batch,
        count: int,
        is_cancelled: Callable[[], bool],
        on_step: Callable[[], object] = lambda: None,
    ) -> Iterator[tuple[int, TokenIds, bool]]:
        """(row, what it said, whether the limit ended it) as rows end; ``on_step`` after every step."""
        rows = list(range(count))
        said: list[TokenIds] = [[] for _ in rows]
        while rows and not is_cancelled():
            going_on: list[int] = []
            tokens = batch.next_tokens(likeliest).tolist()
            on_step()
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
