"""Verbs that let a model leave: merge."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from studio.cli.common import Json, RunId, Verb, project_of
from studio.cli.printing import progress_bar, say, write_json, write_line
from studio.reports.visible import visible

Force = Annotated[bool, typer.Option("--force", help="Replace what is there.")]
Checkpoint = Annotated[
    int,
    typer.Option("--checkpoint", metavar="STEP", help="One of its checkpoints.", show_default="what the run left"),
]


def merge(
    ctx: typer.Context,
    run: RunId,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Made.", show_default="RUN-merged")
    ] = Path(),
    checkpoint: Checkpoint = 0,
    dtype: Annotated[
        str,
        typer.Option("--dtype", metavar="DTYPE", help="float32; bfloat16 and float16 take half the room and round."),
    ] = "float32",
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Write a run as a standalone model, verified by loading it again.

    Its folder has weights, tokenizer and a card. Its logits and greedy answers are compared with those of base model
    and adapter on rows of the run; where they differ by more than the dtype's rounding, nothing is kept.
    """
    from studio.acts.merging import merge as merge_run
    from studio.acts.merging import plan_merge
    from studio.runs.directory import find_run

    project = project_of(ctx)
    folder = output if output.name else Path(f"{find_run(project.runs_path, run).run_id}-merged")
    plan = plan_merge(project, run, folder, step=checkpoint, dtype=dtype, may_replace=force)
    with progress_bar() as bar:
        task = bar.add_task("starting", total=1.0)
        found = merge_run(project, plan, lambda part, message: bar.update(task, completed=part, description=message))
    assert found is not None  # nobody can cancel it but by ctrl+c, which leaves
    if as_json:
        write_json({"folder": str(folder), **asdict(found)})
        return
    say(found.words)
    write_line(visible(str(folder), single_line=True))


VERBS: tuple[Verb, ...] = (Verb("merge", merge),)
