"""The base model of a run: the one that its spec names, or else the project's."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from studio.models.finding import resolve_model
from studio.project import Project
from studio.runs.specs import CompareSpec, TrainSpec
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
