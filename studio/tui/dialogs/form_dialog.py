"""A dialog with a form over a spec: what the form would do is said beside it, and ctrl+j does it."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.message import Message

from studio.errors import StudioError
from studio.runs.settings import Spec
from studio.tui import actions
from studio.tui.dialogs.dialog import StudioDialog
from studio.tui.dialogs.form import SpecForm
from studio.tui.widgets.footer import KeyFooter
from studio.tui.widgets.lines import Line, LinesView

COUNT_AFTER_SECONDS = 0.2  # since the last key in the form


class Advice(LinesView):
    """What is said beside the form. Tells when the room for it has changed."""

    class Resized(Message):
        """It is laid out anew."""

    def on_resize(self) -> None:
        self.post_message(self.Resized())


class FormDialog(StudioDialog):
    """Dismissed with the id of the run it started, or None.

    A child names itself (``NAME``), sets ``BINDINGS = bindings_for(NAME)``, makes its ``form``, says in ``consider``
    what the form as it stands would do, and calls ``start`` from ``action_start``.
    """

    NAME: ClassVar[str]
    DEFAULT_CSS = """
    FormDialog #halves { height: auto; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._is_starting = False

    def form(self) -> SpecForm:
        """A new form with its fields."""
        raise NotImplementedError

    def consider(self) -> None:
        """Say with ``show`` what the form would do; called when it is opened and whenever a field changes."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = self.NAME.lower()
            with Container(id="halves"):
                yield self.form()
                yield Advice(id="advice")
            yield KeyFooter(actions.footer_actions(self.NAME), self.session.keys)

    def on_mount(self) -> None:
        self.query_one(SpecForm).focus_first()
        self.consider()

    def on_spec_form_changed(self) -> None:
        self.consider()

    def entered(self) -> Spec | None:
        """The spec as the form stands; where it will not do, None, and the reason is shown."""
        try:
            return self.query_one(SpecForm).spec()
        except StudioError as error:
            self.show(refusal_lines(error))
            return None

    def start(self, begin: Callable[[], str]) -> None:
        """Run ``begin``, which starts the run and gives its id, in a thread; leave when it has started."""
        if not self._is_starting:
            self._is_starting = True
            self.show([[("freezing the rows, starting …", "title")]])
            self.ask("start", begin, self._started)

    def _started(self, run_id: str) -> None:
        self.dismiss(run_id)

    def on_failed(self, noun: str, error: Exception) -> None:
        if noun == "start":
            self._is_starting = False
        if not isinstance(error, StudioError):
            raise error
        self.show(refusal_lines(error))

    def show(self, lines: list[Line]) -> None:
        self.query_one(Advice).show(lines, hang=2)

    def action_next_field(self) -> None:
        self.focus_next()

    def action_previous_field(self) -> None:
        self.focus_previous()

    def action_next_choice(self) -> None:
        self.query_one(SpecForm).step_choice(1)

    def action_previous_choice(self) -> None:
        self.query_one(SpecForm).step_choice(-1)


def refusal_lines(error: StudioError) -> list[Line]:
    """Why the run may not start, and what to do."""
    lines: list[Line] = [[("✗ ", "limit"), (error.message, "bad")]]
    return [*lines, [("  " + error.hint, "bold")]] if error.hint else lines
