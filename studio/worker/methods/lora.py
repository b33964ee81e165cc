"""LoRA: a pair of thin matrices beside every linear layer learns, the base model stays as it is (arXiv:2106.09685)."""

from __future__ import annotations

from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors import SafetensorError
from torch import nn
from transformers import PreTrainedModel

from studio.errors import StudioError
from studio.runs.specs import TrainSpec
from studio.worker.compute import fused_lora
from studio.worker.compute.products import Products, Siblings
from studio.worker.families import family_in
from studio.worker.methods.method import MethodWork


def attach(model: PreTrainedModel, spec: TrainSpec) -> PeftModel:
    """Freeze the model and put a LoRA adapter, float32, on all its linear layers but the LM head."""
    config = LoraConfig(
        r=spec.lora_rank,
        lora_alpha=spec.lora_alpha,
        lora_dropout=spec.lora_dropout,
        target_modules="all-linear",
        task_type=family_in(Path(spec.model_path)).peft_task,
    )
    torch.manual_seed(spec.seed)  # the adapter's start is random
    adapted = get_peft_model(model, config)
    assert isinstance(adapted, PeftModel)
    return adapted


def save(tuned: nn.Module, folder: Path, base_folder: Path) -> None:
    """An ordinary peft adapter."""
    assert isinstance(tuned, PeftModel)
    tuned.save_pretrained(str(folder))
    (folder / "README.md").unlink(missing_ok=True)  # peft's empty model card


def load(base: PreTrainedModel | None, folder: Path, dtype: str) -> PreTrainedModel:
    """The base model with the adapter: in float32 added into its weights, which answers the same without thin products.

    In bfloat16 merging would round the update away, so the adapter stays beside. Raises StudioError when the folder
    holds none that fits.
    """
    if base is None:
        raise StudioError(f"{folder}: an adapter needs its base model.")
    adapted = load_adapter(base, folder)
    plain = adapted.merge_and_unload() if dtype == "float32" else adapted.get_base_model()
    assert isinstance(plain, PreTrainedModel)
    return plain


def load_adapter(model: PreTrainedModel, folder: Path) -> PeftModel:
    """Put a trained adapter on the model. Raises StudioError when the folder holds none that fits."""
    if not (folder / "adapter_model.safetensors").exists():
        raise StudioError(f"{folder}: no adapter_model.safetensors here.", "The run saved no adapter; resume it.")
    try:
        adapted = PeftModel.from_pretrained(model, str(folder), local_files_only=True)
    except (RuntimeError, ValueError, KeyError, SafetensorError) as error:
        raise StudioError(f"{folder}: the adapter does not fit this base model: {error}") from error
    return adapted.eval()


def speed_up(model: nn.Module, siblings: Siblings, dtype: torch.dtype) -> Products:
    """See ``fused_lora``; by peft's own forward where that cannot be."""
    return fused_lora.fuse(model, siblings) or Products()


METHOD = MethodWork(lambda dtype: dtype, attach, save, load, needs_base=True, speed_up=speed_up)
