"""Checkpoints: resumable state, whole or not there at all. Not the place to look for a model; that is ``adapter/``."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from studio.errors import StudioError
from studio.files import make_private_folder, read_json_object, whole_folder, writing
from studio.runs.directory import RunDirectory
from studio.runs.resuming import SPEC_NAME
from studio.runs.specs import TrainSpec

WEIGHTS, TRAINING, PROGRESS, SUMS = "weights.safetensors", "training.pt", "progress.json", "sha256"
FILES = (WEIGHTS, TRAINING, SPEC_NAME)
AFTER_A_FAILED_WRITE = "Make room on the disk, then resume the run: it goes on from the checkpoint before."


@dataclass(frozen=True)
class Progress:
    """How far a run is: everything a resume needs beside tensors.

    ``steps_before`` were taken by the run that it goes on from, in the same order of rows.
    """

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    data_hash: str = ""
    best_step: int | None = None
    best_eval_loss: float | None = None
    evaluated_step: int | None = None
    evaluations_without_gain: int = 0
    rollbacks: int = 0
    rate_scale: float = 1.0
    steps_before: int = 0

    def advanced(self, **changes: Any) -> Progress:
        return replace(self, **changes)


class DamagedCheckpoint(StudioError):
    """What a checkpoint holds is not what was written."""


@dataclass(frozen=True)
class State:
    """All that a checkpoint holds: progress, the weights that learn, optimizer and random number state."""

    progress: Progress
    weights: dict[str, Tensor]
    training: dict[str, Any]


@dataclass(frozen=True)
class Checkpoint:
    """One complete checkpoint on disk, ``checkpoints/step-N``."""

    path: Path

    @property
    def step(self) -> int:
        return int(self.path.name.removeprefix("step-"))

    def weights(self) -> dict[str, Tensor]:
        """The weights that learn. Raises DamagedCheckpoint."""
        self._progress()
        return load_file(self.path / WEIGHTS)

    def state(self) -> State:
        """Everything. Raises DamagedCheckpoint."""
        progress = self._progress()
        training: dict[str, Any] = torch.load(self.path / TRAINING, weights_only=True)
        return State(progress, load_file(self.path / WEIGHTS), training)

    def _progress(self) -> Progress:
        """The progress, once every file beside it is known to be the one that was written."""
        try:
            facts = read_json_object(self.path / PROGRESS)
            sums = facts.pop(SUMS, {})  # an older studio wrote none
            if sums and sums.get(PROGRESS) != _sum_of_facts(facts):
                raise self._damage(PROGRESS)
            for name in FILES:
                if name in sums and sums[name] != _sum_of_file(self.path / name):
                    raise self._damage(name)
            return Progress(**facts)
        except DamagedCheckpoint:
            raise
        except StudioError as error:
            raise DamagedCheckpoint(f"checkpoint {self.path.name}: {error.message}") from error
        except (OSError, TypeError, AttributeError) as error:
            raise DamagedCheckpoint(f"checkpoint {self.path.name} cannot be read: {error}") from error

    def _damage(self, name: str) -> DamagedCheckpoint:
        return DamagedCheckpoint(f"checkpoint {self.path.name} is damaged: {name} is not what was written")


def _sum_of_facts(facts: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _sum_of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@torch.no_grad()
def put_weights(parameters: Mapping[str, nn.Parameter], weights: Mapping[str, Tensor]) -> None:
    """Give the weights that learn the values of a checkpoint.

    Raises StudioError where they are another model's, as of a spec that was changed since.
    """
    for name, parameter in parameters.items():
        if name not in weights or weights[name].shape != parameter.shape:
            had = f"{tuple(weights[name].shape)}" if name in weights else "missing"
            raise StudioError(
                f"the checkpoint does not fit spec.json: {name} is {had} there, {tuple(parameter.shape)} here.",
                "Put the settings back that the run began with, or start a new run.",
            )
        parameter.copy_(weights[name])


def checkpoints_in(directory: RunDirectory) -> list[Checkpoint]:
    """Complete checkpoints, newest first."""
    return [Checkpoint(path) for path in directory.checkpoint_paths()]


def newest_whole(directory: RunDirectory) -> tuple[Checkpoint, State, list[str]] | None:
    """The newest checkpoint that is what was written, and what is wrong with newer ones; None where there is none yet.

    Raises StudioError where all are damaged: to begin anew would be another run.
    """
    damages: list[str] = []
    for checkpoint in checkpoints_in(directory):
        try:
            return checkpoint, checkpoint.state(), damages
        except DamagedCheckpoint as error:
            damages.append(error.message)
    if damages:
        raise StudioError(
            f"no checkpoint of this run is whole: {'; '.join(damages)}.",
            f"To begin it anew from step 0, delete {directory.checkpoints_path} and resume.",
        )
    return None


def newest_good(directory: RunDirectory, before: int) -> tuple[Checkpoint, State] | None:
    """The newest whole checkpoint of a step before ``before``; None where there is none."""
    for checkpoint in checkpoints_in(directory):
        if checkpoint.step < before:
            try:
                return checkpoint, checkpoint.state()
            except DamagedCheckpoint:
                continue
    return None


def forget_after(directory: RunDirectory, step: int) -> None:
    """Delete the checkpoints after ``step``: a run that went back behind them makes its own."""
    for checkpoint in checkpoints_in(directory):
        if checkpoint.step > step:
            shutil.rmtree(checkpoint.path)


def set_aside_after(directory: RunDirectory, step: int) -> None:
    """Rename the checkpoints after ``step``, which are damaged: they are neither used nor counted again."""
    for checkpoint in checkpoints_in(directory):
        if checkpoint.step > step:
            aside = checkpoint.path.with_name(f"damaged-{checkpoint.path.name}")
            with writing(aside):
                shutil.rmtree(aside, ignore_errors=True)
                checkpoint.path.rename(aside)


def save_checkpoint(
    directory: RunDirectory,
    progress: Progress,
    weights: Mapping[str, Tensor],
    training_state: dict[str, Any],
    spec: TrainSpec,
) -> Checkpoint:
    """Write ``step-N`` beside and rename it; with it stay the one before and the best. Raises StudioError.

    The one before stays because a disk can damage what was written whole.
    """
    final = directory.checkpoints_path / f"step-{progress.step}"
    with contextlib.suppress(OSError):  # where this fails, so does writing into it, which says why
        make_private_folder(directory.checkpoints_path, exist_ok=True)
    earlier = [checkpoint.step for checkpoint in checkpoints_in(directory) if checkpoint.step < progress.step]
    with whole_folder(final, AFTER_A_FAILED_WRITE) as part:
        save_file({name: tensor.detach().contiguous() for name, tensor in weights.items()}, part / WEIGHTS)
        torch.save(training_state, part / TRAINING)
        (part / SPEC_NAME).write_text(spec.to_json(), encoding="utf-8")
        facts = asdict(progress)
        sums = {PROGRESS: _sum_of_facts(facts), **{name: _sum_of_file(part / name) for name in FILES}}
        (part / PROGRESS).write_text(json.dumps({**facts, SUMS: sums}), encoding="utf-8")
    for old in checkpoints_in(directory):
        if old.step not in (progress.step, progress.best_step, *earlier[:1]):
            shutil.rmtree(old.path)
    return Checkpoint(final)
