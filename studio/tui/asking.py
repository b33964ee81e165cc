"""Asking the core in threads, and taking only the newest answer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from textual.screen import Screen
from textual.timer import Timer
from textual.worker import get_current_worker

from studio.project import Project
from studio.tui.messages import Answered
from studio.tui.session import Session
from studio.tui.shell import Shell, shell_of

if TYPE_CHECKING:
    from studio.dataset.store import Store

AnswerT = TypeVar("AnswerT")


class Asking(Screen[Any]):
    """A screen that asks the core in threads: the newest question of each noun is answered, older replies dropped."""

    def __init__(self, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(name, id, classes)
        self._requests: dict[str, int] = {}
        self._awaited: dict[str, Timer] = {}

    @property
    def shell(self) -> Shell:
        return shell_of(self.app)

    @property
    def session(self) -> Session:
        return self.shell.session

    @property
    def project(self) -> Project:
        return self.session.project

    @property
    def store(self) -> Store | None:
        """The open store; None while it opens and in monitor mode (another process holds it)."""
        return self.session.store

    def say(self, text: str, severity: str = "information") -> None:
        """One sentence on the status line; ``severity`` is information, warning or error."""
        self.shell.say(text, severity)

    def ask(self, noun: str, question: Callable[[], AnswerT], then: Callable[[AnswerT], None]) -> None:
        """Run ``question`` in a thread and ``then(answer)`` here, unless a newer question of this noun was asked.

        A StudioError from the thread goes to the status line; anything else is a fault of ours and ends the app.
        """
        request = self._requests[noun] = self._requests.get(noun, 0) + 1
        work = partial(self._work, noun, request, question, then)
        self.run_worker(work, group=noun, exclusive=True, thread=True, exit_on_error=False)

    def forget(self, noun: str) -> None:
        """Drop the reply of the question that is under way, as Esc does."""
        self._requests[noun] = self._requests.get(noun, 0) + 1

    def after(self, noun: str, seconds: float, act: Callable[[], None]) -> None:
        """Do ``act`` once, so long after the last time this was asked for: while keys come, nothing is counted."""
        if noun in self._awaited:
            self._awaited[noun].stop()

        def act_now() -> None:
            if self._awaited.get(noun) is timer:  # one that had gone off when it was stopped still calls
                del self._awaited[noun]
                self.shell.attempt(act)

        timer = self._awaited[noun] = self.set_timer(seconds, act_now)

    @property
    def is_waiting(self) -> bool:
        """Something asked for with ``after`` is still to be done."""
        return bool(self._awaited)

    def is_asking(self, noun: str) -> bool:
        return any(worker.group == noun and worker.is_running for worker in self.workers if worker.node is self)

    def on_failed(self, noun: str, error: Exception) -> None:
        """A question failed; the default says so on the status line."""
        self.shell.report(error)

    def on_answered(self, message: Answered) -> None:
        message.stop()
        if self._requests.get(message.noun) != message.request:
            return
        if message.error is None:
            message.then(message.value)
        elif isinstance(message.error, Exception):
            self.on_failed(message.noun, message.error)
        else:
            raise message.error

    def _work(self, noun: str, request: int, question: Callable[[], Any], then: Callable[[Any], None]) -> None:
        worker = get_current_worker()
        try:
            reply = Answered(noun, request, question(), None, then)
        except BaseException as error:  # carried to the screen, which alone may decide what it means
            reply = Answered(noun, request, None, error, then)
        if not worker.is_cancelled:
            self.post_message(reply)
