"""Beginning a run where an earlier one is: from what it has learned, or exactly where it stood.

The new run takes the weights that learned. Where it has the same rows and draws them alike, it goes on: the optimizer,
the random numbers and the order of the rows are carried over too, and with a constant learning rate two runs are one
longer run, number for number. On other rows the optimizer starts anew, as its averages are of gradients that no longer
come.
"""

from __future__ import annotations

from pathlib import Path

from studio.errors import AskedWrongly, StudioError
from studio.files import in_short, read_json_object
from studio.runs.directory import RunDirectory, find_run
from studio.runs.resuming import SPEC_NAME
from studio.runs.specs import TrainSpec, read_spec

# They decide which weights learn, and what they are added to.
SAME_WEIGHTS = (
    "method",
    "lora_rank",
    "lora_alpha",
    "lora_targets",
    "use_rslora",
    "use_dora",
    "lora_start",
    "virtual_tokens",
    "quantize",
)
# They decide which tokens a step learns from.
SAME_STEPS = (
    "objective",
    "batch_size",
    "max_length",
    "overlong",
    "seed",
    "mixture",
    "task_weights",
    "task_cap",
)


def checkpoint_of(runs_path: Path, reference: str) -> tuple[TrainSpec, RunDirectory, Path]:
    """The spec and directory of the run that ``RUN`` or ``RUN:STEP`` names, and the checkpoint to begin from.

    Without a step that is the best of the run, which is also its result, or else its newest. Raises AskedWrongly where
    there is no such run or checkpoint.
    """
    name, colon, step = reference.rpartition(":")
    is_of_step = bool(colon) and step.isdecimal()
    run = find_run(runs_path, name if is_of_step else reference)
    spec = read_spec(run)
    if not isinstance(spec, TrainSpec):
        raise AskedWrongly(f"{run.run_id} is a {spec.kind} run, not a train run.")
    checkpoints = {path.name.removeprefix("step-"): path for path in run.checkpoint_paths()}
    if not checkpoints:
        raise AskedWrongly(f"continue_from={reference}: {run.run_id} has no checkpoint to begin from.")
    if not is_of_step:
        newest = next(iter(checkpoints.values()))
        step = str(read_json_object(newest / "progress.json").get("best_step") or newest.name.removeprefix("step-"))
    if step not in checkpoints:
        raise AskedWrongly(
            f"continue_from={reference}: {run.run_id} has no checkpoint of step {step}.",
            f"It has those of {', '.join(checkpoints)}.",
        )
    return spec, run, checkpoints[step]


def refusal_to_continue(earlier: TrainSpec, spec: TrainSpec) -> StudioError | None:
    """Why ``spec`` cannot begin from what ``earlier`` has learned, or None."""
    fixed = ("model_path", *SAME_WEIGHTS, *(("seed",) if spec.lora_start != "default" else ()))
    for name in fixed:
        was, now = getattr(earlier, name), getattr(spec, name)
        if was != now:
            shown = "base_model" if name == "model_path" else name
            return AskedWrongly(
                f"{shown} is {in_short(_said(now))}, but {in_short(_said(was))} in the run that it would continue.",
                f"Set {shown}={_said(getattr(earlier, shown))}, or leave continue_from out.",
            )
    return None


def goes_on(checkpoint: Path, earlier_data: str, spec: TrainSpec, data: str) -> bool:
    """Whether a run of ``spec`` on the rows hashed ``data`` takes the very steps that would follow ``checkpoint``."""
    try:
        began = read_json_object(checkpoint / SPEC_NAME)
    except (FileNotFoundError, StudioError):  # an older studio's
        return False
    settings = {name: getattr(spec, name) for name in SAME_STEPS}
    alike = {name: list(now) if isinstance(now, tuple) else now for name, now in settings.items()}
    return earlier_data == data and all(name in began and began[name] == now for name, now in alike.items())


def _said(value: object) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)
