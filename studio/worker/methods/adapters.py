"""What all adapters share: an ordinary peft adapter in a folder, put beside its base model or added into it."""

from __future__ import annotations

from pathlib import Path

import torch
from peft import PeftConfig, PeftModel, get_peft_model
from safetensors import SafetensorError
from torch import nn
from transformers import PreTrainedModel

from studio.errors import StudioError


def adapted(model: PreTrainedModel, config: PeftConfig, seed: int) -> PeftModel:
    """Freeze the model and put an adapter on it, float32; where its start is random, ``seed`` decides it."""
    torch.manual_seed(seed)
    result = get_peft_model(model, config)
    assert isinstance(result, PeftModel)
    return result


def save(tuned: nn.Module, folder: Path, base_folder: Path) -> None:
    """An ordinary peft adapter."""
    assert isinstance(tuned, PeftModel)
    tuned.save_pretrained(str(folder))
    drop_model_card(folder)


def drop_model_card(folder: Path) -> None:
    """What peft writes beside an adapter is a form that nobody has filled in."""
    (folder / "README.md").unlink(missing_ok=True)


def load(base: PreTrainedModel | None, folder: Path, dtype: str) -> PreTrainedModel:
    """The base model with the adapter: in float32 added into its weights, which answers the same without thin products.

    In bfloat16 merging would round the update away, so the adapter stays beside. Raises StudioError when the folder
    holds none that fits.
    """
    tuned = load_adapter(base, folder)
    plain = tuned.merge_and_unload() if dtype == "float32" else tuned.get_base_model()
    assert isinstance(plain, PreTrainedModel)
    return plain


def load_adapter(base: PreTrainedModel | None, folder: Path) -> PeftModel:
    """Put a trained adapter on the model. Raises StudioError when the folder holds none that fits."""
    if base is None:
        raise StudioError(f"{folder}: an adapter needs its base model.")
    if not (folder / "adapter_model.safetensors").exists():
        raise StudioError(f"{folder}: no adapter_model.safetensors here.", "The run saved no adapter; resume it.")
    try:
        tuned = PeftModel.from_pretrained(base, str(folder), local_files_only=True)
    except (RuntimeError, ValueError, KeyError, SafetensorError) as error:
        raise StudioError(f"{folder}: the adapter does not fit this base model: {error}") from error
    return tuned.eval()
