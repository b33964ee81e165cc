"""The verb that checks the data."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from studio.cli.common import Json, Verb, project_of, store_of, write_table
from studio.cli.printing import progress_bar, say, write_json, write_line
from studio.errors import AskedWrongly

if TYPE_CHECKING:
    from collections.abc import Sequence

    from studio.dataset.checks.kept import Result
    from studio.dataset.checks.samples import Sample
    from studio.dataset.store import Store
    from studio.project import Project


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
            help="Exit with 1 for a finding this severe or worse that is not waived: error, warn or info.",
        ),
    ] = "",
    waive: Annotated[
        str, typer.Option("--waive", metavar="NAME", help="Let what this check finds now be; it blocks no run then.")
    ] = "",
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="With --waive: why it may stay.")] = "",
    unwaive: Annotated[
        str, typer.Option("--unwaive", metavar="NAME", help="Take a waiver back; the check counts again.")
    ] = "",
    fix: Annotated[
        str, typer.Option("--fix", metavar="NAME", help="Show what this check's fix would do; with --apply do it.")
    ] = "",
    apply: Annotated[bool, typer.Option("--apply", help="With --fix: do it, in one undo step.")] = False,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Show secrets and personal data whole in the samples of --json.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Look for rows that harm fine-tuning: duplicates, contradictions, leakage, secrets, cut answers and more.

    Rows labelled reject or skip are left out. Errors keep a run from starting until they are mended or waived. Findings
    are kept: the next check computes only what changed. docs/checks.md says what each check finds and why it matters.
    """
    from studio.acts.checking import found_at_least, run_checks, samples, severity_named
    from studio.reports.checks import check_table, checks_summary

    worst = severity_named(fail_on) if fail_on else None
    names = [name.strip() for name in only.split(",") if name.strip()]
    if reason and not waive:
        raise AskedWrongly("--reason says why a check is waived.", "Name the check too: --waive NAME --reason TEXT")
    if apply and not fix:
        raise AskedWrongly("--apply does what --fix shows.", "Name the check too: --fix NAME --apply")
    project = project_of(ctx)
    with store_of(project) as store:
        if fix:
            _fix(project, store, fix, does_it=apply)
            return
        if waive or unwaive:
            _waive(project, store, waive, unwaive, reason)
            return
        with progress_bar() as bar:
            task = bar.add_task("checking", total=None)
            results = run_checks(
                project, store, names, lambda done, total: bar.update(task, completed=done, total=total)
            )
        if as_json:
            write_json([_as_json(one, samples(store, one, is_whole=reveal)) for one in results])
    if not as_json:
        write_table(check_table(results))
        say(checks_summary(results))
    if worst and found_at_least(results, worst):
        raise typer.Exit(1)


def _waive(project: Project, store: Store, waive: str, unwaive: str, reason: str) -> None:
    from studio.acts import checking

    if waive and unwaive:
        raise AskedWrongly("--waive and --unwaive are two acts.", "Name one of them.")
    if waive:
        change = checking.waive(project, store, waive, reason)
        say(f"{change.summary}: {change.count:,} rows · saved · studio undo takes it back")
    else:
        say(f"{checking.take_waiver_back(store, unwaive).summary} · saved")


def _fix(project: Project, store: Store, name: str, *, does_it: bool) -> None:
    from studio.acts.fixing import apply_fix, preview_fix
    from studio.reports.checks import fix_lines

    preview = preview_fix(project, store, name)
    for line in fix_lines(preview.about, preview.count, preview.rewrites, preview.removed):
        write_line("".join(text for text, _ in line))
    if does_it:
        say(f"{apply_fix(store, preview).summary} · saved · studio undo takes it back")
    else:
        say(f"nothing was changed · studio check --fix {name} --apply does it")


def _as_json(one: Result, samples: Sequence[Sample]) -> dict[str, Any]:
    finding, waiver = one.finding, one.waiver
    return {
        "check": one.check.name,
        "severity": one.check.severity,
        "version": one.check.version,
        "lacking": list(one.lacking),
        "checked_at": one.checked_at.isoformat() if one.checked_at else None,
        "rows": one.count,
        "rows_before": one.count_before,
        "is_open": one.is_open,
        "waiver": {"reason": waiver.reason, "who": waiver.who, "at": waiver.at.isoformat()} if waiver else None,
        "sentence": finding.sentence if finding else None,
        "example_ids": finding.example_ids.tolist() if finding else [],
        "groups": [group.tolist() for group in finding.groups] if finding else [],
        "samples": [asdict(sample) for sample in samples],
    }


VERBS = (Verb("check", check),)
