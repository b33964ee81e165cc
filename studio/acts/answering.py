"""Who answers: finding the base model, the run, the checkpoint or the other model that an arm names."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from studio.acts.training import linked
from studio.endpoints.settings import Endpoint
from studio.errors import AskedWrongly, StudioError
from studio.files import make_private_folder, write_whole
from studio.models.finding import resolve_model
from studio.project import Project
from studio.runs.arms.answering import Answering
from studio.runs.arms.arm import Arm
from studio.runs.directory import RunDirectory, find_run, runs_in
from studio.runs.resuming import SPEC_NAME
from studio.runs.specs import CompareSpec, TrainSpec, read_spec
from studio.runs.watch import RunWatch


@dataclass(frozen=True)
class TunedRun:
    """A train run and what it was asked."""

    directory: RunDirectory
    spec: TrainSpec


def tuned_run_ids(project: Project) -> list[str]:
    """The train runs that can answer, newest first."""
    found = []
    for directory in runs_in(project.runs_path):
        spec = RunWatch(directory).spec
        if isinstance(spec, TrainSpec) and _tuned_folder(directory, spec).exists():
            found.append(directory.run_id)
    return found


def newest_tuned(project: Project) -> str:
    """The newest train run that can answer. Raises AskedWrongly when there is none."""
    for run_id in tuned_run_ids(project):
        return run_id
    raise AskedWrongly(
        "no run has made an adapter or a model yet.", "studio train --wait, or leave the arm 'tuned' out."
    )


def tuned_runs(project: Project, spec: CompareSpec) -> dict[str, TunedRun]:
    """By the name under which the spec knows it, every run that it names: its own (``run_id``) first.

    Raises AskedWrongly for one that is no train run.
    """
    named = [spec.run_id, *(arm.by.name for arm in spec.parsed_arms if arm.is_tuned)]
    return {name: train_run(project, name) for name in dict.fromkeys(filter(None, named))}


def train_run(project: Project, name: str) -> TunedRun:
    """The train run of that id or name. Raises AskedWrongly where there is none."""
    directory = find_run(project.runs_path, name)
    spec = read_spec(directory)
    if not isinstance(spec, TrainSpec):
        raise AskedWrongly(f"{directory.run_id} is a {spec.kind} run, not a train run.")
    return TunedRun(directory, spec)


def answering_by(project: Project, spec: CompareSpec, runs: Mapping[str, TunedRun]) -> dict[str, Answering]:
    """Who answers for each arm of a spec whose base model is found. Raises StudioError where one is not there."""
    return {arm.text: _answering(project, spec, arm, runs) for arm in spec.parsed_arms}


def _answering(project: Project, spec: CompareSpec, arm: Arm, runs: Mapping[str, TunedRun]) -> Answering:
    match arm.by.source:
        case "base":
            return Answering(spec.model_path, spec.is_trusted)
        case "model":
            return model_answering(project, arm.by.name)
        case "endpoint":
            return Answering(endpoint=endpoint_named(project, arm.by.name))
        case "tuned":
            run = runs[arm.by.name or spec.run_id]
            base = Answering(spec.model_path, spec.is_trusted)
            if run.spec.base_model != spec.base_model:
                base = model_answering(project, run.spec.base_model)
            if run.directory.run_id == spec.after:  # the comparison waits until it is there
                folder = _tuned_folder(run.directory, run.spec).resolve()
                return replace(base, tuned_path=str(folder), tuned_method=run.spec.method)
            return tuned_answering(base, run, arm.by.step)


def model_answering(project: Project, name: str) -> Answering:
    """A model as it is. Raises StudioError where it is not there or not safe."""
    trusted = project.settings().trusted_models
    return Answering(str(resolve_model(name, trusted).path), name in trusted)


def endpoint_named(project: Project, name: str) -> Endpoint:
    """The server of that name, whose key is set. Raises AskedWrongly where it is not."""
    known = project.settings().endpoints
    if name not in known:
        have = f"It has {', '.join(sorted(known))}." if known else f"Write [endpoints.{name}] with url and model."
        raise AskedWrongly(f"endpoint {name!r} is not in {project.settings_path.name}.", have)
    known[name].key()
    return known[name]


def tuned_answering(base: Answering, run: TunedRun, step: int) -> Answering:
    """What a run has made so far, or its checkpoint of ``step``. Raises StudioError while there is no such thing."""
    path = _checkpoint(run.directory, step) if step else tuned_path(run.directory, run.spec)
    return replace(base, tuned_path=str(path.resolve()), tuned_method=run.spec.method, is_checkpoint=bool(step))


def _checkpoint(run: RunDirectory, step: int) -> Path:
    steps = {int(path.name.removeprefix("step-")): path for path in run.checkpoint_paths()}
    if step not in steps:
        has = f"It has those of {', '.join(map(str, sorted(steps)))}." if steps else "It has none."
        raise AskedWrongly(f"{run.run_id} has no checkpoint of step {step}.", has)
    return steps[step]


def tuned_path(run: RunDirectory, spec: TrainSpec) -> Path:
    """Folder of what the run has made so far. Raises StudioError while there is nothing."""
    path = _tuned_folder(run, spec)
    if not path.exists():
        raise StudioError(
            f"{run.run_id} has made no {path.name} yet.", "Wait for it to finish, or stop it: that saves what it has."
        )
    return path


def _tuned_folder(run: RunDirectory, spec: TrainSpec) -> Path:
    return run.result_path(spec.how.leaves)


def with_own_checkpoints(directory: RunDirectory, answering: Mapping[str, Answering]) -> dict[str, Answering]:
    """Who answers, each checkpoint by a copy in ``directory``: a run that goes on deletes its own. Raises OSError."""
    found = {}
    for number, (text, who) in enumerate(answering.items()):
        if who.is_checkpoint:
            source, own = Path(who.tuned_path), directory.checkpoint_copy_path(number)
            make_private_folder(own.parent, exist_ok=True)
            shutil.copytree(source, own, copy_function=linked)
            if not (own / SPEC_NAME).exists():  # an older studio's: what the run was asked stands only beside it
                write_whole(own / SPEC_NAME, (source.parents[1] / "spec.json").read_text(encoding="utf-8"))
            who = replace(who, tuned_path=str(own))
        found[text] = who
    return found
