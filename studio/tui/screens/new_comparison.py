"""The new-comparison form: which run, against which ways of prompting, on how many held-out rows."""

from __future__ import annotations

from typing import cast

from textual.app import ComposeResult
from textual.containers import Vertical

from studio.acts.comparing import start_comparison, tuned_run_ids
from studio.errors import StudioError
from studio.runs.spec import CompareSpec
from studio.tui import actions
from studio.tui.screens.base import StudioDialog
from studio.tui.screens.new_run import refusal_lines
from studio.tui.widgets.footer import KeyFooter
from studio.tui.widgets.form import Field, SpecForm
from studio.tui.widgets.lines import Line, LinesView

PROMPTING_ARMS = "zero_shot,one_shot,few_shot:5"


class NewComparisonDialog(StudioDialog):
    """Dismissed with the id of the comparison it started, or None. ``run_id`` is the run to begin with."""

    BINDINGS = actions.bindings_for("New comparison")
    DEFAULT_CSS = """
    NewComparisonDialog > .dialog { max-width: 90; }
    NewComparisonDialog #advice { margin-top: 1; }
    """

    def __init__(self, run_id: str = "") -> None:
        super().__init__()
        self._run_id = run_id
        self._is_starting = False

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "new comparison"
            yield SpecForm(CompareSpec(arms=("zero_shot",)), self._fields())
            yield LinesView(id="advice")
            yield KeyFooter(actions.footer_actions("New comparison"), self.studio.keys)

    def _fields(self) -> list[Field]:
        runs = tuned_run_ids(self.project)
        chosen = self._run_id if self._run_id in runs else next(iter(runs), "")
        arms = f"{PROMPTING_ARMS},tuned" if chosen else PROMPTING_ARMS
        return [
            Field("run_id", chosen, tuple(runs), note="" if runs else "no run to compare yet: prompting only"),
            Field("arms", arms),
            Field("limit", "0", note="0: all rows"),
            Field("tasks", "", note="empty: all"),
            Field("batch_size", str(CompareSpec.batch_size)),
            Field("seed", "0"),
        ]

    def on_mount(self) -> None:
        self.query_one(SpecForm).focus_first()
        self._advise()

    def on_spec_form_changed(self) -> None:
        self._advise()

    def _advise(self) -> CompareSpec | None:
        """Say what would be done, or why it cannot be; the spec in the first case."""
        try:
            spec = cast(CompareSpec, self.query_one(SpecForm).spec())
        except StudioError as error:
            self._show(refusal_lines(error))
            return None
        rows = f"at most {spec.limit} rows, evenly over the tasks," if spec.limit else "every row"
        self._show(
            [[(f"{rows} of the {spec.split} split, answered by {len(spec.arms)} arms; shots from train only", "dim")]]
        )
        return spec

    def on_failed(self, noun: str, error: Exception) -> None:
        self._is_starting = False
        if not isinstance(error, StudioError):
            raise error
        self._show(refusal_lines(error))

    def _show(self, lines: list[Line]) -> None:
        self.query_one("#advice", LinesView).show(lines)

    def action_start(self) -> None:
        store, spec = self.store, self._advise()
        if spec is None or store is None or self._is_starting:
            return
        self._is_starting = True
        self._show([[("freezing the rows, starting …", "title")]])
        self.ask("start", lambda: start_comparison(self.project, store, spec), self._started)

    def _started(self, run_id: str) -> None:
        self.dismiss(run_id)

    def action_next_field(self) -> None:
        self.focus_next()

    def action_previous_field(self) -> None:
        self.focus_previous()

    def action_next_choice(self) -> None:
        self.query_one(SpecForm).step_choice(1)

    def action_previous_choice(self) -> None:
        self.query_one(SpecForm).step_choice(-1)
