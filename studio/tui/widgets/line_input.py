"""A line that Tab completes, and in which ↑ brings back what was typed before."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Protocol

from textual.binding import BindingType
from textual.suggester import Suggester
from textual.widgets import Input

from studio.reports.visible import visible
from studio.tui import actions


class Completer(Protocol):
    """What Tab makes of a line: ``choices`` are whole lines that go on from it."""

    def choices(self, value: str) -> list[str]: ...


def last_word(line: str) -> str:
    """The word that is being typed at the end of ``line``; empty behind a space, a bracket or a comma."""
    return line[max(line.rfind(sign) for sign in " (,") + 1 :]


class Words:
    """Completes the last word of the line from a list; one that is whole already is left as it is."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words

    def choices(self, value: str) -> list[str]:
        last = last_word(value)
        head = value[: len(value) - len(last)]
        if not last or last in self._words:
            return []
        return [head + word for word in self._words if word.startswith(last)]


class Paths:
    """Completes a path: files and folders of the folder it names; hidden ones once their dot is typed."""

    def choices(self, value: str) -> list[str]:
        start = value.rpartition("/")[2]
        head = value[: len(value) - len(start)]
        try:
            with os.scandir(Path(head or ".").expanduser()) as entries:
                names = sorted(entry.name + "/" * entry.is_dir() for entry in entries)
        except (OSError, RuntimeError, ValueError):  # no such folder or account: nothing completes it
            return []
        # A name that would do something to the terminal is not typed for anybody.
        names = [name for name in names if name == visible(name, single_line=True)]
        return [head + name for name in names if name.startswith(start) and (start[:1] == "." or name[0] != ".")]


class FirstChoice(Suggester):
    """Shows the first choice behind the cursor; → takes it."""

    def __init__(self, completer: Completer) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._completer = completer

    async def get_suggestion(self, value: str) -> str | None:
        return next(iter(self._completer.choices(value)), None) if value else None


def completed(completer: Completer, value: str) -> str:
    """As far as all choices agree, as a shell does it; ``value`` where there is none."""
    choices = completer.choices(value)
    if not choices:
        return value
    first, last = min(choices), max(choices)  # what these two share all between them share
    return first[
        : next((at for at, pair in enumerate(zip(first, last, strict=False)) if len(set(pair)) > 1), len(first))
    ]


class CompletedInput(Input):
    """A line with a completer for Tab and older lines for ↑ and ↓."""

    BINDINGS: ClassVar[list[BindingType]] = actions.bindings_for("Line")

    completer: Completer | None = None
    older: Sequence[str] = ()
    is_field = False  # of a form: there Tab goes to the next field when nothing is left to complete
    _typed = ""
    _place = 0

    def complete_by(self, completer: Completer | None) -> None:
        self.completer = completer
        self.suggester = FirstChoice(completer) if completer else None

    def recall(self, lines: Sequence[str]) -> None:
        """↑ goes back through ``lines``, the newest last."""
        self.older, self._place = lines, len(lines)

    def action_complete(self) -> None:
        further = completed(self.completer, self.value) if self.completer else self.value
        if further != self.value:
            self._write(further)
        elif self.is_field:
            self.screen.focus_next()

    def action_older_line(self) -> None:
        self._go(-1)

    def action_newer_line(self) -> None:
        self._go(1)

    def _go(self, step: int) -> None:
        if self._place == len(self.older):
            self._typed = self.value
        self._place = max(0, min(self._place + step, len(self.older)))
        self._write(self.older[self._place] if self._place < len(self.older) else self._typed)

    def _write(self, text: str) -> None:
        self.value = text
        self.cursor_position = len(text)
