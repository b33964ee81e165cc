"""The likeliest keys of this screen, as many as fit, the key to all of them always; a click on one is that key."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.widget import Widget

from studio.tui.actions import Action, current_keys
from studio.tui.styles import style_of


class KeyFooter(Widget):
    """One line of ``key label`` pairs in their rank's order."""

    def __init__(self, shown: Sequence[Action], keys: Mapping[str, str], *, is_typed_into: bool = False) -> None:
        """``is_typed_into``: a letter would be written there, so another key is named where there is one."""
        super().__init__()
        self._shown: list[Shown] = []
        self._ends: list[tuple[int, str]] = []
        self._idle: frozenset[str] = frozenset()
        for action in shown:
            names = current_keys(action, keys).split()
            likely = [name for name in names if len(name) > 1] if is_typed_into else names
            self._shown.append(Shown((likely or names)[0], action.label, action.name))

    def leave_out(self, idle: Collection[str]) -> None:
        """Show every action but these, which could do nothing now."""
        if self._idle != frozenset(idle):
            self._idle = frozenset(idle)
            self.refresh()

    def render(self) -> Content:
        *first, last = [one for one in self._shown if one.action not in self._idle] or [Shown("", "", "")]
        room = self.size.width - last.cells
        chosen: list[Shown] = []
        for one in first[: 8 if self.size.width > 80 else 5]:
            room -= one.cells
            if room < 0:
                break
            chosen.append(one)
        pieces: list[tuple[str, str]] = []
        self._ends = []
        end = 0
        for one in [*chosen, last]:
            pieces += [(" " + one.key, style_of("key")), (f" {one.label} ", style_of("dim"))]
            end += one.cells
            self._ends.append((end, one.action))
        return Content.assemble(*pieces)

    def on_click(self, event: events.Click) -> None:
        action = next((action for end, action in self._ends if event.x < end), "")
        if action:
            self.call_later(self.app.run_action, action, self.screen)


@dataclass(frozen=True)
class Shown:
    """A key, what it does in a word or two, and its action."""

    key: str
    label: str
    action: str

    @property
    def cells(self) -> int:
        return cell_len(self.key) + cell_len(self.label) + 3
