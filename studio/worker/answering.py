"""Base and tuned model answering one prompt side by side, a token of each in turn, so that both columns move."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import PreTrainedModel

from studio.errors import StudioError
from studio.tokens.mask import encode_prompts, prompt_text
from studio.tokens.tokenizer import ModelFolder
from studio.worker import measure, model
from studio.worker.generate import Decoder, Ids, stop_ids_of

Reply = dict[str, Any]


class Models:
    """The models of the last request stay loaded: the next prompt to the same ones starts at once."""

    def __init__(self) -> None:
        torch.set_num_threads(measure.thread_counts()[0])
        self._loaded: tuple[str, ...] = ()
        self._arms: dict[str, Answerer] = {}

    def answer(self, request: Reply) -> Iterator[Reply]:
        """Pieces of both arms, interleaved, and for each arm a last reply with its figures. Raises StudioError."""
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
        streams = {arm: answerer.stream(folder, arm, ids, limit) for arm, answerer in self._arms.items()}
        while streams:
            for arm in list(streams):
                reply = next(streams[arm], None)
                if reply is None:
                    del streams[arm]
                else:
                    yield reply

    def _load(self, request: Reply) -> None:
        path, tuned, method = request["model_path"], request.get("tuned_path", ""), request.get("tuned_method", "lora")
        if self._loaded == (path, tuned, method):
            return
        self._loaded, self._arms = (), {}  # free the old models before the new ones are read
        is_trusted = bool(request.get("is_trusted"))
        # One row at a time moves weights, not numbers: float32 is never far behind, and often far ahead on a CPU.
        base = model.load_model(Path(path), "float32", is_trusted=is_trusted)
        if not tuned:
            self._arms = {"base": Answerer(base)}
        elif method == "full":
            self._arms = {"base": Answerer(base), "tuned": Answerer(model.load_model(Path(tuned), "float32"))}
        else:
            adapted = model.load_adapter(base, Path(tuned))
            self._arms = {"base": Answerer(base, without=adapted), "tuned": Answerer(base)}
        self._loaded = (path, tuned, method)


class Answerer:
    """One arm; ``without`` is the adapter that is switched off while it computes."""

    def __init__(self, answering: PreTrainedModel, without: PeftModel | None = None) -> None:
        self._model = answering
        self._without = without

    def stream(self, folder: ModelFolder, arm: str, ids: Ids, limit: int) -> Iterator[Reply]:
        tokens = Decoder(self._model, stop_ids_of(folder), limit).pieces(ids)
        said: Ids = []
        text, seconds = "", 0.0
        while True:
            started = time.perf_counter()
            with self._without.disable_adapter() if self._without else nullcontext():
                token = next(tokens, None)
            seconds += time.perf_counter() - started
            if token is None:
                break
            said.append(token)
            whole = folder.tokenizer.decode(said, skip_special_tokens=True)
            if whole.endswith("\ufffd"):  # a character in the middle of its bytes: the next token completes it
                yield {"arm": arm, "text": ""}
                continue
            yield {"arm": arm, "text": whole[len(text) :]}
            text = whole
        rate = len(said) / seconds if seconds else 0.0
        yield {"arm": arm, "done": True, "tokens": len(said), "tokens_per_second": rate, "prompt_tokens": len(ids)}
