"""Verbs that lead from a run back to its rows."""

from __future__ import annotations

from typing import Annotated

import typer

from studio.cli.common import Json, RunId, Verb, project_of, store_of, write_table
from studio.cli.printing import say, write_json, write_json_list, write_line

DEFAULT_LIMIT = 20


def losses(
    ctx: typer.Context,
    run: RunId,
    split: Annotated[str, typer.Option("--split", metavar="WHICH", help="Only train, or only validation.")] = "",
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", help="At most N, 0 for all.", show_default="20; all with --json")
    ] = -1,
    keep: Annotated[
        bool, typer.Option("--keep", help="Put all of them into the store: --where 'loss > 2', --sort loss:desc.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Which rows a fine-tune finds hardest, worst first: wrong labels are among them.

    A training row's loss is the one that the step had which last learned from it, a validation row's that of the
    newest evaluation; base is the loss under the untuned model, where that was measured.
    """
    from studio.acts.looking_back import keep_losses, row_losses, worst_rows
    from studio.reports.row_losses import losses_table
    from studio.runs.row_losses import as_json as row_as_json

    project = project_of(ctx)
    if keep:
        with store_of(project) as store:
            keep_losses(store, row_losses(project, run, split)[1])
    if as_json:
        _, rows = row_losses(project, run, split)
        write_json_list(row_as_json(row) for row in (rows[:limit] if limit > 0 else rows))
        return
    worst = worst_rows(project, run, split, DEFAULT_LIMIT if limit < 0 else limit)
    write_table(losses_table(worst.losses, worst.rows))
    say("studio show ROW shows one whole; ! on Runs opens them in Data")


def step(
    ctx: typer.Context,
    run: RunId,
    number: Annotated[int, typer.Argument(metavar="N", min=1, help="The step, counted from 1.")],
    as_json: Json = False,
) -> None:
    """Which rows a step of a fine-tune learned from, as behind a spike of its loss."""
    from studio.acts.looking_back import examples_of_step

    found = examples_of_step(project_of(ctx), run, number)
    if as_json:
        write_json({"step": number, "example_ids": found})
        return
    for example_id in found:
        write_line(str(example_id))


def diff(
    ctx: typer.Context,
    run: RunId,
    other: Annotated[str, typer.Argument(metavar="RUN", help="The run it is compared with, by id or name.")],
    as_json: Json = False,
) -> None:
    """What differs between two runs: their settings, and the rows that they learned from or were measured on."""
    from studio.acts.looking_back import run_differences
    from studio.reports.run_differences import difference_lines
    from studio.runs.differences import as_json as differences_as_json

    found = run_differences(project_of(ctx), run, other)
    if as_json:
        write_json(differences_as_json(found))
        return
    for line in difference_lines(found):
        write_line("".join(text for text, _ in line))


def samples(ctx: typer.Context, run: RunId, as_json: Json = False) -> None:
    """What the model answered to a few validation prompts at each evaluation, to see it change.

    studio train --set samples=3 asks for them.
    """
    from dataclasses import asdict

    from studio.acts.looking_back import sampled_by
    from studio.reports.samples import sample_lines

    found = sampled_by(project_of(ctx), run)
    if as_json:
        write_json([asdict(one) for one in found])
        return
    for line in sample_lines(found):
        write_line("".join(text for text, _ in line))


VERBS: tuple[Verb, ...] = (Verb("losses", losses),)
OF_A_RUN: tuple[Verb, ...] = (Verb("step", step), Verb("samples", samples), Verb("diff", diff))
