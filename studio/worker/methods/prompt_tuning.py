"""Prompt tuning: the embeddings of a few virtual tokens before every prompt learn (arXiv:2104.08691)."""

from __future__ import annotations

from pathlib import Path

import torch
from peft import PeftModel, PromptTuningConfig, PromptTuningInit
from torch import nn
from transformers import PreTrainedModel

from studio.errors import StudioError
from studio.files import read_json_object
from studio.runs.specs import TrainSpec
from studio.worker.compute.soft_prompt import put_in_front, virtual_ids
from studio.worker.families import family_in
from studio.worker.methods import adapters
from studio.worker.methods.method import MethodWork

# Section 3.2 of the paper: a start at the embeddings of common words. Byte-pair vocabularies have these first.
COMMON_WORDS = 5000


def attach(model: PreTrainedModel, spec: TrainSpec) -> PeftModel:
    """Freeze the model and give it virtual tokens, which start as words that ``seed`` chooses.

    Raises StudioError for a model whose layers use token ids for more than an embedding.
    """
    words = model.get_input_embeddings()
    config = PromptTuningConfig(
        task_type=family_in(Path(spec.model_path)).peft_task,
        num_virtual_tokens=spec.virtual_tokens,
        prompt_tuning_init=PromptTuningInit.RANDOM,
    )
    tuned = adapters.adapted(model, config, spec.seed)
    soft = _soft_prompt(tuned)
    with torch.no_grad():
        vocabulary = words.weight
        assert isinstance(vocabulary, torch.Tensor)
        chosen = torch.randint(min(COMMON_WORDS, len(vocabulary)), (spec.virtual_tokens,))
        soft.weight.copy_(vocabulary[chosen])
    put_in_front(model, soft)
    _try(model, spec)
    return tuned


def load(base: PreTrainedModel | None, folder: Path, dtype: str) -> PreTrainedModel:
    """The base model that knows the virtual tokens of the folder's adapter; prompts begin with ``leading_in(folder)``.

    Raises StudioError when the folder holds none that fits.
    """
    tuned = adapters.load_adapter(base, folder)
    assert base is not None
    put_in_front(base, _soft_prompt(tuned))
    return base


def leading_in(folder: Path) -> list[int]:
    """The virtual tokens of a trained adapter. Raises StudioError where its config is damaged."""
    count = read_json_object(folder / "adapter_config.json").get("num_virtual_tokens")
    if not isinstance(count, int):
        raise StudioError(f"{folder / 'adapter_config.json'}: no num_virtual_tokens.", "The run can be resumed.")
    return virtual_ids(count)


def _soft_prompt(tuned: PeftModel) -> nn.Embedding:
    soft = tuned.prompt_encoder["default"].embedding
    assert isinstance(soft, nn.Embedding)
    return soft


@torch.no_grad()
def _try(model: PreTrainedModel, spec: TrainSpec) -> None:
    try:
        model(input_ids=torch.tensor([[*virtual_ids(1), 0]], device=model.device))
    except (IndexError, RuntimeError) as error:
        raise StudioError(
            f"{spec.model_path}: a {type(model).__name__} cannot have virtual tokens: its layers look token ids up.",
            "Use method=lora or ia3.",
        ) from error


METHOD = MethodWork(lambda dtype, spec: dtype, attach, adapters.save, load, needs_base=True, leading_in=leading_in)
