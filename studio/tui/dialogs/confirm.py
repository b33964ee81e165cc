"""Yes or no, for the few acts that undo cannot reach."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical

from studio.reports.visible import visible
from studio.tui import actions, styles
from studio.tui.dialogs.dialog import StudioDialog
from studio.tui.widgets.lines import LinesView


class ConfirmDialog(StudioDialog):
    """Dismissed with True for yes, False or None for anything else."""

    BINDINGS = actions.bindings_for("Confirm")

    def __init__(self, question: str, consequence: str) -> None:
        super().__init__()
        self._question, self._consequence = question, consequence

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = styles.title(visible(self._question, single_line=True))
            words = LinesView()
            words.lines = [
                [(self._consequence, "")],
                [("", "")],
                [("y", "key"), (" yes   ", "dim"), ("n", "key"), (" no", "dim")],
            ]
            yield words

    def action_confirm(self) -> None:
        self.dismiss(True)

    def action_decline(self) -> None:
        self.dismiss(False)
