"""Loading who answers: a base model, what a run made of it, or what it had made at a checkpoint."""

from __future__ import annotations

import gc
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from transformers import PreTrainedModel

from studio.errors import StudioError
from studio.files import make_private_folder, read_json_object, whole_folder, writing
from studio.runs.arms.answering import Answering
from studio.runs.resuming import SPEC_NAME
from studio.runs.specs import TrainSpec, spec_from
from studio.worker.compute.loading import load_model
from studio.worker.methods import work_of
from studio.worker.methods.method import trainable_parameters
from studio.worker.training.checkpoints import Checkpoint, put_weights


@dataclass
class Loaded:
    """At most one model in memory: ``use`` frees the one before, unless it is the one or what the next is made of."""

    dtype: str
    answering: Answering | None = None
    model: PreTrainedModel | None = None

    def use(self, answering: Answering) -> PreTrainedModel:
        """The model that answers. Raises StudioError for what cannot be loaded."""
        if self.answering == answering and self.model is not None:
            return self.model
        base = replace(answering, tuned_path="", tuned_method="")
        kept = self.model if self.answering == base else None
        self.answering, self.model = None, None
        if kept is None:
            gc.collect()
        work = work_of(answering.tuned_method) if answering.tuned_path else None
        if work is None or (work.needs_base and kept is None):
            kept = load_model(Path(answering.model_path), self.dtype, is_trusted=answering.is_trusted)
        elif not work.needs_base:
            kept = None
        self.model = kept if work is None else work.load(kept, Path(answering.tuned_path), self.dtype)
        self.answering = answering
        assert self.model is not None
        return self.model


def leading_in(answering: Answering) -> list[int]:
    """The ids that have to stand before every prompt. Raises StudioError where the adapter's config is damaged."""
    return work_of(answering.tuned_method).leading_in(Path(answering.tuned_path)) if answering.tuned_path else []


def restored(answering: Answering, folder: Path) -> Answering:
    """Who answers by a folder as a finished run leaves it: made in ``folder`` of a checkpoint, once.

    Raises StudioError where the checkpoint is damaged, or is of a model of another shape.
    """
    if not answering.is_checkpoint:
        return answering
    if not folder.exists():
        checkpoint = Checkpoint(Path(answering.tuned_path))
        spec = spec_from(read_json_object(checkpoint.path / SPEC_NAME))
        if not isinstance(spec, TrainSpec):
            raise StudioError(f"{checkpoint.path}: its spec is no training's.")
        work, base_path = work_of(spec.method), Path(answering.model_path)
        torch.manual_seed(spec.seed)
        base = load_model(base_path, "float32", is_trusted=answering.is_trusted)
        tuned = work.attach(base, replace(spec, model_path=answering.model_path))
        put_weights(trainable_parameters(tuned), checkpoint.weights())
        with writing(folder.parent):
            make_private_folder(folder.parent, exist_ok=True)
        with whole_folder(folder) as part:
            work.save(tuned, part, base_path)
    return replace(answering, tuned_path=str(folder), is_checkpoint=False)
