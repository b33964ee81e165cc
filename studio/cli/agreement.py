"""The verb that says how far those who label agree."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from studio.cli.common import Json, Verb, project_of, store_of, write_table
from studio.cli.printing import say, write_json, write_line
from studio.cli.rows import Where
from studio.reports.numbers import counted, number


def agreement(
    ctx: typer.Context,
    where: Where = "",
    most: Annotated[int, typer.Option("--most", metavar="N", help="List so many rows without agreement.")] = 20,
    as_json: Json = False,
) -> None:
    """How far those who label agree: percent, Cohen's κ, Krippendorff's α; and the rows on which they do not.

    Everybody's own newest label of a row counts, also one that only confirms another's. :disagreements shows the rows
    in Data.
    """
    from studio.acts.agreeing import agreement_of
    from studio.reports.agreement import coefficient, disagreements_table, pairs_table

    with store_of(project_of(ctx)) as store:
        found = agreement_of(store, where)
    if as_json:
        write_json(asdict(found))
        return
    if found.rows:
        write_table(pairs_table(found.pairs))
        write_line(f"\nKrippendorff's α {coefficient(found.alpha_nominal)}, ordinal {coefficient(found.alpha_ordinal)}")
    if found.disagreed and most > 0:
        write_line("")
        shown = dict(list(found.disagreed.items())[:most])
        write_table(disagreements_table(shown, list(found.labelled)))
    if not found.rows:
        who = counted(len(found.labelled), "labeller")
        say(f"no row is labelled by two people yet ({who} so far): STUDIO_LABELLER says whose decision a label is")
        return
    people = f"{counted(found.rows, 'row')} labelled by two or more of {counted(len(found.labelled), 'labeller')}"
    say(f"{people} · no agreement on {number(len(found.disagreed))}")


VERBS = (Verb("agreement", agreement),)
