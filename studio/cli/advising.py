"""The verb that says what to do next."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from studio.cli.common import Json, Verb, project_of, store_of
from studio.cli.printing import progress_bar, say, write_json, write_line
from studio.cli.running import follow
from studio.project import Project
from studio.runs.directory import find_run


def advise(
    ctx: typer.Context,
    measure: Annotated[
        bool, typer.Option("--measure", help="First let zero-, one- and few-shot answer some validation rows.")
    ] = False,
    rows: Annotated[int, typer.Option(metavar="N", help="With --measure: how many rows.")] = 24,
    curve: Annotated[
        str | None,
        typer.Option(
            "--learning-curve",
            metavar="TASK",
            help="Only this: would more labels of the task help? Two short runs, on a quarter of its rows and on all.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what to do next with these rows and this model, why, and by which command; before any training."""
    from studio.acts.advising import advice_facts, start_measuring
    from studio.reports.advice import advice_as_json, advice_on

    project = project_of(ctx)
    if curve is not None:
        _learning_curve(project, curve, as_json=as_json)
        return
    if measure:
        with store_of(project) as store:
            run_id = start_measuring(project, store, rows)
        follow(find_run(project.runs_path, run_id))
    with store_of(project) as store, progress_bar() as bar:
        task = bar.add_task("looking at the rows", total=None)
        facts = advice_facts(project, store, lambda done, total: bar.update(task, completed=done, total=total))
    if as_json:
        write_json(advice_as_json(facts))
        return
    for one in advice_on(facts):
        write_line(f"{one.topic:<11}{one.words}")
        if one.command:
            write_line(f"{'':<11}{one.command}")


def _learning_curve(project: Project, task: str, *, as_json: bool) -> None:
    from studio.acts.learning_curve import curve_of, short_runs, start_curve, start_short_run
    from studio.reports.advice import curve_words

    with store_of(project) as store:
        specs = short_runs(project, store, task)
    run_ids = []
    for words, spec in zip(("a quarter of the rows", "all rows"), specs, strict=True):
        with store_of(project) as store:
            run_ids.append(start_short_run(project, store, spec))
        say(f"{run_ids[-1]}: {words}")
        follow(find_run(project.runs_path, run_ids[-1]))
    with store_of(project) as store:
        comparison_id = start_curve(project, store, task, *run_ids)
    follow(find_run(project.runs_path, comparison_id))
    with store_of(project) as store:
        curve = curve_of(project, store, task, comparison_id)
    if as_json:
        write_json({"run_id": comparison_id, "runs": run_ids, **asdict(curve)})
    else:
        write_line(curve_words(curve.task, curve.scorer, curve.rows, curve.rows_of_part, curve.contrast))


VERBS: tuple[Verb, ...] = (Verb("advise", advise),)
