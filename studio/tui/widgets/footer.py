"""The likeliest keys of this screen, as many as fit, the key to all of them always."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.cells import cell_len
from textual.content import Content
from textual.widget import Widget

from studio.tui.actions import Action, current_keys
from studio.tui.styles import style_of


class KeyFooter(Widget):
    """One line of ``key label`` pairs in their rank's order."""

    def __init__(self, shown: Sequence[Action], keys: Mapping[str, str], *, is_typed_into: bool = False) -> None:
        """``is_typed_into``: a letter would be written there, so another key is named where there is one."""
        super().__init__()
        self._pairs = []
        for action in shown:
            names = current_keys(action, keys).split()
            likely = [name for name in names if len(name) > 1] if is_typed_into else names
            self._pairs.append(((likely or names)[0], action.label))

    def render(self) -> Content:
        *first, last = self._pairs or [("", "")]
        room = self.size.width - _cells(last)
        chosen: list[tuple[str, str]] = []
        for pair in first[: 8 if self.size.width > 80 else 5]:
            room -= _cells(pair)
            if room < 0:
                break
            chosen.append(pair)
        pieces: list[tuple[str, str]] = []
        for key, label in [*chosen, last]:
            pieces += [(" " + key, style_of("key")), (f" {label} ", style_of("dim"))]
        return Content.assemble(*pieces)


def _cells(pair: tuple[str, str]) -> int:
    return cell_len(pair[0]) + cell_len(pair[1]) + 3
