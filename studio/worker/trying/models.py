"""Base and tuned model answering one prompt side by side, each in a lane of its own, so that both columns move."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel

from studio.errors import StudioError
from studio.tokens.encoding import encode_prompts, prompt_text
from studio.tokens.tokenizer import ModelFolder
from studio.worker.compute import measure
from studio.worker.compute.lanes import Lanes
from studio.worker.compute.loading import load_model, stop_ids_of
from studio.worker.families import family_in
from studio.worker.families.family import Decoder, TokenIds
from studio.worker.methods import work_of

Reply = dict[str, Any]

REPLACEMENT_CHARACTER = "\ufffd"
USUAL_ANSWER_TOKENS = 256


class Models:
    """The models of the last request stay loaded: the next prompt to the same ones starts at once."""

    def __init__(self) -> None:
        self._loaded: tuple[str, ...] = ()
        self._arms: dict[str, PreTrainedModel] = {}
        self._decoders: dict[tuple[str, int], Decoder] = {}  # by arm and limit: making one lays out all weights anew
        self._leading: TokenIds = []  # what has to stand before a prompt to the tuned model
        self._lanes = Lanes(2, measure.thread_counts()[0])

    def answer(self, request: Reply) -> Iterator[Reply]:
        """Pieces of both arms as they come, and for each arm a last reply with its figures. Raises StudioError."""
        self._load(request)
        folder = ModelFolder(Path(request["model_path"]))
        ids = encode_prompts(folder, [prompt_text(folder, request["prompt"], request.get("system", ""))])[0]
        limit = int(request.get("max_new_tokens") or USUAL_ANSWER_TOKENS)
        asked = {arm: self._leading + ids if arm == "tuned" else ids for arm in self._arms}
        longest = max(map(len, asked.values()))
        if not folder.window.holds(longest, limit):
            raise StudioError(
                f"the prompt has {longest} tokens; with {limit} for the answer that is over {folder.window.words}.",
                "Shorten the prompt.",
            )
        decoders = {arm: self._decoder(arm, folder, limit) for arm in self._arms}
        dtype = str(request["dtype"])
        yield from self._lanes.merge(lambda arm: _stream(folder, arm, decoders[arm], asked[arm], dtype), list(decoders))

    def _decoder(self, arm: str, folder: ModelFolder, limit: int) -> Decoder:
        if (arm, limit) not in self._decoders:
            self._decoders = {(other, of): made for (other, of), made in self._decoders.items() if of == limit}
            stops = stop_ids_of(folder)
            self._decoders[arm, limit] = family_in(folder.path).decoder(self._arms[arm], stops, limit)
        return self._decoders[arm, limit]

    def _load(self, request: Reply) -> None:
        path, tuned, method = request["model_path"], request.get("tuned_path", ""), request.get("tuned_method", "")
        dtype, is_trusted = str(request["dtype"]), bool(request.get("is_trusted"))
        if self._loaded == (path, tuned, method, dtype):
            return
        # Free the old models before the new ones are read.
        self._loaded, self._arms, self._decoders, self._leading = (), {}, {}, []
        self._arms["base"] = load_model(Path(path), dtype, is_trusted=is_trusted)
        if tuned:
            work = work_of(method)
            # A second copy of the base model, for the method may change it and both are to answer at once.
            again = load_model(Path(path), dtype, is_trusted=is_trusted) if work.needs_base else None
            self._arms["tuned"] = work.load(again, Path(tuned), dtype)
            self._leading = work.leading_in(Path(tuned))
        self._loaded = (path, tuned, method, dtype)


def _stream(folder: ModelFolder, arm: str, decoder: Decoder, ids: TokenIds, dtype: str) -> Iterator[Reply]:
    said: TokenIds = []
    text, started = "", time.perf_counter()
    for token in decoder.pieces(ids):
        said.append(token)
        whole = folder.tokenizer.decode(said, skip_special_tokens=True)
        if not whole.endswith(REPLACEMENT_CHARACTER):  # else in the middle of a character: the next token completes it
            yield {"arm": arm, "text": whole[len(text) :]}
            text = whole
    rate = len(said) / (time.perf_counter() - started)
    figures = {"tokens": len(said), "tokens_per_second": rate, "prompt_tokens": len(ids), "dtype": dtype}
    yield {"arm": arm, "done": True, **figures}
