"""What the five screens have in common: header, body, status line, footer, keys from the table, work in threads."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.screen import ModalScreen, Screen
from textual.timer import Timer
from textual.widget import Widget
from textual.worker import get_current_worker

from studio.project import Project
from studio.tui import actions
from studio.tui.messages import Answered
from studio.tui.widgets.footer import KeyFooter
from studio.tui.widgets.header import HeaderBar
from studio.tui.widgets.status import StatusLine

if TYPE_CHECKING:
    from studio.dataset.store import Store
    from studio.tui.app import StudioApp

AnswerT = TypeVar("AnswerT")


class Asking(Screen[Any]):
    """A screen that asks the core in threads: the newest question of each noun is answered, older replies dropped."""

    def __init__(self, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(name, id, classes)
        self._requests: dict[str, int] = {}
        self._awaited: dict[str, Timer] = {}

    @property
    def studio(self) -> StudioApp:
        return cast("StudioApp", self.app)

    @property
    def project(self) -> Project:
        return self.studio.project

    @property
    def store(self) -> Store | None:
        """The open store; None while it opens and in monitor mode (another process holds it)."""
        return self.studio.store

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
                self.studio.attempt(act)

        timer = self._awaited[noun] = self.set_timer(seconds, act_now)

    @property
    def is_waiting(self) -> bool:
        """Something asked for with ``after`` is still to be done."""
        return bool(self._awaited)

    def is_asking(self, noun: str) -> bool:
        return any(worker.group == noun and worker.is_running for worker in self.workers if worker.node is self)

    def on_failed(self, noun: str, error: Exception) -> None:
        """A question failed; the default says so on the status line."""
        self.studio.report(error)

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


class StudioScreen(Asking):
    """One of the five. A child names itself (``NAME``), sets ``BINDINGS = bindings_for(NAME)`` and makes its body."""

    NAME: ClassVar[str]
    IS_TYPED_INTO: ClassVar[bool] = False
    AUTO_FOCUS = "#body *"
    BINDINGS: ClassVar[list[BindingType]] = []

    def compose(self) -> ComposeResult:
        yield HeaderBar()
        with Container(id="body"):
            yield from self.body()
        yield from self.above_status()
        yield StatusLine()
        yield KeyFooter(actions.footer_actions(self.NAME), self.studio.keys, is_typed_into=self.IS_TYPED_INTO)

    def body(self) -> Iterable[Widget]:
        """The widgets between header and status line."""
        raise NotImplementedError

    def above_status(self) -> Iterable[Widget]:
        """One-line widgets between body and status line, such as a prompt."""
        return ()

    def on_mount(self) -> None:
        self.refresh_header()

    def on_screen_resume(self) -> None:
        self.refresh_header()
        self.query_one(StatusLine).say(*self.studio.last_said)

    def refresh_header(self) -> None:
        if self.is_mounted:
            self.query_one(HeaderBar).show(self.studio.header_facts(self.NAME))

    def say(self, text: str, severity: str = "information") -> None:
        """One sentence on the status line; ``severity`` is information, warning or error."""
        self.studio.say(text, severity)

    # What every screen can do. The five go through the app, which alone knows what is open.

    def action_data(self) -> None:
        self.studio.show_screen("data")

    def action_window(self) -> None:
        self.studio.show_screen("window")

    def action_runs(self) -> None:
        self.studio.show_screen("runs")

    def action_compare(self) -> None:
        self.studio.show_screen("compare")

    def action_try(self) -> None:
        self.studio.show_screen("try")

    def action_help(self) -> None:
        from studio.tui.dialogs.help import HelpScreen

        self.app.push_screen(HelpScreen(self.NAME))

    def action_undo(self) -> None:
        self.studio.undo()

    def action_redo(self) -> None:
        self.studio.redo()

    def action_command(self) -> None:
        self.app.action_command_palette()

    def action_palette(self) -> None:
        self.app.action_command_palette()

    def action_how_to_leave(self) -> None:
        self.say("Q leaves; runs go on without the studio")

    def action_next_pane(self) -> None:
        self.focus_next()

    def action_previous_pane(self) -> None:
        self.focus_previous()

    def action_back(self) -> None:
        """Nothing to go back from; screens with a state to leave override this."""

    def action_theme(self) -> None:
        self.studio.switch_theme()

    def action_close(self) -> None:
        self.studio.show_screen("data")

    def action_leave(self) -> None:
        self.app.exit()


class StudioDialog(ModalScreen[Any], Asking):
    """A dialog over a screen, with its keys from the table (``bindings_for("Edit")`` and so on)."""

    BINDINGS: ClassVar[list[BindingType]] = []

    def say(self, text: str, severity: str = "information") -> None:
        self.studio.say(text, severity)

    def action_dismiss_too(self) -> None:
        self.dismiss(None)
