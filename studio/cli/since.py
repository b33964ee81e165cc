"""``studio since``: what has changed since a run, what training again costs, and doing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from studio.cli.common import Json, Verb, project_of, store_of
from studio.cli.printing import say, write_json, write_line
from studio.errors import AskedWrongly

if TYPE_CHECKING:
    from studio.acts.since import Since

MOST_SHOWN = 5


def since(
    ctx: typer.Context,
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="A fine-tune's id or name.", show_default="the newest")
    ] = "",
    train: Annotated[
        str,
        typer.Option(
            "--train", metavar="FROM", help="Train on the rows of now: from base, or continue where the run ended."
        ),
    ] = "",
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=0, help="Show the texts of at most N rows of a kind.")
    ] = MOST_SHOWN,
    as_json: Json = False,
) -> None:
    """What changed in the data since a fine-tune, and what training again would cost.

    With --train it is trained again with its settings, and compared with the run before on the same held-out rows.
    """
    from studio.acts.again import STARTS, plan_again, start_again
    from studio.acts.since import since_run
    from studio.reports.versions import diff_lines

    if train and train not in STARTS:
        raise AskedWrongly(f"--train {train}: no such way.", f"One of: {', '.join(STARTS)}.")
    project = project_of(ctx)
    with store_of(project) as store:
        found = since_run(project, store, run, limit)
        started = None
        if train:
            started = start_again(project, store, plan_again(project, store, found.run.run_id, train))
    ids = {"train": started.train, "compare": started.compare} if started else {}
    if as_json:
        write_json(_as_json(found) | ids)
        return
    edited = [(one.before, one.after) for one in found.changes.edited]
    for line in diff_lines(found.changes.diff, found.changes.added, found.changes.removed, edited):
        write_line("".join(text for text, _ in line))
    for line in _offer(found):
        write_line("".join(text for text, _ in line))
    if started:
        write_line(started.train)
        write_line(started.compare)
    elif found.again:
        say(f"studio since {found.run.run_id} --train base, or --train continue")


def _offer(found: Since) -> list[list[tuple[str, str]]]:
    from studio.acts.since import cost
    from studio.reports.since import offer_lines

    return offer_lines(found.run.run_id, cost(found.again) if found.again else "", _refusal(found))


def _refusal(found: Since) -> str:
    return f"{found.refusal.message} {found.refusal.hint}".strip() if found.refusal else ""


def _as_json(found: Since) -> dict[str, object]:
    from studio.acts.since import cost_facts
    from studio.reports.versions import diff_as_json

    edited = [(one.before, one.after) for one in found.changes.edited]
    return {
        "run_id": found.run.run_id,
        "version": found.version,
        "changes": diff_as_json(found.changes.diff, edited),
        "again": cost_facts(found.again) if found.again else None,
        "refusal": _refusal(found) or None,
    }


VERBS: tuple[Verb, ...] = (Verb("since", since),)
