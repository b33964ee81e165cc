"""The keys of one screen, from the one table."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content

from studio.tui import actions
from studio.tui.dialogs.dialog import StudioDialog
from studio.tui.widgets.lines import Line, LinesView

KEYS_WIDTH = 13


class HelpDialog(StudioDialog):
    """What this screen can do, and what every screen can. ``behind`` is the screen that a dialog leads to."""

    BINDINGS = actions.bindings_for("Help")
    DEFAULT_CSS = "HelpDialog > VerticalScroll { scrollbar-gutter: stable; }"

    def __init__(self, screen_name: str, behind: str = "") -> None:
        super().__init__()
        self._screen_name, self._behind = screen_name, behind

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog") as dialog:
            dialog.border_title = f"keys · {self._screen_name}"
            dialog.border_subtitle = Content("esc leaves · the names are for [keys] in studio.toml")
            yield LinesView()

    def on_resize(self) -> None:
        self.call_after_refresh(self._show)

    def _show(self) -> None:
        width = self.query_one(LinesView).content_size.width
        lines: list[Line] = []
        for name in filter(None, (self._screen_name, self._behind)):
            own = [action for action in actions.actions_for(name) if name in action.where]
            own.sort(key=lambda action: action.footer or 99)  # the likeliest first, as in the footer
            lines += [[(name, "title")], *(self._line(action, width) for action in own), [("", "")]]
        shared = [action for action in actions.ACTIONS if actions.EVERYWHERE in action.where]
        lines += [[("every screen", "title")], *(self._line(action, width) for action in shared)]
        self.query_one(LinesView).show(lines, hang=KEYS_WIDTH)

    def _line(self, action: actions.Action, width: int) -> Line:
        """Its keys, what it does, and at the right its name; where they do not fit, the name follows."""
        keys = actions.current_keys(action, self.session.keys)
        room = max(len(action.about) + 2, width - KEYS_WIDTH - len(action.name))
        return [(f"  {keys}".ljust(KEYS_WIDTH), "key"), (action.about.ljust(room), "plain"), (action.name, "dim")]

    def action_scroll_on(self) -> None:
        self.query_one(VerticalScroll).scroll_down(animate=False)

    def action_scroll_back(self) -> None:
        self.query_one(VerticalScroll).scroll_up(animate=False)
