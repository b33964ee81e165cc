"""The base model of a run: the one that its spec names, or else the project's; and which runs use a model."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from studio.errors import AskedWrongly
from studio.models.catalogue import cached_path
from studio.models.finding import resolve_model
from studio.project import Project
from studio.runs.directory import runs_in
from studio.runs.specs import CompareSpec, TrainSpec
from studio.runs.watch import RunWatch
from studio.tokens.families import refuse_dtype
from studio.tokens.tokenizer import ModelFolder

SpecT = TypeVar("SpecT", TrainSpec, CompareSpec)


def with_base_model(project: Project, spec: SpecT) -> tuple[SpecT, ModelFolder]:
    """The spec with its base model found, the project's own where it names none.

    Raises as ``resolve_model``; AskedWrongly where the model cannot be computed in the spec's dtype.
    """
    settings = project.settings()
    name = spec.base_model or settings.base_model
    folder, is_trusted = resolve_model(name, settings.trusted_models), name in settings.trusted_models
    refuse_dtype(folder, spec.dtype)
    return replace(spec, base_model=name, model_path=str(folder.path), is_trusted=is_trusted), folder


def runs_by_model(project: Project) -> dict[str, list[str]]:
    """By the name of a model the runs of this project that use it, newest first: train runs, and whatever is at work.

    A comparison that has ended needs its models no more.
    """
    found: dict[str, list[str]] = {}
    for directory in runs_in(project.runs_path):
        state = RunWatch(directory).poll()
        if isinstance(state.spec, TrainSpec) or (isinstance(state.spec, CompareSpec) and state.is_live):
            found.setdefault(state.spec.base_model, []).append(state.run_id)
    return found


def refuse_while_used(project: Project, name: str, *, is_forced: bool = False) -> None:
    """Raise AskedWrongly where runs of this project use the model; forced, only where one of them is at work."""
    runs = [RunWatch(directory).poll() for directory in runs_in(project.runs_path)]
    if live := [run.run_id for run in runs if run.is_live and _uses(run.spec, name)]:
        raise AskedWrongly(f"{name} is used by {live[0]}, which is at work.", f"studio stop {live[0]}")
    using = [run.run_id for run in runs if isinstance(run.spec, TrainSpec) and _uses(run.spec, name)]
    if using and not is_forced:
        raise AskedWrongly(
            f"{name} is the base model of {', '.join(using[:4])}{', …' if len(using) > 4 else ''}.",
            "--force deletes it; those runs can then be read, and not resumed, compared, tried or merged.",
        )


def _uses(spec: object, name: str) -> bool:
    return isinstance(spec, TrainSpec | CompareSpec) and (
        spec.base_model == name or spec.model_path == str(cached_path(name))
    )
