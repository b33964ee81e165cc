"""IA³: a scale learns for each key, value and inner feed-forward feature; the smallest adapter (arXiv:2205.05638)."""

from __future__ import annotations

from pathlib import Path

from peft import IA3Config, PeftModel
from peft.utils import TRANSFORMERS_MODELS_TO_IA3_TARGET_MODULES_MAPPING as LAYERS_OF
from transformers import PreTrainedModel

from studio.errors import StudioError
from studio.runs.specs import TrainSpec
from studio.worker.families import family_in
from studio.worker.methods import adapters
from studio.worker.methods.method import MethodWork


def attach(model: PreTrainedModel, spec: TrainSpec) -> PeftModel:
    """Freeze the model and scale the layers that peft names for its architecture, all scales 1 at the start.

    Raises StudioError for an architecture that peft does not name.
    """
    kind = str(model.config.model_type)
    if kind not in LAYERS_OF:
        raise StudioError(
            f"{spec.model_path}: peft does not know which layers of a {kind} model IA³ scales.",
            f"Use method=lora. It knows: {', '.join(sorted(LAYERS_OF))}.",
        )
    return adapters.adapted(model, IA3Config(task_type=family_in(Path(spec.model_path)).peft_task), spec.seed)


METHOD = MethodWork(lambda dtype, spec: dtype, attach, adapters.save, adapters.load, needs_base=True)
