"""Verbs that lead back to the data: rows to mend, training again with them mended, and what that brought so far."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from studio.cli.common import Json, RunId, Verb, project_of, store_of, write_table
from studio.cli.judging import write_comparison
from studio.cli.printing import say, write_json, write_line
from studio.cli.running import follow
from studio.errors import AskedWrongly, StudioError
from studio.project import Project
from studio.reports.numbers import counted
from studio.runs.directory import find_run, runs_in
from studio.runs.specs import CompareSpec, read_spec

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


def again(
    ctx: typer.Context,
    run: Annotated[
        str,
        typer.Argument(metavar="RUN", help="A comparison, whose tuned run is trained again, or a fine-tune."),
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Start nothing: say what changed since.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Show progress, then the comparison.")] = False,
    as_json: Json = False,
) -> None:
    """Train again with the rows as they are now, and compare with the run before.

    The newest comparison's run without RUN. The settings are those of the run before; both runs go on in the
    background, the comparison once the training has ended.
    """
    from studio.acts.again import changes_words, plan_again, start_again

    project = project_of(ctx)
    with store_of(project) as store:
        plan = plan_again(project, store, run or _newest_comparison(project))
        if not dry_run:
            started = start_again(project, store, plan)
    say(changes_words(plan))
    ids = {} if dry_run else asdict(started)
    if wait and not dry_run:
        for run_id in (started.train, started.compare):
            follow(find_run(project.runs_path, run_id), as_json=False)
        write_comparison(project, started.compare, as_json=as_json)
    elif as_json:
        counts = {name: len(getattr(plan.rows, name)) for name in ("edited", "added", "removed")}
        write_json({"before": plan.before.run_id, "arms": plan.compare.arms, "rows": counts, **ids})
    elif not dry_run:
        write_line(started.train)
        write_line(started.compare)
        say(f"{started.compare} waits for {started.train}; studio watch {started.compare}")


def comparisons(
    ctx: typer.Context,
    task: Annotated[str, typer.Option("--task", metavar="TASK", help="Only this task's scores.")] = "",
    by_task: Annotated[bool, typer.Option("--by-task", help="Every task's scores, a line each.")] = False,
    as_json: Json = False,
) -> None:
    """The history of comparisons, oldest first: what tuning brought from one to the next, with intervals."""
    from studio.acts.past import past_comparisons
    from studio.reports.history import history_json, history_table

    past = past_comparisons(project_of(ctx))
    if task and not any(task in one.scores.tasks for one in past):
        raise AskedWrongly(
            f"no comparison has the task {task!r}.", "Without --task all are shown, with --by-task each."
        )
    if as_json:
        write_json(history_json(past))
    elif past:
        write_table(history_table(past, task, by_task=by_task))
    else:
        say("no comparison has finished yet; studio compare starts one")


def _newest_comparison(project: Project) -> str:
    for directory in runs_in(project.runs_path):
        if isinstance(read_spec(directory), CompareSpec):
            return directory.run_id
    raise StudioError(
        "There is no comparison yet.", "Name a fine-tune (studio runs lists them), or start one: studio train."
    )


VERBS: tuple[Verb, ...] = (Verb("send-back", send_back), Verb("again", again), Verb("comparisons", comparisons))
