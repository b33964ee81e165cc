"""Train again and compare with the run before: one key on Compare and on Runs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from studio.reports.numbers import counted, number

if TYPE_CHECKING:
    from studio.acts.again import Again, AgainPlan
    from studio.dataset.store import Store
    from studio.project import Project
    from studio.tui.session import Session
    from studio.tui.shell import Shell

AnswerT = TypeVar("AnswerT")


class Desk(Protocol):
    """What a screen has that trains again."""

    @property
    def app(self) -> Any: ...
    @property
    def project(self) -> Project: ...
    @property
    def session(self) -> Session: ...
    @property
    def shell(self) -> Shell: ...

    def say(self, text: str, severity: str = "information") -> None:
        """One sentence on the status line."""

    def ask(self, noun: str, question: Callable[[], AnswerT], then: Callable[[AnswerT], None]) -> None:
        """Run ``question`` in a thread and ``then(answer)`` here, unless a newer one of this noun was asked."""


class TrainingAgain:
    """Counting and starting happen in a thread; what would be started is said and asked before it is."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def ask(self, run_id: str, start: str = "") -> None:
        """Say what training ``run_id`` again would be, from ``start``, and do it if the answer is yes."""
        from studio.acts.again import plan_again

        store = self._desk.session.opened()
        self._desk.say("counting what changed …")
        self._desk.ask(
            "again", partial(plan_again, self._desk.project, store, run_id, start), partial(self._confirm, store)
        )

    def _confirm(self, store: Store, plan: AgainPlan) -> None:
        from studio.acts.again import changes_words
        from studio.tui.dialogs.confirm import ConfirmDialog

        self._desk.say("")
        consequence = (
            f"{changes_words(plan)} {number(plan.steps)} steps with its settings, then "
            f"{', '.join(plan.compare.arms)} answer {counted(plan.test_rows, 'held-out row')}."
        )
        question = ConfirmDialog(f"train again and compare with {plan.before.run_id}?", consequence)
        self._desk.app.push_screen(question, lambda is_yes: self._start(store, plan) if is_yes else None)

    def _start(self, store: Store, plan: AgainPlan) -> None:
        from studio.acts.again import start_again

        self._desk.say("freezing the rows, starting …")
        self._desk.ask("again", partial(start_again, self._desk.project, store, plan), self._started)

    def _started(self, again: Again) -> None:
        self._desk.say(f"{again.train} trains; {again.compare} waits for it and compares")
        self._desk.shell.poll_runs()
