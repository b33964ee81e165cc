"""How verbs speak: data on stdout, words on stderr, errors with their next step."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from studio.errors import StudioError


@cache
def words() -> Console:
    """The console of stderr."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def say(text: str) -> None:
    """A sentence for the person, not for the pipe. Never read as markup: it may quote data."""
    words().print(text, markup=False, soft_wrap=True)


def say_error(error: StudioError) -> None:
    from rich.text import Text

    words().print(Text.assemble(("error ", "bold red"), error.message), soft_wrap=True)
    if error.hint:
        words().print(Text.assemble(("  → ", "dim"), error.hint), soft_wrap=True)


def can_ask() -> bool:
    """Whether somebody sits at a terminal who sees a question and can answer it."""
    return bool(sys.stdin and sys.stdin.isatty() and sys.stderr.isatty())


def ask(question: str) -> bool:
    """Ask on stderr, and whether the answer is yes; anything else, and the end of input, is no."""
    words().print(f"{question} [y/N] ", markup=False, soft_wrap=True, end="")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def write_json(value: Any) -> None:
    """One JSON document on stdout."""
    json.dump(value, sys.stdout, ensure_ascii=False, indent=2, default=str)
    sys.stdout.write("\n")


def write_line(text: str) -> None:
    sys.stdout.write(text + "\n")


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """A progress bar on stderr; silent where stderr is not a terminal."""
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (BarColumn(24), TextColumn("{task.percentage:>3.0f} %"), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=words(), transient=True, disable=not words().is_terminal) as progress:
        yield progress
