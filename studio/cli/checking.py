"""The verb that checks the data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from studio.cli.common import Json, Verb, project_of, store_of, write_table
from studio.cli.printing import progress_bar, say, write_json
from studio.reports.numbers import counted, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from studio.acts.checking import Checked
    from studio.reports.table import Table


def check(
    ctx: typer.Context,
    only: Annotated[
        str, typer.Option("--only", metavar="NAMES", help="Checks, separated by commas.", show_default="all")
    ] = "",
    fail_on: Annotated[
        str,
        typer.Option(
            "--fail-on",
            metavar="SEVERITY",
            help="Exit with 1 for a finding this severe or worse: error, warning or info.",
        ),
    ] = "",
    as_json: Json = False,
) -> None:
    """Look for rows that harm fine-tuning: duplicates, contradictions, prompts that ask nothing.

    Rows labelled reject or skip are left out. docs/checks.md says what each check finds and why it matters.
    """
    from studio.acts.checking import found_at_least, run_checks, severity_named

    worst = severity_named(fail_on) if fail_on else None
    names = [name.strip() for name in only.split(",") if name.strip()]
    with store_of(project_of(ctx)) as store, progress_bar() as bar:
        task = bar.add_task("checking", total=None)
        checked = run_checks(store, names, lambda done, total: bar.update(task, completed=done, total=total))
    if as_json:
        write_json([_as_json(one) for one in checked])
    else:
        write_table(_table(checked))
        say(_summary(checked))
    if worst and found_at_least(checked, worst):
        raise typer.Exit(1)


def _table(checked: Sequence[Checked]) -> Table:
    from studio.reports.table import Cell, Column, Table

    rows = []
    for one in checked:
        said = " ".join(finding.sentence for finding in one.findings) or "nothing found"
        if one.lacking:
            said = f"not run: not every row has its {' and '.join(one.lacking)}"
        count = "–" if one.lacking else number(one.row_count)
        rows.append([Cell(one.check.name), Cell(one.check.severity), Cell(count), Cell(said)])
    columns = (Column("check", is_left=True), Column("severity", is_left=True), Column("rows"))
    return Table([*columns, Column("what was found", is_left=True)], rows)


def _summary(checked: Sequence[Checked]) -> str:
    found = sum(bool(one.findings) for one in checked)
    return f"{counted(len(checked), 'check')} · {number(found)} found something · docs/checks.md says why it matters"


def _as_json(one: Checked) -> dict[str, Any]:
    return {
        "check": one.check.name,
        "severity": one.check.severity,
        "version": one.check.version,
        "lacking": list(one.lacking),
        "rows": one.row_count,
        "findings": [
            {
                "sentence": finding.sentence,
                "example_ids": finding.example_ids.tolist(),
                "groups": [group.tolist() for group in finding.groups],
            }
            for finding in one.findings
        ],
    }


VERBS = (Verb("check", check),)
