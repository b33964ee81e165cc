"""Loading models: safetensors only, nothing that came with the weights is ever run."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors import SafetensorError
from torch import nn
from transformers import AutoModelForCausalLM, PretrainedConfig, PreTrainedModel
from transformers.utils import logging as transformers_logging

from studio.errors import StudioError
from studio.models.safety import refuse_unsafe
from studio.runs.specs import TrainSpec
from studio.tokens.tokenizer import ModelFolder

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
# What makes a folder usable as a model beside its config and weights.
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
    "generation_config.json",
)


def be_quiet() -> None:
    """Keep progress bars and advice for library users out of ``output.log``; errors still get there."""
    library: Any = transformers_logging
    library.set_verbosity_error()
    library.disable_progress_bar()
    logging.getLogger("peft").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="peft|transformers|torch")


def check_weights(path: Path) -> None:
    """Raise StudioError unless ``path`` holds a decoder-only model as safetensors that needs none of its own code."""
    config = ModelFolder(path).config
    refuse_unsafe(path, config)
    if config.get("is_encoder_decoder"):
        raise StudioError(f"{path}: encoder-decoder models are not supported yet.", "Choose a decoder-only model.")


def load_model(path: Path, dtype: str, *, is_trusted: bool = False) -> PreTrainedModel:
    """The causal LM of a folder with its weights in ``dtype``, in evaluation mode. Raises StudioError.

    ``is_trusted`` is the user's own opt-in for this very model: only then are pickles read and its code run.
    """
    be_quiet()
    if not is_trusted:
        check_weights(path)
    try:
        model: Any = AutoModelForCausalLM.from_pretrained(
            path,
            dtype=DTYPES[dtype],
            use_safetensors=None if is_trusted else True,
            local_files_only=True,
            trust_remote_code=is_trusted,
        )
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise StudioError(f"{path}: the model cannot be loaded: {error}") from error
    assert isinstance(model, PreTrainedModel)
    model.eval()  # type: ignore[no-untyped-call]
    return model


def add_adapter(model: PreTrainedModel, spec: TrainSpec) -> PeftModel:
    """Freeze the model and put a LoRA adapter, float32, on all its linear layers but the LM head."""
    config = LoraConfig(
        r=spec.lora_rank,
        lora_alpha=spec.lora_alpha,
        lora_dropout=spec.lora_dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    torch.manual_seed(spec.seed)  # the adapter's start is random
    adapted = get_peft_model(model, config)
    assert isinstance(adapted, PeftModel)
    return adapted


def load_adapter(model: PreTrainedModel, path: Path) -> PeftModel:
    """Put a trained adapter on the model. Raises StudioError when the folder holds none that fits."""
    if not (path / "adapter_model.safetensors").exists():
        raise StudioError(f"{path}: no adapter_model.safetensors here.", "The run saved no adapter; resume it.")
    try:
        adapted = PeftModel.from_pretrained(model, str(path), local_files_only=True)
    except (RuntimeError, ValueError, KeyError, SafetensorError) as error:
        raise StudioError(f"{path}: the adapter does not fit this base model: {error}") from error
    return adapted.eval()


def trainable_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """Name → parameter of everything that learns, in a stable order."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


def uses_dropout(model: nn.Module) -> bool:
    """Whether training draws random numbers in the forward pass."""
    if any(isinstance(module, nn.Dropout) and module.p > 0 for module in model.modules()):
        return True
    # Attention's own dropout is no module; every architecture names it in its config.
    settings = model.config.to_dict() if isinstance(model.config, PretrainedConfig) else {}
    names = [name for name in settings if "dropout" in name or name.endswith("pdrop")]
    return any(isinstance(settings[name], float) and settings[name] > 0 for name in names)
