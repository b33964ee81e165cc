"""The verb over blind votes: how they stand, and the votes as preference pairs."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from studio.cli.common import Json, Verb, project_of, write_table
from studio.cli.printing import say, write_json
from studio.errors import StudioError
from studio.reports.numbers import counted


def votes(
    ctx: typer.Context,
    run: Annotated[str, typer.Argument(metavar="RUN", help="A comparison's id, how only one begins, or its name.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write them as preference pairs: prompt, chosen, rejected."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
    as_json: Json = False,
) -> None:
    """What blind votes on a comparison's answers came to (v on Compare casts them).

    Strengths are those of Bradley and Terry's model with Davidson's ties; the intervals are from resampled rows.
    """
    from studio.acts.voting import export_preferences, preferences, votes_of
    from studio.reports.votes import as_scored, votes_table
    from studio.scoring.votes import bradley_terry, self_agreement

    project = project_of(ctx)
    directory, cast = votes_of(project, run)
    if not cast:
        raise StudioError(f"{directory.run_id} has no votes yet.", "v on Compare (F5) casts them.")
    if output is not None:
        found = preferences(project, directory.run_id)
        export_preferences(found, output, may_replace=force)
        left_out = [
            counted(count, noun)
            for count, noun in ((found.ties, "tie"), (found.repeats, "repeat"), (found.lost, "lost answer"))
            if count
        ]
        without = f", without {', '.join(left_out)}" if left_out else ""
        say(f"wrote {counted(len(found.pairs), 'preference pair')} to {output}{without}")
    elif as_json:
        scored = as_scored(cast)
        ranking = asdict(bradley_terry(scored))
        for arm in ranking["arms"]:  # JSON knows no infinity: null is an end that the votes do not bound
            arm |= {end: arm[end] if math.isfinite(arm[end]) else None for end in ("low", "high")}
        facts = {"ranking": ranking, "self_agreement": asdict(self_agreement(scored))}
        write_json({"run_id": directory.run_id, **facts, "votes": [asdict(vote) for vote in cast]})
    else:
        write_table(votes_table(cast))


VERBS: tuple[Verb, ...] = (Verb("votes", votes),)
