"""What the verbs share: what a verb is, which project it works on, the options that several have."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from studio.cli.ending import INTERRUPTED
from studio.cli.help import help_text
from studio.cli.printing import say_error, write_line
from studio.errors import StudioError
from studio.project import Project

if TYPE_CHECKING:
    from studio.dataset.store import Store
    from studio.reports.table import Table
    from studio.runs.settings import Spec


@dataclass(frozen=True)
class Verb:
    """One verb: its name and the function whose parameters are its arguments and options.

    With ``children`` it is a group of verbs, and ``run`` is asked for nothing: its docstring is the group's help.
    """

    name: str
    run: Callable[..., None]
    children: tuple[Verb, ...] = ()


class VerbCommand(TyperCommand):
    """A verb whose help is the studio's own."""

    def get_help(self, ctx: Any) -> str:
        return help_text(self, ctx)


class VerbGroup(TyperGroup):
    """Turns a StudioError of any verb into two lines on stderr and its exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except StudioError as error:
            say_error(error)
            raise typer.Exit(error.exit_code) from error
        except KeyboardInterrupt as error:
            raise typer.Exit(INTERRUPTED) from error

    def get_help(self, ctx: Any) -> str:
        return help_text(self, ctx)

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.commands)  # as they are listed in the code, not by the alphabet


def project_of(ctx: typer.Context) -> Project:
    """The project that ``--project`` names, or the one here. Raises AskedWrongly where there is none."""
    return Project.find(ctx.find_root().obj)


@contextmanager
def store_of(project: Project) -> Iterator[Store]:
    """The project's store, open for the block, also while others have it open."""
    from studio.sharing.opening import open_store

    with open_store(project.store_path, project.settings().who) as store:
        yield store


Model = Annotated[
    str,
    typer.Option(
        "--model", metavar="MODEL", help="The model whose tokens are counted.", show_default="the project's base model"
    ),
]
RunId = Annotated[
    str, typer.Argument(metavar="RUN", help="A run's id, how only one begins, or its name; studio runs lists them.")
]
AsOf = Annotated[
    str,
    typer.Option("--as-of", metavar="WHEN", help="As it was: 2026-11-20 (its end), '2026-11-20 14:30', 3 hours ago."),
]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout, for scripts.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="One setting, as epochs=3; repeatable. --settings lists them all."),
]


def settings_option(spec: type[Spec]) -> Any:
    """The option ``--settings``: name, default and meaning of what ``--set`` takes, on stdout."""

    def list_settings(is_wanted: bool) -> None:
        if is_wanted:
            settings = spec.settings()
            names, defaults = max(map(len, settings)), max(len(default) for default, _ in settings.values())
            for name, (default, about) in settings.items():
                write_line(f"{name:<{names}}  {default:<{defaults}}  {about}")
            raise typer.Exit

    about = "List what --set takes, with defaults and meaning."
    return typer.Option("--settings", callback=list_settings, is_eager=True, help=about)


def write_table(table: Table) -> None:
    """A report's table on stdout, fitted to the terminal, its notes below."""
    for line in table.lines(shutil.get_terminal_size((120, 24)).columns):
        write_line(line)
