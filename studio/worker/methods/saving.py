"""The result of a run: a peft adapter, or a whole model folder that can be used wherever a model is named."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import cast

from torch import nn
from transformers import PreTrainedModel

from studio.runs.directory import RunDirectory
from studio.runs.specs import TrainSpec
from studio.worker.compute.loading import TOKENIZER_FILES
from studio.worker.training.checkpoints import whole_folder


def save_tuned(tuned: nn.Module, directory: RunDirectory, spec: TrainSpec) -> None:
    """Write ``adapter/`` or ``model/``, whole or not at all. Raises StudioError when it cannot be written."""
    saveable = cast(PreTrainedModel, tuned)  # a PeftModel saves in the same way
    if spec.method == "lora":
        with whole_folder(directory.adapter_path) as folder:
            saveable.save_pretrained(folder)
            (folder / "README.md").unlink(missing_ok=True)  # peft's empty model card
        return
    with whole_folder(directory.model_path) as folder:
        saveable.save_pretrained(folder)
        for name in TOKENIZER_FILES:
            if (source := Path(spec.model_path) / name).exists():
                shutil.copyfile(source, folder / name)
