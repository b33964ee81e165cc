"""Verbs that lead back to the data: rows to mend, training again with them mended, and what that brought so far."""

from __future__ import annotations

from typing import Annotated

import typer

from studio.cli.common import Json, RunId, Verb, project_of, store_of
from studio.cli.printing import say, write_json
from studio.reports.numbers import counted

WHICH = "broken, fixed, both, neither, disagreed or faulty of a comparison; worst of a fine-tune"


def send_back(
    ctx: typer.Context,
    run: RunId,
    which: Annotated[str, typer.Option("--which", metavar="LIST", help=WHICH, show_default="broken; worst")] = "",
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=0, help="At most N.", show_default="all; 20 of worst")
    ] = 0,
    as_json: Json = False,
) -> None:
    """Mark rows of a run to be mended, each with the reason as its note.

    B on Data shows them; studio rows --where "is_marked and contains(note, 'sent back: ')" lists them. One studio undo
    takes all of them back.
    """
    from studio.acts.sending_back import rows_worth_mending
    from studio.acts.sending_back import send_back as send_rows_back
    from studio.runs.directory import find_run
    from studio.runs.specs import CompareSpec, read_spec

    project = project_of(ctx)
    if not which:
        is_comparison = isinstance(read_spec(find_run(project.runs_path, run)), CompareSpec)
        which = "broken" if is_comparison else "worst"
    run_id, reasons = rows_worth_mending(project, run, which, limit)
    with store_of(project) as store:
        sent = send_rows_back(store, run_id, reasons)
    if as_json:
        write_json({"run_id": run_id, "reasons": reasons, "marked": sent.change.count, "gone": sent.gone})
        return
    gone = f" · {counted(sent.gone, 'row')} not in the store any more" if sent.gone else ""
    undo = " · studio undo takes it back" if sent.change.count else ""
    say(f"{counted(sent.change.count, 'row')} sent back of {counted(len(reasons), 'row')} {which}{gone}{undo}")


VERBS: tuple[Verb, ...] = (Verb("send-back", send_back),)
