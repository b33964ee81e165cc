"""The Compare screen as its parts see it: the comparison that is shown, and how to ask and to speak."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from textual.message import Message

    from studio.dataset.store import Store
    from studio.project import Project
    from studio.reports.compare import CompareRow
    from studio.tui.screens.compare.loaded import Loaded
    from studio.tui.session import Session
    from studio.tui.shell import Shell
    from studio.tui.widgets.prompt_bar import PromptBar

AnswerT = TypeVar("AnswerT")


class Desk(Protocol):
    """What the parts share."""

    @property
    def app(self) -> Any: ...
    @property
    def project(self) -> Project: ...
    @property
    def session(self) -> Session: ...
    @property
    def shell(self) -> Shell: ...
    @property
    def bar(self) -> PromptBar: ...
    @property
    def loaded(self) -> Loaded | None:
        """The comparison that is shown; None while there is none."""

    @property
    def cursor_row(self) -> CompareRow | None:
        """The row under the cursor; None where there is no row."""

    @property
    def store(self) -> Store | None:
        """The open store; None where another process holds it, or while it opens."""

    def redraw(self, *, from_top: bool = False) -> None:
        """Show what is chosen now; ``from_top`` with the cursor on the first row."""

    def close_bar(self) -> None:
        """Close the prompt bar, if it is open; the rows have the keyboard again."""

    def say(self, text: str, severity: str = "information") -> None:
        """One sentence on the status line."""

    def ask(self, noun: str, question: Callable[[], AnswerT], then: Callable[[AnswerT], None]) -> None:
        """Run ``question`` in a thread and ``then(answer)`` here, unless a newer one of this noun was asked."""

    def post_message(self, message: Message) -> bool: ...
