"""LoRA: a pair of thin matrices beside linear layers learns, the base model stays as it is (arXiv:2106.09685).

Its variants: rsLoRA scales the update by alpha / sqrt(r) (arXiv:2312.03732); DoRA learns its size apart from its
direction (arXiv:2402.09353); PiSSA and OLoRA start from the weights' own largest directions, not from zero
(arXiv:2404.02948, arXiv:2406.01775).
"""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model_state_dict
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from studio.errors import StudioError
from studio.runs.specs import ALL_LINEAR, TrainSpec
from studio.worker.compute import fused_lora
from studio.worker.compute.products import Products, Siblings
from studio.worker.families import family_in
from studio.worker.methods import adapters
from studio.worker.methods.method import MethodWork

# peft's names. The fast SVD of PiSSA takes seconds where the full one takes minutes; 16 iterations are what its authors
# count as equal.
STARTS: dict[str, Any] = {"default": True, "pissa": "pissa_niter_16", "olora": "olora"}

_INITIAL = "initial_adapter"


def attach(model: PreTrainedModel, spec: TrainSpec) -> PeftModel:
    """Freeze the model and put a LoRA adapter, float32, on the layers that ``lora_targets`` names.

    Raises StudioError where it names a layer that is not there.
    """
    config = LoraConfig(
        r=spec.lora_rank,
        lora_alpha=spec.lora_alpha,
        lora_dropout=spec.lora_dropout,
        target_modules=_targets(model, spec),
        use_rslora=spec.use_rslora,
        use_dora=spec.use_dora,
        init_lora_weights=STARTS[spec.lora_start],
        task_type=family_in(Path(spec.model_path)).peft_task,
    )
    tuned = adapters.adapted(model, config, spec.seed)
    if _changes_the_base(spec):
        # Such a start takes A0 B0 out of the base weights: what is saved has to give it back to be of use without it.
        initial = {name: tensor.detach().clone() for name, tensor in get_peft_model_state_dict(tuned).items()}
        object.__setattr__(tuned, _INITIAL, initial)
    return tuned


def _targets(model: PreTrainedModel, spec: TrainSpec) -> str | list[str]:
    if spec.lora_targets == (ALL_LINEAR,):
        return ALL_LINEAR
    head = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    linear = [
        name for name, module in model.named_modules() if isinstance(module, nn.Linear | Conv1D) and module is not head
    ]
    for target in spec.lora_targets:
        if not any(name == target or name.endswith(f".{target}") for name in linear):
            known = sorted({name.rpartition(".")[2] for name in linear})
            raise StudioError(
                f"lora_targets={target}: this model has no such linear layer.", f"It has: {', '.join(known)}."
            )
    return list(spec.lora_targets)


def _changes_the_base(spec: TrainSpec) -> bool:
    return spec.lora_start != "default"


def save(tuned: nn.Module, folder: Path, base_folder: Path) -> None:
    """An ordinary peft adapter for the original base model, whatever the start was.

    A start that took A0 B0 out of the base weights makes it one of twice the rank: A B - A0 B0.
    """
    initial: dict[str, Tensor] | None = getattr(tuned, _INITIAL, None)
    if initial is None:
        adapters.save(tuned, folder, base_folder)
    else:
        _save_for_the_original_base(tuned, initial, folder)


def _save_for_the_original_base(tuned: nn.Module, initial: dict[str, Tensor], folder: Path) -> None:
    assert isinstance(tuned, PeftModel)
    config = copy.deepcopy(tuned.peft_config["default"])
    with tempfile.TemporaryDirectory() as scratch:
        start = Path(scratch) / "start"
        start.mkdir()
        save_file(
            {name: tensor.detach().cpu().contiguous() for name, tensor in initial.items()},
            start / "adapter_model.safetensors",
        )
        tuned.save_pretrained(str(folder), path_initial_model_for_weight_conversion=str(start))
    tuned.peft_config["default"] = config  # peft has doubled its rank
    adapters.drop_model_card(folder)


def speed_up(model: nn.Module, siblings: Siblings, dtype: torch.dtype) -> Products:
    """See ``fused_lora``; by peft's own forward where that cannot be, or where the base is held in another dtype."""
    return fused_lora.fuse(model, siblings, dtype) or Products()


def _weights_dtype(dtype: str, spec: TrainSpec) -> str:
    """float32 where the start changes the base: rounded to bfloat16, what is left of it and A0 B0 are not the base."""
    return "float32" if _changes_the_base(spec) else dtype


METHOD = MethodWork(_weights_dtype, attach, save, adapters.load, needs_base=True, speed_up=speed_up)
