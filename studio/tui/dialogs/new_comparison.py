"""The new-comparison form: which run, against which ways of prompting, on how many held-out rows."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, cast

from studio.acts.answering import tuned_run_ids
from studio.acts.compare_plan_words import compare_facts
from studio.acts.comparing import ComparePlan, plan_comparison, start_comparison
from studio.reports.numbers import duration
from studio.reports.visible import visible
from studio.runs.specs import CompareSpec
from studio.scoring.comparison import TUNED
from studio.tui import actions
from studio.tui.dialogs.form import SpecForm, fields_of
from studio.tui.dialogs.form_dialog import COUNT_AFTER_SECONDS, FormDialog
from studio.tui.widgets.lines import Line

if TYPE_CHECKING:
    from studio.dataset.store import Store

PROMPTING_ARMS = tuple(arm for arm in CompareSpec.arms if arm != TUNED)
BASIC = ("run_id", "arms", "limit", "tasks", "batch_size", "latency_rows", "seed")
NOTES = {"limit": "0: all rows", "tasks": "empty: all", "latency_rows": "0: no latency"}


class NewComparisonDialog(FormDialog):
    """Dismissed with the id of the comparison it started, or None. ``run_id`` is the run to begin with.

    ``forecast`` is how long the comparison will take, in words; empty where that is not known.
    """

    NAME = "New comparison"
    BINDINGS = actions.bindings_for(NAME)
    VERTICAL_BREAKPOINTS = [(0, "-low"), (28, "-high")]  # noqa: RUF012 - Textual's own way
    DEFAULT_CSS = """
    NewComparisonDialog #advice { margin-top: 1; }
    NewComparisonDialog.-low #advice, NewComparisonDialog.-low #about { margin-top: 0; }
    """

    def __init__(self, run_id: str = "") -> None:
        super().__init__()
        self._run_id = run_id
        self.forecast = ""

    def form(self) -> SpecForm:
        runs = tuned_run_ids(self.project)
        chosen = self._run_id if self._run_id in runs else next(iter(runs), "")
        arms = [arm for arm in CompareSpec.arms if chosen or arm != TUNED]
        values = {"run_id": chosen, "arms": ",".join(arms)}
        notes = NOTES if runs else NOTES | {"run_id": "no run yet: prompting only"}
        run, *others = fields_of(CompareSpec(arms=PROMPTING_ARMS), BASIC, values=values, notes=notes)
        return SpecForm(CompareSpec(arms=PROMPTING_ARMS), [replace(run, choices=tuple(runs)), *others])

    def consider(self) -> None:
        """Count what the form says now; a change made meanwhile makes the answer stale, and it is dropped."""
        spec = cast(CompareSpec | None, self.entered())
        self.forget("plan")
        if self.store is None:
            self.show([[("The store is closed.", "bad")]])
        elif spec is not None:
            self.show([[("counting rows …", "dim")]])
            self.after("plan", COUNT_AFTER_SECONDS, partial(self._count, self.store, spec))

    def _count(self, store: Store, spec: CompareSpec) -> None:
        self.ask("plan", lambda: plan_comparison(self.project, store, spec), self._planned)

    def _planned(self, plan: ComparePlan) -> None:
        self.forecast = "" if plan.forecast_seconds is None else f"about {duration(plan.forecast_seconds)}"
        self.show(plan_lines(plan))

    def action_start(self) -> None:
        store, spec = self.store, cast(CompareSpec | None, self.entered())
        if spec is not None and store is not None:
            self.forget("plan")
            self.start(lambda: start_comparison(self.project, store, spec))


def plan_lines(plan: ComparePlan) -> list[Line]:
    """What the comparison does, what decides and what its rows can show."""
    return [[(f"{name} ", "dim"), (visible(words), style)] for name, words, style in compare_facts(plan)]
