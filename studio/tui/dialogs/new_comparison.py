"""The new-comparison form: which run, against which ways of prompting, on how many held-out rows."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from studio.acts.comparing import start_comparison, tuned_run_ids
from studio.runs.specs import CompareSpec
from studio.scoring.summary import TUNED
from studio.tui import actions
from studio.tui.dialogs.form import SpecForm, fields_of
from studio.tui.dialogs.form_dialog import FormDialog

PROMPTING_ARMS = tuple(arm for arm in CompareSpec.arms if arm != TUNED)
BASIC = ("run_id", "arms", "limit", "tasks", "batch_size", "latency_rows", "seed")
NOTES = {"limit": "0: all rows", "tasks": "empty: all", "latency_rows": "0: no latency"}


class NewComparisonDialog(FormDialog):
    """Dismissed with the id of the comparison it started, or None. ``run_id`` is the run to begin with."""

    NAME = "New comparison"
    BINDINGS = actions.bindings_for(NAME)
    DEFAULT_CSS = """
    NewComparisonDialog #advice { margin-top: 1; }
    """

    def __init__(self, run_id: str = "") -> None:
        super().__init__()
        self._run_id = run_id

    def form(self) -> SpecForm:
        runs = tuned_run_ids(self.project)
        chosen = self._run_id if self._run_id in runs else next(iter(runs), "")
        arms = [arm for arm in CompareSpec.arms if chosen or arm != TUNED]
        values = {"run_id": chosen, "arms": ",".join(arms)}
        notes = NOTES if runs else NOTES | {"run_id": "no run yet: prompting only"}
        run, *others = fields_of(CompareSpec(arms=PROMPTING_ARMS), BASIC, values=values, notes=notes)
        return SpecForm(CompareSpec(arms=PROMPTING_ARMS), [replace(run, choices=tuple(runs)), *others])

    def consider(self) -> None:
        spec = cast(CompareSpec | None, self.entered())
        if spec is not None:
            rows = f"at most {spec.limit} rows, evenly over the tasks," if spec.limit else "every row"
            words = f"{rows} of the {spec.split} split, answered by {len(spec.arms)} arms; shots from train only"
            self.show([[(words, "dim")]])

    def action_start(self) -> None:
        store, spec = self.store, cast(CompareSpec | None, self.entered())
        if spec is not None and store is not None:
            self.start(lambda: start_comparison(self.project, store, spec))
