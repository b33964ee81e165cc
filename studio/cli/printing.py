"""How verbs speak: data on stdout, words on stderr, errors with their next step. All of it may quote foreign text."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from studio.reports.visible import escaped, visible

if TYPE_CHECKING:
    from rich.progress import Progress

    from studio.errors import StudioError
    from studio.reports.console import VisibleConsole


@cache
def words() -> VisibleConsole:
    """The console of stderr."""
    from studio.reports.console import VisibleConsole

    return VisibleConsole()


def say(text: str) -> None:
    """A sentence for the person, not for the pipe."""
    words().print(visible(text), soft_wrap=True)


def say_error(error: StudioError) -> None:
    from rich.text import Text

    words().print(Text.assemble(("error ", "bold red"), visible(error.message)), soft_wrap=True)
    if error.hint:
        words().print(Text.assemble(("  → ", "dim"), visible(error.hint)), soft_wrap=True)


def can_ask() -> bool:
    """Whether somebody sits at a terminal who sees a question and can answer it."""
    return bool(sys.stdin and sys.stdin.isatty() and sys.stderr.isatty())


def ask(question: str) -> bool:
    """Ask on stderr, and whether the answer is yes; anything else, and the end of input, is no."""
    words().print(f"{question} [y/N] ", markup=False, soft_wrap=True, end="")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def write_json(value: Any) -> None:
    """One JSON document on stdout, harmless on a terminal and the same in a pipe."""
    sys.stdout.write(escaped(json.dumps(value, ensure_ascii=False, indent=2, default=str)) + "\n")


def write_json_list(values: Iterable[Any]) -> None:
    """What ``write_json`` writes of a list, value by value, so that a long one is never held whole."""
    is_first = True
    for value in values:
        text = textwrap.indent(escaped(json.dumps(value, ensure_ascii=False, indent=2, default=str)), "  ")
        sys.stdout.write(("[\n" if is_first else ",\n") + text)
        is_first = False
    sys.stdout.write("[]\n" if is_first else "\n]\n")


def write_line(text: str) -> None:
    """A line of a table or a sentence on stdout, to be read."""
    sys.stdout.write(visible(text) + "\n")


def write_data(text: str) -> None:
    """Data itself on stdout, exactly as it is; where that is a terminal, the guarded stream shows what would steer."""
    sys.stdout.write(text + "\n")


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """A progress bar on stderr; silent where stderr is not a terminal."""
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (BarColumn(24), TextColumn("{task.percentage:>3.0f} %"), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=words(), transient=True, disable=not words().is_terminal) as progress:
        yield progress
