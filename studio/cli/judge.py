"""The verb that lets a model judge the answers of a comparison."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from studio.cli.common import Json, Verb, project_of
from studio.cli.printing import progress_bar, say, write_json, write_line
from studio.errors import AskedWrongly, StudioError
from studio.runs.settings import items_of

if TYPE_CHECKING:
    from studio.scoring.comparison import Comparison


def judge(
    ctx: typer.Context,
    run: Annotated[str, typer.Argument(metavar="RUN", help="A comparison's id, how only one begins, or its name.")],
    endpoint: Annotated[
        str, typer.Option("--endpoint", metavar="NAME", help="The judge: an [endpoints.NAME] of studio.toml.")
    ],
    arms: Annotated[
        str, typer.Option(metavar="ARMS", help="Two, with a comma.", show_default="the best tuned, the best other")
    ] = "",
    limit: Annotated[int, typer.Option(metavar="N", help="At most this many rows.", show_default="all")] = 0,
    as_json: Json = False,
) -> None:
    """Let a model judge two arms' answers, in both orders, and say how far it agrees with the votes of people.

    Prompts, references and answers of the comparison are sent to the endpoint. What was judged is kept.
    """
    from studio.acts.comparing import load_comparison
    from studio.acts.judge import agreement, as_votes, judge_rows
    from studio.reports.judgements import judged_lines
    from studio.runs.directory import find_run
    from studio.runs.votes import read_votes
    from studio.scoring.votes import win_rate

    project = project_of(ctx)
    comparison = load_comparison(project, run)
    directory = find_run(project.runs_path, comparison.run_id)
    if comparison.scores is None:
        raise StudioError(f"{comparison.run_id} has no result yet.", f"studio watch {comparison.run_id}")
    chosen = [arm.strip() for arm in items_of("arms", arms)] if arms else _best_pair(comparison.scores)
    if len(chosen) != 2 or chosen[0] == chosen[1] or not all(chosen):
        raise AskedWrongly("a judge compares two arms.", f"For example: --arms {','.join(comparison.spec.arms[:2])}")
    pair = (chosen[0], chosen[1])
    say(f"sending prompts, references and answers to {endpoint}")
    with progress_bar() as bar:
        task = bar.add_task("judging", total=None)
        found = judge_rows(
            project,
            comparison,
            directory,
            endpoint,
            pair,
            limit,
            lambda done, total: bar.update(task, completed=done, total=total),
        )
    rate, agreed = win_rate(as_votes(found), *pair), agreement(found, read_votes(directory))
    if as_json:
        write_json(
            {"win_rate": asdict(rate), "agreement": asdict(agreed), "judgements": [asdict(one) for one in found]}
        )
        return
    counted = [one for one in found if one.counts]
    errors = [one.error for one in found if one.error]
    unclear = sum(one.is_unclear for one in found)
    for line in judged_lines(endpoint, rate, sum(one.is_turned for one in counted), unclear, errors, agreed):
        write_line(line)


def _best_pair(scores: Comparison) -> list[str]:
    others = [arm for arm in scores.arms if arm != scores.baseline]
    return [scores.tuned or (others[0] if others else ""), scores.baseline]


VERBS: tuple[Verb, ...] = (Verb("judge", judge),)
