"""What a fix would do, before it is done."""

from __future__ import annotations

from studio.acts.fixing import FixPreview
from studio.reports.checks import fix_lines
from studio.tui import actions
from studio.tui.dialogs.reader import ReaderDialog


class FixDialog(ReaderDialog):
    """Dismissed with True to apply the fix, None for anything else."""

    BINDINGS = actions.bindings_for("Fix")
    LEAVES = "A applies it · esc leaves things as they are"

    def __init__(self, preview: FixPreview) -> None:
        lines = fix_lines(preview.about, preview.count, preview.rewrites, preview.removed)
        super().__init__(f"fix: {preview.check.name.replace('_', ' ')}", lines)

    def action_apply_fix(self) -> None:
        self.dismiss(True)
