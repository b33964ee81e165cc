"""Verbs that ask something of a run that goes on: pause, checkpoint, extend."""

from __future__ import annotations

from typing import Annotated

import typer

from studio.cli.common import RunId, Verb, project_of
from studio.cli.printing import say


def pause(ctx: typer.Context, run: RunId) -> None:
    """Let a fine-tune write a checkpoint and wait, without work for a core, until studio resume.

    Its process keeps its memory. If it ends meanwhile, studio resume goes on from that checkpoint.
    """
    from studio.acts.controlling import pause_run

    directory = pause_run(project_of(ctx), run)
    say(f"{directory.run_id} pauses after this step and keeps a checkpoint; studio resume {directory.run_id} goes on")


def checkpoint(ctx: typer.Context, run: RunId) -> None:
    """Let a fine-tune write a checkpoint now, after this step."""
    from studio.acts.controlling import ask_checkpoint

    say(f"{ask_checkpoint(project_of(ctx), run).run_id} writes a checkpoint after this step")


def extend(
    ctx: typer.Context,
    run: RunId,
    epochs: Annotated[float, typer.Option("--epochs", metavar="N", help="Epochs in all.", show_default=False)] = 0.0,
    steps: Annotated[int, typer.Option("--steps", metavar="N", help="Steps in all.", show_default=False)] = 0,
) -> None:
    """Make a fine-tune longer, or shorter, while it runs or before it is resumed.

    Its schedule is stretched to the new end; where it has come down too far for that, this is refused.
    """
    from studio.acts.controlling import change_length

    directory, words = change_length(project_of(ctx), run, epochs=epochs, steps=steps)
    say(f"{directory.run_id} {words}")


VERBS: tuple[Verb, ...] = (Verb("pause", pause), Verb("checkpoint", checkpoint), Verb("extend", extend))
