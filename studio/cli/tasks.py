"""``studio task``: giving a task another name, or merging it into another."""

from __future__ import annotations

from typing import Annotated

import typer

from studio.cli.common import Verb, project_of, store_of
from studio.cli.printing import say
from studio.reports.visible import visible


def tasks() -> None:
    """Tasks: renaming and merging them."""


def rename(
    ctx: typer.Context,
    old: Annotated[str, typer.Argument(metavar="TASK", help="The task as it is; '' for rows that have none.")],
    new: Annotated[str, typer.Argument(metavar="TASK", help="Its new name; of one that is there, both become one.")],
) -> None:
    """Rename a task, or merge it into another, in one undo step."""
    with store_of(project_of(ctx)) as store:
        say(visible(store.rename_task(old, new).summary, single_line=True))


VERBS: tuple[Verb, ...] = (Verb("task", tasks, (Verb("rename", rename),)),)
