"""The form of Try: who answers, and how words are chosen."""

from __future__ import annotations

from typing import cast

from studio.acts.answering import tuned_run_ids
from studio.reports.visible import visible
from studio.runs.trying import TrySettings
from studio.tui import actions
from studio.tui.dialogs.form import SpecForm, fields_of
from studio.tui.dialogs.form_dialog import FormDialog

FIELDS = ("arms", "run_id", "system", "task", "temperature", "top_p", "seed", "max_new_tokens")
NOTES = {"temperature": "0: greedy", "task": "empty: all", "top_p": "up to 1"}


class TrySettingsDialog(FormDialog):
    """Dismissed with the settings, or None. ``settings`` are those to begin with."""

    NAME = "Try settings"
    BINDINGS = actions.bindings_for(NAME)

    def __init__(self, settings: TrySettings) -> None:
        super().__init__()
        self._settings, self._runs = settings, list[str]()

    def form(self) -> SpecForm:
        runs = tuned_run_ids(self.project)
        self._runs = runs
        return SpecForm(self._settings, fields_of(self._settings, FIELDS, values={}, notes=NOTES))

    def consider(self) -> None:
        """Say whether the form will do."""
        settings = cast(TrySettings | None, self.entered())
        if settings is not None:
            known = ["zero_shot", "few_shot:3", "rag:3", *(f"tuned:{run}" for run in self._runs[:1])]
            servers = [f"endpoint:{name}" for name in self.project.settings().endpoints]
            self.show([[("for example ", "dim"), (visible(", ".join([*known, *servers[:1]])), "")]])

    def action_start(self) -> None:
        settings = cast(TrySettings | None, self.entered())
        if settings is not None:
            self.dismiss(settings)
