"""The keys of one screen, from the one table."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from studio.tui import actions
from studio.tui.dialogs.dialog import StudioDialog
from studio.tui.styles import style_of


class HelpScreen(StudioDialog):
    """Two lists: what this screen can do, and what every screen can."""

    BINDINGS = actions.bindings_for("Help")

    def __init__(self, screen_name: str) -> None:
        super().__init__()
        self._screen_name = screen_name

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog") as dialog:
            dialog.border_title = f"keys · {self._screen_name}"
            dialog.border_subtitle = Content("esc leaves · rebind by the names at the right: [keys] in studio.toml")
            yield Static(self._keys())

    def _keys(self) -> Content:
        everything = actions.actions_for(self._screen_name)
        own = [action for action in everything if actions.EVERYWHERE not in action.where]
        shared = [action for action in everything if actions.EVERYWHERE in action.where]
        own.sort(key=lambda action: action.footer or 99)  # the likeliest first, as in the footer
        parts = [self._list(f"{self._screen_name}", own), self._list("every screen", shared)]
        return Content("\n\n").join(parts)

    def _list(self, heading: str, listed: list[actions.Action]) -> Content:
        lines = [Content.styled(heading, style_of("title"))]
        for action in listed:
            keys = actions.current_keys(action, self.session.keys)
            lines.append(
                Content.assemble(
                    (f"  {keys:<10} ", style_of("key")),
                    (f"{action.about}  ", style_of("plain")),
                    (action.name, style_of("faint")),
                )
            )
        return Content("\n").join(lines)

    def action_scroll_on(self) -> None:
        self.query_one(VerticalScroll).scroll_down(animate=False)

    def action_scroll_back(self) -> None:
        self.query_one(VerticalScroll).scroll_up(animate=False)
