"""Checkpoints: resumable state, whole or not there at all. Not the place to look for a model; that is ``adapter/``."""

from __future__ import annotations

import contextlib
import json
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from studio.files import whole_folder

AFTER_A_FAILED_WRITE = "Make room on the disk, then resume the run: it goes on from the checkpoint before."


@dataclass(frozen=True)
class Progress:
    """How far a run is: everything a resume needs beside tensors."""

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    data_hash: str = ""
    best_step: int | None = None
    best_eval_loss: float | None = None
    evaluated_step: int | None = None
    evaluations_without_gain: int = 0

    def advanced(self, **changes: Any) -> Progress:
        return replace(self, **changes)


@dataclass(frozen=True)
class Checkpoint:
    """One whole checkpoint on disk, ``checkpoints/step-N``."""

    path: Path

    @property
    def step(self) -> int:
        return int(self.path.name.removeprefix("step-"))

    def progress(self) -> Progress:
        return Progress(**json.loads((self.path / "progress.json").read_text(encoding="utf-8")))

    def weights(self) -> dict[str, Tensor]:
        return load_file(self.path / "weights.safetensors")

    def training_state(self) -> dict[str, Any]:
        """Optimizer and random number state."""
        state: dict[str, Any] = torch.load(self.path / "training.pt", weights_only=True)
        return state


def checkpoints_in(folder: Path) -> list[Checkpoint]:
    """Whole checkpoints, newest first."""
    found = [Checkpoint(path) for path in folder.glob("step-*") if (path / "progress.json").exists()]
    return sorted(found, key=lambda checkpoint: checkpoint.step, reverse=True)


def save_checkpoint(
    folder: Path, progress: Progress, weights: dict[str, Tensor], training_state: dict[str, Any]
) -> Checkpoint:
    """Write ``step-N`` beside and rename it, then drop all but the newest and the best. Raises StudioError."""
    final = folder / f"step-{progress.step}"
    with contextlib.suppress(OSError):  # where this fails, so does writing into it, which says why
        folder.mkdir(exist_ok=True)
    with whole_folder(final, AFTER_A_FAILED_WRITE) as part:
        save_file(
            {name: tensor.detach().contiguous() for name, tensor in weights.items()}, part / "weights.safetensors"
        )
        torch.save(training_state, part / "training.pt")
        (part / "progress.json").write_text(json.dumps(asdict(progress)), encoding="utf-8")
    for old in checkpoints_in(folder):
        if old.step not in (progress.step, progress.best_step):
            shutil.rmtree(old.path)
    return Checkpoint(final)
