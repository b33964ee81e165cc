"""The one-line prompt above the status line: search, filter, command line, path, note."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from studio.tui import actions
from studio.tui.messages import LineEntered, LineLeft
from studio.tui.styles import style_of
from studio.tui.widgets.line_help import Helper, LineHelp
from studio.tui.widgets.lines import Line

if TYPE_CHECKING:
    from textual.widgets import Input

    from studio.tui.widgets.line_input import CompletedInput, Completer


class PromptBar(Horizontal):
    """Hidden until ``ask``; Enter posts ``LineEntered``, Esc ``LineLeft``. ``refuse`` shows why a line will not do."""

    BINDINGS: ClassVar[list[BindingType]] = actions.bindings_for("Filter line")
    DEFAULT_CSS = """
    PromptBar { height: 1; display: none; background: $panel; }
    PromptBar.open { display: block; }
    PromptBar > .sign { width: auto; padding: 0 1; color: $text-accent; text-style: bold; }
    PromptBar > Input { width: 1fr; height: 1; border: none; padding: 0; background: $panel; }
    PromptBar > .why { width: auto; max-width: 60%; padding: 0 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._kind = ""
        self.times_asked = 0  # tells one line from the next of its kind
        self._line: CompletedInput | None = None
        self._helper: Helper | None = None
        self._is_helping = True

    def compose(self) -> ComposeResult:
        yield LineHelp()
        yield Static(classes="sign")
        yield Static(classes="why")

    @property
    def is_open(self) -> bool:
        return self.has_class("open")

    def ask(
        self,
        kind: str,
        sign: str,
        value: str = "",
        *,
        hint: str = "",
        completer: Completer | None = None,
        older: Sequence[str] = (),
        helper: Helper | None = None,
    ) -> None:
        """Open the line: ``sign`` says what is asked. ``value`` comes selected, so that typing replaces it.

        ``helper(typed, width)`` says what can stand there, in lines above; a key hides them.
        """
        self._kind, self._helper = kind, helper
        self.times_asked += 1
        self.add_class("open")
        self.query_one(".sign", Static).update(Content(sign))
        self.query_one(".why", Static).update(Content.styled(hint, style_of("dim")))
        line = self._line
        if line is None:  # made when first needed: the first paint does without it
            from studio.tui.widgets.line_input import CompletedInput

            line = self._line = CompletedInput(compact=True, select_on_focus=False)
            self.mount(line, after=".sign")
        line.complete_by(completer)
        line.recall(older)
        line.value = value
        line.select_all()
        self._show_help()
        self.screen.set_focus(line)  # now: the next key may have come in the same packet as the one that asked

    def refuse(self, why: str) -> None:
        self.query_one(".why", Static).update(Content.styled(why, style_of("bad")))

    def close(self) -> None:
        self.remove_class("open")
        self.query_one(LineHelp).show([])

    # -- what can stand in the line

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Where nothing is known of the line, its key is the screen's."""
        return self._helper is not None if action == "line_help" else True

    def action_line_help(self) -> None:
        self._is_helping = not self._is_helping
        self._show_help()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.is_open:
            self._show_help()

    def _show_help(self) -> None:
        lines: list[Line] = []
        if self._helper is not None and self._line is not None and self._is_helping:
            lines = self._helper(self._line.value, self.screen.size.width - 1)
        self.query_one(LineHelp).show(lines)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(LineEntered(self._kind, event.value))

    def leave(self) -> None:
        self.close()
        self.post_message(LineLeft(self._kind))
