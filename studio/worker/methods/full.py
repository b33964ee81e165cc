"""Full fine-tuning: every weight learns, held in float32, or small updates are lost."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch
from torch import nn
from transformers import PreTrainedModel

from studio.files import read_json_object, write_whole
from studio.runs.specs import TrainSpec
from studio.tokens.tokenizer import ModelFolder
from studio.worker.compute import copied_weights
from studio.worker.compute.copied_weights import CopiedWeights
from studio.worker.compute.loading import load_model, stop_ids_of
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
    copy_tokenizer(base_folder, folder)
    _name_stops(ModelFolder(folder))


def _name_stops(model: ModelFolder) -> None:
    """Other programs go by generation_config.json alone: without the end-of-turn in it the model never stops there."""
    path = model.path / "generation_config.json"
    named = read_json_object(path) if path.exists() else {}
    write_whole(path, json.dumps({**named, "eos_token_id": sorted(stop_ids_of(model))}, indent=2) + "\n")


def copy_tokenizer(model: Path, folder: Path) -> None:
    """Into ``folder`` what makes one usable as a model beside its config and weights. Raises OSError."""
    for name in TOKENIZER_FILES:
        if (source := model / name).exists():
            shutil.copyfile(source, folder / name)


def load(base: PreTrainedModel | None, folder: Path, dtype: str) -> PreTrainedModel:
    """The saved model. Raises StudioError when the folder holds none."""
    return load_model(folder, dtype)


def speed_up(model: nn.Module, siblings: Siblings, dtype: torch.dtype) -> Products:
    """See ``copied_weights``; by autocast where there are no siblings."""
    return CopiedWeights(siblings) if dtype == copied_weights.DTYPE else Products()


METHOD = MethodWork(lambda dtype, spec: "float32", attach, save, load, needs_base=False, speed_up=speed_up)
