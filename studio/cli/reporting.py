"""The verb that writes a report of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from studio.cli.common import RunId, Verb, project_of
from studio.cli.printing import say
from studio.reports.document import endings


def report(
    ctx: typer.Context,
    run: RunId,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE", help=f"Ends in {endings()}.", show_default="RUN.html"),
    ] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
) -> None:
    """Write a report of a comparison or a fine-tune: one file with charts, settings, hashes and the commands.

    An HTML report holds its figures and styles, runs no script and fetches nothing; it is light or dark as the reader
    has it.
    """
    from studio.acts.reporting import check_target, report_of, write_report
    from studio.runs.directory import find_run

    project = project_of(ctx)
    directory = find_run(project.runs_path, run)
    path = output if output.name else Path(f"{directory.run_id}.html")
    check_target(path, may_replace=force)
    write_report(report_of(project, directory.run_id), path, may_replace=force)
    say(f"wrote {path}")


VERBS: tuple[Verb, ...] = (Verb("report", report),)
