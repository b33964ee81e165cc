"""The root command: which project, which verb, and the one place where verbs' errors are caught."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import studio
from studio.cli.printing import say_error
from studio.errors import StudioError
from studio.project import Project


class Verbs(TyperGroup):
    """Turns a StudioError of any verb into two lines on stderr and its exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except StudioError as error:
            say_error(error)
            raise typer.Exit(error.exit_code) from error

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.commands)  # in the order of a day's work, not of the alphabet


app = typer.Typer(
    cls=Verbs,
    add_completion=False,
    no_args_is_help=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def project_of(ctx: typer.Context) -> Project:
    """The project that ``--project`` names, or the one here. Raises AskedWrongly where there is none."""
    return Project.find(ctx.find_root().obj)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tune-studio {studio.__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def root(
    ctx: typer.Context,
    project: Annotated[
        Path, typer.Option("--project", "-C", envvar="STUDIO_PROJECT", help="The project folder.", show_default="here")
    ] = Path(),
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Label prompt-completion pairs, check the window, fine-tune in the background, compare: in one terminal.

    Without a verb the studio opens on the project here.
    """
    ctx.obj = project
    if ctx.invoked_subcommand is None:
        open_studio(ctx, None)


@app.command("open")
def open_studio(
    ctx: typer.Context, directory: Annotated[Path | None, typer.Argument(help="The project folder.")] = None
) -> None:
    """Open the studio's screens."""
    from studio.tui.app import run

    run(Project(directory or ctx.find_root().obj))


# The verbs register themselves; their order here is the order of the help.
from studio.cli import data, checking, models, running, judging, demo  # noqa: E402, F401, I001
