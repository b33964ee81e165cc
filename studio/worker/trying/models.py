"""The models of this machine that answer on Try: all of a question's in memory, so that their answers move together."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from studio.errors import StudioError
from studio.runs.arms.answering import Answering
from studio.tokens.encoding import encode_prompts, prompt_texts
from studio.tokens.tokenizer import ModelFolder
from studio.worker.answering import Loaded, leading_in, restored
from studio.worker.compute import measure
from studio.worker.compute.loading import stop_ids_of
from studio.worker.families import family_in
from studio.worker.families.family import Decoder, TokenIds
from studio.worker.families.sampling import chosen_by

Reply = dict[str, Any]

REPLACEMENT_CHARACTER = "\ufffd"


@dataclass(frozen=True)
class Ready:
    """A model that can answer, and what has to stand before a prompt to it."""

    decoder: Decoder
    leading: TokenIds


class Models:
    """Who answered last stays loaded. Arms that differ in their prompts only share a model."""

    def __init__(self) -> None:
        self._dtype = ""
        self._ready: dict[Answering, Ready] = {}

    def load(self, asked: Sequence[Reply], dtype: str) -> None:
        """Have the models of these arms in memory, and no others. Raises StudioError for what cannot be loaded."""
        wanted = {Answering(**one["answering"]) for one in asked}
        if dtype != self._dtype:
            self._ready, self._dtype = {}, dtype
        # Free what is not asked before anything new is read.
        self._ready = {who: ready for who, ready in self._ready.items() if who in wanted}
        for who in wanted - self._ready.keys():
            self._ready[who] = _ready(who, dtype)

    def stream(self, request: Reply, one: Reply, count: int) -> Iterator[Reply]:
        """One arm's answer piece by piece, on its share of the cores among ``count``; at its end a reply with figures.

        Raises StudioError for a prompt that the window cannot hold.
        """
        torch.set_num_threads(max(1, measure.thread_counts()[0] // count))
        who = Answering(**one["answering"])
        ready = self._ready[who]
        folder, limit = ModelFolder(Path(who.model_path)), int(request["max_new_tokens"])
        ids = ready.leading + encode_prompts(folder, prompt_texts(folder, [one["messages"]]))[0]
        if not folder.window.holds(len(ids), limit):
            raise StudioError(
                f"the prompt has {len(ids)} tokens; with {limit} for the answer that is over {folder.window.words}.",
                "Shorten the prompt, or choose a smaller max_new_tokens.",
            )
        yield from self._pieces(folder, ready.decoder, ids, request)

    def _pieces(
        self, folder: ModelFolder, decoder: Decoder, ids: TokenIds, request: Mapping[str, Any]
    ) -> Iterator[Reply]:
        choose = chosen_by(float(request["temperature"]), float(request["top_p"]), int(request["seed"]))
        limit = int(request["max_new_tokens"])
        said: TokenIds = []
        text, first, started = "", None, time.perf_counter()
        for token in decoder.pieces(ids, choose, limit):
            first = first or time.perf_counter()
            said.append(token)
            whole = folder.tokenizer.decode(said, skip_special_tokens=True)
            if not whole.endswith(REPLACEMENT_CHARACTER):  # else in the middle of a character: the next completes it
                yield {"text": whole[len(text) :]}
                text = whole
        yield {
            "done": True,
            "tokens": len(said),
            "tokens_per_second": len(said) / (time.perf_counter() - started),
            "prompt_tokens": len(ids),
            "dtype": self._dtype,
            "ttft_seconds": first and first - started,
            "stop_reason": "length" if len(said) >= limit else "stop",
            "cost": None,
        }


def _ready(who: Answering, dtype: str) -> Ready:
    folder = ModelFolder(Path(who.model_path))
    with tempfile.TemporaryDirectory(prefix="studio-try-") as scratch:  # for what is made of a checkpoint
        whole = restored(who, Path(scratch) / "result")
        model = Loaded(dtype).use(whole)
        return Ready(family_in(folder.path).decoder(model, stop_ids_of(folder), 0), leading_in(whole))
