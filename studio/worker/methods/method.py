"""What a method of tuning is to a run's process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from transformers import PreTrainedModel

from studio.runs.specs import TrainSpec
from studio.worker.compute.products import Products, Siblings


def _one_by_one(model: nn.Module, siblings: Siblings, dtype: torch.dtype) -> Products:
    return Products()


def _nothing_in_front(folder: Path) -> list[int]:
    return []


@dataclass(frozen=True)
class MethodWork:
    """``weights_dtype``: in which dtype the base model's weights are held where a run computes in the dtype given;
    where the two differ, products run under autocast.

    ``leading_in`` are the ids that have to stand before every prompt, by a folder that ``save`` has filled.

    ``attach`` makes of a base model the one that learns: what requires a gradient then is what is trained, kept in
    checkpoints and updated. ``save`` fills an empty folder with the result (base model's folder given); ``load`` makes
    the model that answers from such a folder in a dtype, on top of the base model if it ``needs_base``, which it may
    change. ``speed_up`` says how layers are multiplied, above all those that the family names as siblings, in a run
    that computes in the dtype given: fast where it can be, to equal results.
    """

    weights_dtype: Callable[[str, TrainSpec], str]
    attach: Callable[[PreTrainedModel, TrainSpec], nn.Module]
    save: Callable[[nn.Module, Path, Path], None]
    load: Callable[[PreTrainedModel | None, Path, str], PreTrainedModel]
    needs_base: bool
    speed_up: Callable[[nn.Module, Siblings, torch.dtype], Products] = _one_by_one
    leading_in: Callable[[Path], list[int]] = _nothing_in_front


def trainable_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """Name → parameter of everything that learns, in a stable order."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
