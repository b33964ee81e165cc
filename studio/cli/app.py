"""The root command: which project, and every verb in the order of a day's work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

import studio
from studio.cli import (
    advising,
    agreement,
    card,
    checking,
    completion,
    controlling,
    data,
    demo,
    judge,
    judging,
    leaving,
    locking,
    looking_back,
    mending,
    models,
    naming,
    reporting,
    running,
    since,
    tasks,
    templates,
    versions,
    votes,
)
from studio.cli.common import Verb, VerbCommand, VerbGroup
from studio.project import Project

Folder = Annotated[Path | None, typer.Argument(metavar="FOLDER", help="The project.", show_default="the one here")]


def open_studio(ctx: typer.Context, directory: Folder = None) -> None:
    """Open the studio's screens."""
    from studio.tui.app import run

    run(Project(directory or ctx.find_root().obj))


VERBS: tuple[Verb, ...] = (
    Verb("open", open_studio),
    *demo.VERBS,
    *data.VERBS,
    *card.VERBS,
    *tasks.VERBS,
    *templates.VERBS,
    *checking.VERBS,
    *agreement.VERBS,
    *versions.VERBS,
    *locking.VERBS,
    *models.VERBS,
    *running.VERBS,
    *controlling.VERBS,
    *looking_back.VERBS,
    *naming.VERBS,
    *advising.VERBS,
    *judging.VERBS,
    *votes.VERBS,
    *judge.VERBS,
    *mending.VERBS,
    *since.VERBS,
    *reporting.VERBS,
    *leaving.VERBS,
    *completion.VERBS,
)


class RootGroup(VerbGroup):
    """The verbs in their order; Typer by itself lists groups of verbs last."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [verb.name for verb in VERBS]


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tune-studio {studio.__version__}")
        raise typer.Exit


def root(
    ctx: typer.Context,
    project: Annotated[
        Path,
        typer.Option(
            "--project", "-C", metavar="FOLDER", envvar="STUDIO_PROJECT", help="The project.", show_default="here"
        ),
    ] = Path(),
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Label prompt-completion pairs, check the window, fine-tune in the background, compare: in one terminal.

    Without a verb the studio opens on the project here. studio VERB --help says more of each verb.
    """
    ctx.obj = project
    if ctx.invoked_subcommand is None:
        open_studio(ctx, None)


def _app() -> typer.Typer:
    made = typer.Typer(
        cls=RootGroup,
        add_completion=False,
        no_args_is_help=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    made.callback(invoke_without_command=True)(root)
    for verb in VERBS:
        if verb.children:
            group = typer.Typer(cls=VerbGroup, help=verb.run.__doc__, no_args_is_help=True)
            for child in verb.children:
                group.command(child.name, cls=VerbCommand)(child.run)
            made.add_typer(group, name=verb.name)
        else:
            made.command(verb.name, cls=VerbCommand)(verb.run)
    return made


app = _app()
