"""Base and tuned model answering one prompt side by side, each in a lane of its own, so that both columns move."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from peft import PeftModel
from transformers import PreTrainedModel

from studio.errors import StudioError
from studio.tokens.encoding import encode_prompts, prompt_text
from studio.tokens.tokenizer import ModelFolder
from studio.worker.compute import loading, measure
from studio.worker.compute.decoding import Decoder, TokenIds, stop_ids_of
from studio.worker.compute.lanes import Lanes

Reply = dict[str, Any]

REPLACEMENT_CHARACTER = "\ufffd"


class Models:
    """The models of the last request stay loaded: the next prompt to the same ones starts at once."""

    def __init__(self) -> None:
        self._loaded: tuple[str, ...] = ()
        self._arms: dict[str, PreTrainedModel] = {}
        self._lanes = Lanes(2, measure.thread_counts()[0])

    def answer(self, request: Reply) -> Iterator[Reply]:
        """Pieces of both arms as they come, and for each arm a last reply with its figures. Raises StudioError."""
        self._load(request)
        folder = ModelFolder(Path(request["model_path"]))
        ids = encode_prompts(folder, [prompt_text(folder, request["prompt"], request.get("system", ""))])[0]
        limit = int(request.get("max_new_tokens") or 256)
        if len(ids) + limit > folder.context_window:
            raise StudioError(
                f"the prompt has {len(ids)} tokens; with {limit} for the answer that is over the context window "
                f"of {folder.context_window}.",
                "Shorten the prompt.",
            )
        decoders = {arm: Decoder(answering, stop_ids_of(folder), limit) for arm, answering in self._arms.items()}
        yield from self._lanes.merge(lambda arm: _stream(folder, arm, decoders[arm], ids), list(decoders))

    def _load(self, request: Reply) -> None:
        path, tuned, method = request["model_path"], request.get("tuned_path", ""), request.get("tuned_method", "lora")
        if self._loaded == (path, tuned, method):
            return
        self._loaded, self._arms = (), {}  # free the old models before the new ones are read
        is_trusted = bool(request.get("is_trusted"))
        # One row at a time moves weights, not numbers: float32 is never far behind, and often far ahead on a CPU.
        self._arms["base"] = loading.load_model(Path(path), "float32", is_trusted=is_trusted)
        if tuned and method == "full":
            self._arms["tuned"] = loading.load_model(Path(tuned), "float32")
        elif tuned:
            again = loading.load_model(Path(path), "float32", is_trusted=is_trusted)
            self._arms["tuned"] = merged(loading.load_adapter(again, Path(tuned)))
        self._loaded = (path, tuned, method)


def merged(adapted: PeftModel) -> PreTrainedModel:
    """The model with its adapter added into its weights: the same answers without the thin multiplies."""
    plain = adapted.merge_and_unload()
    assert isinstance(plain, PreTrainedModel)
    return plain


def _stream(folder: ModelFolder, arm: str, decoder: Decoder, ids: TokenIds) -> Iterator[Reply]:
    said: TokenIds = []
    text, started = "", time.perf_counter()
    for token in decoder.pieces(ids):
        said.append(token)
        whole = folder.tokenizer.decode(said, skip_special_tokens=True)
        if not whole.endswith(REPLACEMENT_CHARACTER):  # else in the middle of a character: the next token completes it
            yield {"arm": arm, "text": whole[len(text) :]}
            text = whole
    rate = len(said) / (time.perf_counter() - started)
    yield {"arm": arm, "done": True, "tokens": len(said), "tokens_per_second": rate, "prompt_tokens": len(ids)}
