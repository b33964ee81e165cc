"""``studio models``: what is here, getting the embedded default, adding one's own, taking one away."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from studio.cli.common import Json, Verb, write_table
from studio.cli.printing import progress_bar, say, write_json, write_line
from studio.project import Project
from studio.reports.numbers import NOTHING, number, size

if TYPE_CHECKING:
    from studio.models.catalogue import ModelInfo
    from studio.reports.table import Table


def models() -> None:
    """Base models: what is here; getting, adding and removing one."""


def list_verb(ctx: typer.Context, as_json: Json = False) -> None:
    """What is cached: size, context window, dtype, architecture, and how many runs here use it."""
    from studio.acts.base_model import runs_by_model
    from studio.models.catalogue import list_models

    listed, runs = list_models(), runs_by_model(Project(ctx.find_root().obj))
    if as_json:
        write_json([{**asdict(model), "runs": runs.get(model.name, [])} for model in listed])
        return
    write_table(_models_table(listed, {name: len(of) for name, of in runs.items()}))


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


def add_verb(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="A GGUF file, or a model's folder.")],
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="What it is called.", show_default="as the file")
    ] = "",
) -> None:
    """Put a GGUF file or a model's folder of yours among the models, under a name.

    A GGUF, quantised or not, is converted to float32 safetensors once; a folder is copied. What would run code of its
    own is refused, as everywhere.
    """
    from studio.models.adding import add_model

    with progress_bar() as bar:
        task = bar.add_task("starting", total=1.0)
        path = add_model(source, name, lambda part, what: bar.update(task, completed=part, description=what))
    say(f"{path.name} is ready: --set base_model={path.name}")
    write_line(str(path))


def rm_verb(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="MODEL", help="One that studio models list shows.")],
    force: Annotated[bool, typer.Option("--force", help="Also while runs of this project use it.")] = False,
) -> None:
    """Delete a model of the cache. Runs need theirs to be resumed, compared, tried or merged.

    Runs of other projects are not seen.
    """
    from studio.acts.base_model import refuse_while_used
    from studio.models.adding import remove_model

    refuse_while_used(Project(ctx.find_root().obj), name, is_forced=force)
    say(f"deleted {name}: {size(remove_model(name))}")


def _models_table(listed: list[ModelInfo], runs: dict[str, int]) -> Table:
    from studio.models.catalogue import DAMAGED
    from studio.reports.table import SHORT_TITLES, Cell, Column, Table

    columns = [
        *[Column("model", is_left=True), Column("size"), Column("context window", short="context")],
        *[Column("dtype", is_left=True), Column("architecture", is_left=True), Column("runs here", short="runs")],
    ]
    rows = [
        [
            Cell(model.name),
            Cell(size(model.size_bytes) if model.is_cached else NOTHING),
            Cell(number(model.context_window)),
            Cell(model.dtype or NOTHING),
            Cell(model.architecture if model.is_cached else "not here yet"),
            Cell(number(runs.get(model.name)) if model.name in runs else NOTHING),
        ]
        for model in listed
    ]
    notes = [f"studio models get {model.name}: {model.about}" for model in listed if not model.is_cached]
    notes += [f"{model.name}: {model.about}" for model in listed if model.architecture == DAMAGED]
    return Table(columns, rows, cuts=(SHORT_TITLES, (3,)), notes=notes)


VERBS: tuple[Verb, ...] = (
    Verb(
        "models",
        models,
        children=(Verb("list", list_verb), Verb("get", get_verb), Verb("add", add_verb), Verb("rm", rm_verb)),
    ),
)
