"""The new-comparison form: which run, against which ways of prompting, on how many held-out rows."""

from __future__ import annotations

from typing import cast

from studio.acts.comparing import start_comparison, tuned_run_ids
from studio.runs.specs import CompareSpec
from studio.tui import actions
from studio.tui.dialogs.form import Field, SpecForm
from studio.tui.dialogs.form_dialog import FormDialog

PROMPTING_ARMS = "zero_shot,one_shot,few_shot:5"


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
        arms = f"{PROMPTING_ARMS},tuned" if chosen else PROMPTING_ARMS
        fields = [
            Field("run_id", chosen, tuple(runs), note="" if runs else "no run to compare yet: prompting only"),
            Field("arms", arms),
            Field("limit", "0", note="0: all rows"),
            Field("tasks", "", note="empty: all"),
            Field("batch_size", str(CompareSpec.batch_size)),
            Field("latency_rows", str(CompareSpec.latency_rows), note="0: no latency"),
            Field("seed", "0"),
        ]
        return SpecForm(CompareSpec(arms=("zero_shot",)), fields)

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
