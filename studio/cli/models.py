"""``studio models``: what is cached, and getting the embedded default."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from studio.cli.common import Json, Verb, write_table
from studio.cli.printing import progress_bar, say, write_json, write_line
from studio.reports.numbers import NOTHING, number, size

if TYPE_CHECKING:
    from studio.models.catalogue import ModelInfo
    from studio.reports.table import Table


def models() -> None:
    """Base models: what is here, and getting one."""


def list_verb(as_json: Json = False) -> None:
    """What is cached: size, context window, dtype, architecture."""
    from studio.models.catalogue import list_models

    listed = list_models()
    if as_json:
        write_json([asdict(model) for model in listed])
        return
    write_table(_models_table(listed))


def get_verb(
    name: Annotated[str, typer.Argument(metavar="MODEL", help="A known name, or a Hugging Face id org/name.")],
) -> None:
    """Fetch a model, verify it and convert it once."""
    from studio.models.fetching import get_model

    with progress_bar() as bar:
        task = bar.add_task(name, total=1.0)
        path = get_model(name, lambda part, message: bar.update(task, completed=part, description=message))
    say(f"{name} is ready")
    write_line(str(path))


def _models_table(listed: list[ModelInfo]) -> Table:
    from studio.models.catalogue import DAMAGED
    from studio.reports.table import SHORT_TITLES, Cell, Column, Table

    columns = [
        *[Column("model", is_left=True), Column("size"), Column("context window", short="context")],
        *[Column("dtype", is_left=True), Column("architecture", is_left=True)],
    ]
    rows = [
        [
            Cell(model.name),
            Cell(size(model.size_bytes) if model.is_cached else NOTHING),
            Cell(number(model.context_window)),
            Cell(model.dtype or NOTHING),
            Cell(model.architecture if model.is_cached else "not here yet"),
        ]
        for model in listed
    ]
    notes = [f"studio models get {model.name}: {model.about}" for model in listed if not model.is_cached]
    notes += [f"{model.name}: {model.about}" for model in listed if model.architecture == DAMAGED]
    return Table(columns, rows, cuts=(SHORT_TITLES, (3,)), notes=notes)


VERBS: tuple[Verb, ...] = (Verb("models", models, children=(Verb("list", list_verb), Verb("get", get_verb))),)
