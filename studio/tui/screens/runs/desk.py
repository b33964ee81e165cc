"""The Runs screen as its parts see it: the run under the cursor, and how to ask and to speak."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from textual.message import Message

    from studio.dataset.store import Store
    from studio.project import Project
    from studio.runs.state import RunState
    from studio.tui.shell import Shell

AnswerT = TypeVar("AnswerT")


class Desk(Protocol):
    """What the parts share."""

    @property
    def app(self) -> Any: ...
    @property
    def project(self) -> Project: ...
    @property
    def shell(self) -> Shell: ...
    @property
    def current(self) -> RunState | None:
        """The run under the cursor."""

    @property
    def store(self) -> Store | None:
        """The open store; None where another process holds it, or while it opens."""

    def say(self, text: str, severity: str = "information") -> None:
        """One sentence on the status line."""

    def ask(self, noun: str, question: Callable[[], AnswerT], then: Callable[[AnswerT], None]) -> None:
        """Run ``question`` in a thread and ``then(answer)`` here, unless a newer one of this noun was asked."""

    def post_message(self, message: Message) -> bool: ...
