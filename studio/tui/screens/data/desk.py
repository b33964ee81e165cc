"""The Data screen as its parts see it: its widgets, the session, and how to ask, to wait and to speak."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from textual.app import App

    from studio.tui.screens.data.example_pane import ExamplePane
    from studio.tui.screens.data.example_table import ExampleTable
    from studio.tui.screens.data.reader import Reader
    from studio.tui.session import Session
    from studio.tui.shell import Shell
    from studio.tui.widgets.prompt_bar import PromptBar
    from studio.tui.widgets.status import StatusLine

AnswerT = TypeVar("AnswerT")


class Desk(Protocol):
    """What the parts (rows, finding, decisions, …) share; a part is made with it and the parts beneath it."""

    @property
    def app(self) -> App[object]: ...
    @property
    def shell(self) -> Shell: ...
    @property
    def session(self) -> Session: ...
    @property
    def table(self) -> ExampleTable: ...
    @property
    def pane(self) -> ExamplePane | Reader: ...
    @property
    def bar(self) -> PromptBar: ...
    @property
    def status(self) -> StatusLine: ...

    def say(self, text: str, severity: str = "information") -> None:
        """One sentence on the status line."""

    def ask(self, noun: str, question: Callable[[], AnswerT], then: Callable[[AnswerT], None]) -> None:
        """Run ``question`` in a thread and ``then(answer)`` here, unless a newer one of this noun was asked."""

    def after(self, noun: str, seconds: float, act: Callable[[], None]) -> None:
        """Do ``act`` once, so long after the last time this was asked for."""

    def close_bar(self) -> None:
        """Close the prompt bar, if it is open; the rows have the keyboard again."""

    def show_place(self, words: str) -> None:
        """Which row of how many the cursor is on, in the border of what shows the rows."""
