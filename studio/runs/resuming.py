"""What must not change between two lives of a training, or the second would go on with something else."""

from __future__ import annotations

from pathlib import Path

from studio.errors import StudioError
from studio.files import in_short, read_json_object
from studio.runs.directory import RunDirectory
from studio.runs.fingerprint import refusal_of_changes
from studio.runs.specs import TrainSpec

SPEC_NAME = "spec.json"
# They decide what is learned, its shape, and which rows a step sees.
FIXED = (
    "base_model",
    "method",
    "objective",
    "lora_rank",
    "lora_alpha",
    "lora_targets",
    "use_rslora",
    "use_dora",
    "lora_start",
    "virtual_tokens",
    "quantize",
    "mixture",
    "task_weights",
    "task_cap",
    "early_stopping_on",
    "batch_size",
    "max_length",
    "max_target_length",
    "overlong",
    "seed",
)


def refusal_to_resume(directory: RunDirectory, spec: TrainSpec) -> StudioError | None:
    """Why ``spec`` cannot go on from the newest checkpoint that says by which spec it was made; None where it can.

    Nor where what the run began on has changed since.
    """
    paths = directory.checkpoint_paths()
    for path in paths:
        if (refusal := refusal_of_checkpoint(path, spec)) or (path / SPEC_NAME).exists():
            break
    else:
        refusal = None
    return refusal or (refusal_of_changes(directory, Path(spec.model_path)) if paths else None)


def refusal_of_checkpoint(path: Path, spec: TrainSpec) -> StudioError | None:
    """Why ``spec`` cannot go on from this one; None also where its own is torn, or missing as an older studio's."""
    try:
        began = read_json_object(path / SPEC_NAME)
    except (FileNotFoundError, StudioError):
        return None
    for name in FIXED:
        now = getattr(spec, name)
        now = list(now) if isinstance(now, tuple) else now  # as JSON gives it back
        if name in began and began[name] != now:
            return StudioError(
                f"{name} was {in_short(began[name])} when this run began, spec.json says {in_short(now)}.",
                "Put it back into spec.json, or start a new run.",
            )
    return None
