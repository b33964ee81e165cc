"""``studio demo``: the main job, whole, in about five minutes."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from studio.cli.common import Verb, store_of
from studio.cli.judging import write_comparison
from studio.cli.printing import progress_bar, say
from studio.cli.running import follow
from studio.project import DEFAULT_MODEL, Project
from studio.reports.numbers import counted, duration

if TYPE_CHECKING:
    from studio.acts.demo import Demo

DEFAULT_DIRECTORY = Path("studio-demo")


def demo(
    directory: Annotated[
        Path, typer.Option("--dir", metavar="FOLDER", help="Where the demo's project goes.")
    ] = DEFAULT_DIRECTORY,
    headless: Annotated[bool, typer.Option("--headless", help="No screens: words and the final table.")] = False,
) -> None:
    """Fine-tune a small model on support tickets and compare it with prompting, on this machine."""
    from studio.acts.demo import Demo, open_sample_project
    from studio.models.fetching import get_model

    started = time.monotonic()
    with progress_bar() as bar:
        task = bar.add_task(DEFAULT_MODEL, total=1.0)
        get_model(DEFAULT_MODEL, lambda part, message: bar.update(task, completed=part, description=message))
    project = open_sample_project(directory)
    if headless or not (sys.stdin.isatty() and sys.stdout.isatty()):
        _run_headless(Demo(project), project)
        say(f"the demo took {duration(time.monotonic() - started)}; open it: studio open {directory}")
        return
    from studio.tui.app import run

    run(project, first_screen="runs", demo=Demo(project))


def _run_headless(demo: Demo, project: Project) -> None:
    with store_of(project) as store:
        stats = store.stats()
        say(f"{counted(stats.examples, 'example')} imported and split: " + ", ".join(stats.tasks))
        while not demo.is_over:
            if said := demo.advance(store):
                say(said)
            for directory in demo.runs()[-1:]:
                follow(directory)
    write_comparison(project, demo.runs()[-1].run_id)


VERBS: tuple[Verb, ...] = (Verb("demo", demo),)
