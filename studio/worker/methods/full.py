"""Full fine-tuning: every weight learns, held in float32, or small updates are lost."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from torch import nn
from transformers import PreTrainedModel

from studio.runs.specs import TrainSpec
from studio.worker.compute import copied_weights
from studio.worker.compute.copied_weights import CopiedWeights
from studio.worker.compute.loading import load_model
from studio.worker.compute.products import Products, Siblings
from studio.worker.methods.method import MethodWork

# What makes a folder usable as a model beside its config and weights.
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
    "generation_config.json",
)


def attach(model: PreTrainedModel, spec: TrainSpec) -> PreTrainedModel:
    """The model itself, all of it learning."""
    return model.requires_grad_(True)


def save(tuned: nn.Module, folder: Path, base_folder: Path) -> None:
    """A model folder that can be used wherever a model is named."""
    assert isinstance(tuned, PreTrainedModel)
    tuned.save_pretrained(folder)
    for name in TOKENIZER_FILES:
        if (source := base_folder / name).exists():
            shutil.copyfile(source, folder / name)


def load(base: PreTrainedModel | None, folder: Path, dtype: str) -> PreTrainedModel:
    """The saved model. Raises StudioError when the folder holds none."""
    return load_model(folder, dtype)


def speed_up(model: nn.Module, siblings: Siblings, dtype: torch.dtype) -> Products:
    """See ``copied_weights``; by autocast where there are no siblings."""
    return CopiedWeights(siblings) if dtype == copied_weights.DTYPE else Products()


METHOD = MethodWork(lambda dtype, spec: "float32", attach, save, load, needs_base=False, speed_up=speed_up)
