"""``studio template``: the instruction templates there are, and applying one anew to the rows that it made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from studio.cli.common import Verb, project_of, store_of, write_table
from studio.cli.printing import say
from studio.reports.visible import visible
from studio.templates import READY, Template, several, template_named

if TYPE_CHECKING:
    from studio.reports.table import Table


def templates() -> None:
    """Instruction templates: how the columns of a file become prompts and completions."""


def list_templates(ctx: typer.Context) -> None:
    """The templates there are: yours of studio.toml, and the ready ones."""
    write_table(_table([*project_of(ctx).settings().templates.values(), *READY]))


def apply(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="As the rows' column template has it.")],
    template: Annotated[
        list[str] | None,
        typer.Option(
            "--template", metavar="TEMPLATE", help="The new text, or a name.", show_default="NAME, as it is now"
        ),
    ] = None,
    completion: Annotated[
        str, typer.Option("--completion-template", metavar="TEXT", help="The new text for completions.")
    ] = "",
) -> None:
    """Make all rows of a template anew, after it was changed.

    One undo step. Rows that somebody edited since stay as they are.
    """
    from studio.acts.templating import apply_template

    project = project_of(ctx)
    own = project.settings().templates
    asked = [template_named(one, own, completion, name) for one in template or [name]]
    with store_of(project) as store:
        say(visible(apply_template(store, name, several(asked)).words, single_line=True))


def _table(found: list[Template]) -> Table:
    from studio.reports.table import Cell, Column, Table

    rows = []
    for one in found:
        first = visible(one.prompts[0], single_line=True)
        rows.append([Cell(one.name), Cell(str(len(one.prompts))), Cell(one.about or first)])
    return Table([Column("name", is_left=True), Column("prompts"), Column("", is_left=True, most=100)], rows)


VERBS: tuple[Verb, ...] = (Verb("template", templates, (Verb("list", list_templates), Verb("apply", apply))),)
