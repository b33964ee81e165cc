"""``studio card``: the dataset card, written from facts in the store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from studio.cli.common import Verb, project_of, store_of
from studio.cli.printing import say, write_line
from studio.reports.visible import visible


def card(
    ctx: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="Made, as README.md.", show_default="standard output")
    ] = None,
    licence: Annotated[
        str, typer.Option("--licence", metavar="NAME", help="Under which the data may be used, as cc-by-4.0.")
    ] = "",
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
) -> None:
    """Write a dataset card in Markdown: counts, splits, labels, sources, lengths, who decided, what checks found."""
    from studio.acts.card import card_of, write_card

    project = project_of(ctx)
    with store_of(project) as store:
        text = card_of(project, store, licence)
    if file is None:
        write_line(text.rstrip("\n"))
        return
    write_card(file, text, may_replace=force)
    say(f"wrote {visible(str(file), single_line=True)}")


VERBS: tuple[Verb, ...] = (Verb("card", card),)
