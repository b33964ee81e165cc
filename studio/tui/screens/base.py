"""What the six screens have in common: header, body, status line, footer, and the keys of every screen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.widget import Widget

from studio.tui import actions
from studio.tui.asking import Asking
from studio.tui.messages import ExamplesChanged
from studio.tui.widgets.footer import KeyFooter
from studio.tui.widgets.header import HeaderBar
from studio.tui.widgets.status import StatusLine

if TYPE_CHECKING:
    from studio.dataset.examples import ExampleIds


class StudioScreen(Asking):
    """One of the six. A child names itself (``NAME``), sets ``BINDINGS = bindings_for(NAME)`` and makes its body."""

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
        yield KeyFooter(actions.footer_actions(self.NAME), self.session.keys, is_typed_into=self.IS_TYPED_INTO)

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
        self.query_one(StatusLine).say(*self.shell.last_said)

    def refresh_header(self) -> None:
        if self.is_mounted:
            self.query_one(HeaderBar).show(self.shell.header_facts(self.NAME))

    def on_click(self, event: events.Click) -> None:
        """A click beside what takes the keyboard, as on a pane's border or title, gives it to what is in that pane."""
        body = self.query_one("#body")
        around = self.get_widget_at(*event.screen_offset)[0].ancestors_with_self
        if body not in around:
            return
        for node in around[: around.index(body) + 1]:
            if isinstance(node, Widget) and node.focusable:
                return
            if inside := [one for one in node.query("*").results(Widget) if one.focusable]:
                inside[0].focus()
                return

    def on_examples_changed(self, message: ExamplesChanged) -> None:
        self.take_changes(message.example_ids)

    def take_changes(self, example_ids: Sequence[int] | ExampleIds) -> None:
        """These rows are not what they were; screens that show rows override this."""

    def take_others(self, example_ids: ExampleIds, *, may_be_more: bool) -> None:
        """Others changed these rows, and others where there ``may_be_more``; nothing that one looks at may jump."""
        self.take_changes(example_ids)

    def keeps_key(self, key: events.Key) -> bool:
        """Whether the screen keeps ``key``, to post it again once it shows what the key is for."""
        return False

    def _go_to(self, name: str) -> None:
        """To another screen by a person's own key: what this one said, as where esc goes back to, is not so there."""
        if name != self.NAME.lower():
            self.say("")
        self.shell.show_screen(name)

    def show_idle(self, *idle: str) -> None:
        """These actions have nothing to act on now: the footer leaves them out. Their keys still say why."""
        self.query_one(KeyFooter).leave_out(idle)

    # What every screen can do. They go through the shell, which alone knows what is open.

    def action_data(self) -> None:
        self._go_to("data")

    def action_window(self) -> None:
        self._go_to("window")

    def action_runs(self) -> None:
        self._go_to("runs")

    def action_compare(self) -> None:
        self._go_to("compare")

    def action_try(self) -> None:
        self._go_to("try")

    def action_checks(self) -> None:
        self._go_to("checks")

    def action_help(self) -> None:
        from studio.tui.dialogs.help import HelpDialog

        self.app.push_screen(HelpDialog(self.NAME))

    def action_undo(self) -> None:
        self.shell.undo()

    def action_redo(self) -> None:
        self.shell.redo()

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

    def action_welcome(self) -> None:
        from studio.tui.dialogs.welcome import WelcomeDialog

        self.app.push_screen(WelcomeDialog())

    def action_theme(self) -> None:
        self.shell.switch_theme()

    def action_close(self) -> None:
        self.shell.show_screen("data")

    def action_leave(self) -> None:
        self.app.exit()
