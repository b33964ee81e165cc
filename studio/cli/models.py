"""``studio models``: what is cached, and getting the embedded default."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from studio.cli.app import Verbs, app
from studio.cli.data import Json
from studio.cli.printing import progress_bar, say, write_json, write_line
from studio.reports.numbers import number, size

models = typer.Typer(cls=Verbs, help="Base models: what is here, and getting one.", no_args_is_help=True)
app.add_typer(models, name="models")


@models.command("list")
def list_verb(as_json: Json = False) -> None:
    """What is cached: size, context window, dtype, architecture."""
    from studio.models.catalogue import list_models

    listed = list_models()
    if as_json:
        write_json([asdict(model) for model in listed])
        return
    for model in listed:
        if model.is_cached:
            window = f"{number(model.context_window)} tokens" if model.context_window else "window unknown"
            write_line(
                f"{model.name:<28} {size(model.size_bytes):>9}  {window:>14}  {model.dtype:<9} {model.architecture}"
            )
        else:
            write_line(f"{model.name:<28} not here yet; studio models get {model.name}  ({model.about})")


@models.command("get")
def get_verb(name: Annotated[str, typer.Argument(help="A known name, or a Hugging Face id org/name.")]) -> None:
    """Fetch a model, verify it and convert it once."""
    from studio.models.fetching import get_model

    with progress_bar() as bar:
        task = bar.add_task(name, total=1.0)
        path = get_model(name, lambda part, message: bar.update(task, completed=part, description=message))
    say(f"{name} is ready")
    write_line(str(path))
