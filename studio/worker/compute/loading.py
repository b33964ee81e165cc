"""Loading models: safetensors only, nothing that came with the weights is ever run."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import nn
from transformers import PretrainedConfig, PreTrainedModel
from transformers.utils import logging as transformers_logging

from studio.errors import StudioError
from studio.files import read_json_object
from studio.models.safety import refuse_unsafe
from studio.tokens.families import refuse_dtype
from studio.tokens.tokenizer import ModelFolder
from studio.worker.compute import devices
from studio.worker.compute.neftune import EmbeddingNoise
from studio.worker.compute.quantizing import quantization
from studio.worker.families import family_in
from studio.worker.memory import is_out_of_memory

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def be_quiet() -> None:
    """Keep progress bars and advice for library users out of ``output.log``; errors still get there."""
    library: Any = transformers_logging
    library.set_verbosity_error()
    library.disable_progress_bar()
    logging.getLogger("peft").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="peft|transformers|torch")


def load_model(path: Path, dtype: str, *, is_trusted: bool = False, quantize: str = "none") -> PreTrainedModel:
    """The model of a folder with its weights in ``dtype`` (a name of ``DTYPES``), in evaluation mode.

    Raises StudioError for what is not safe, not whole, of no known family, or cannot be computed in that dtype.

    ``is_trusted`` is the user's own opt-in for this very model: only then are pickles read and its code run.
    """
    be_quiet()
    refuse_dtype(ModelFolder(path), dtype)
    how = quantization(quantize, DTYPES[dtype])
    if not is_trusted:
        refuse_unsafe(path, ModelFolder(path).config)
    try:
        model = family_in(path).load(path, DTYPES[dtype], is_trusted, how)
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RuntimeError,
        MemoryError,
        SafetensorError,
    ) as error:
        if is_out_of_memory(error):
            raise StudioError(
                f"{path}: there is not enough memory to load the model in {dtype}.",
                "End other programs that hold memory, or choose a smaller base model.",
            ) from error
        said = next(iter(str(error).splitlines()), type(error).__name__)  # a config of wrong types fails in any way
        raise StudioError(f"{path}: the model cannot be loaded: {said}") from error
    model.eval()  # type: ignore[no-untyped-call]
    return model if how else model.to(devices.device())  # type: ignore[arg-type] # a quantized one is there already


def uses_dropout(model: nn.Module) -> bool:
    """Whether training draws random numbers in the forward pass: dropout, or noise on the embeddings."""
    if any(isinstance(module, nn.Dropout) and module.p > 0 for module in model.modules()):
        return True
    if any(isinstance(module, EmbeddingNoise) for module in model.modules()):
        return True
    # Attention's own dropout is no module; every architecture names it in its config.
    settings = model.config.to_dict() if isinstance(model.config, PretrainedConfig) else {}
    names = [name for name in settings if "dropout" in name or name.endswith("pdrop")]
    return any(isinstance(settings[name], float) and settings[name] > 0 for name in names)


def stop_ids_of(folder: ModelFolder) -> frozenset[int]:
    """Tokens that end an answer: the end-of-turn, and what the model itself names in generation_config.json."""
    path = folder.path / "generation_config.json"
    named = read_json_object(path).get("eos_token_id") if path.exists() else None
    extra = named if isinstance(named, list) else [named] if isinstance(named, int) else []
    return frozenset({folder.end_of_turn_id, *extra})
