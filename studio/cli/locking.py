"""``studio lock`` and ``studio unlock``: the test set stays what it is, so that comparisons are on the same rows."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from studio.cli.common import Json, Verb, project_of, store_of
from studio.cli.printing import say, write_json, write_line


def lock(
    ctx: typer.Context,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for whoever looks back.")] = "",
    show: Annotated[bool, typer.Option("--show", help="Lock nothing: list every locking and unlocking.")] = False,
    as_json: Json = False,
) -> None:
    """Lock the test set: no edit, no relabel, no removal of its rows, and none comes into it.

    Later comparisons are then on the same rows. Splits of other rows may still be assigned.
    """
    from studio.reports.locks import lock_words

    with store_of(project_of(ctx)) as store:
        found = store.test_locks() if show else [store.lock_test_set(reason)]
    if as_json:
        write_json([asdict(one) | {"changed_at": one.changed_at.isoformat()} for one in found])
    elif show:
        for one in found:
            write_line(lock_words(one))
        if not found:
            say("the test set was never locked; studio lock does")
    else:
        say(f"{lock_words(found[0])} · saved")


def unlock(
    ctx: typer.Context,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; every later comparison shows it.")] = "",
) -> None:
    """Unlock the test set, for a reason that every later comparison shows."""
    from studio.reports.locks import lock_words

    with store_of(project_of(ctx)) as store:
        made = store.unlock_test_set(reason)
    say(f"{lock_words(made)} · saved · later comparisons say so")


VERBS: tuple[Verb, ...] = (Verb("lock", lock), Verb("unlock", unlock))
