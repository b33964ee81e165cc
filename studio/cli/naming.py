"""``studio run``: what a person calls a run and says of it, and what it did."""

from __future__ import annotations

from typing import Annotated

import typer

from studio.cli import looking_back
from studio.cli.common import RunId, Verb, project_of
from studio.cli.printing import say


def run() -> None:
    """Give a run a name and a note, look back at what it did.

    Its id stays what it is. studio train starts a run, studio runs lists them.
    """


def rename(
    ctx: typer.Context,
    run: RunId,
    name: Annotated[str, typer.Argument(metavar="NAME", help='What to call it; "" takes its name away.')],
) -> None:
    """Give a run a name: it is listed by it, and found by it as by its id."""
    from studio.acts.naming import rename_run

    named = rename_run(project_of(ctx), run, name)
    name = " ".join(name.split())
    say(f"{named.run_id} is called {name} now" if name else f"{named.run_id} has no name now")


def note(
    ctx: typer.Context,
    run: RunId,
    text: Annotated[str, typer.Argument(metavar="TEXT", help='Replaces the note before; "" takes it away.')],
) -> None:
    """Keep a note with a run; studio runs and the Runs screen show it."""
    from studio.acts.naming import note_run

    noted = note_run(project_of(ctx), run, text)
    say(f"{noted.run_id} has its note" if text.strip() else f"{noted.run_id} has no note now")


VERBS: tuple[Verb, ...] = (
    Verb("run", run, children=(Verb("rename", rename), Verb("note", note), *looking_back.OF_A_RUN)),
)
