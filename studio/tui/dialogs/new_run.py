"""The new-run form: what would be trained, in how many steps and how long, before anything starts."""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, cast

from studio.acts.measuring import measure
from studio.acts.plan_words import forecast_words, plan_facts
from studio.acts.training import TrainPlan, begin_training, plan_training
from studio.models.catalogue import list_models
from studio.runs.events import Forecast
from studio.runs.settings import Spec
from studio.runs.specs import TrainSpec
from studio.tui import actions
from studio.tui.dialogs.form import SpecForm, fields_of, with_others
from studio.tui.dialogs.form_dialog import COUNT_AFTER_SECONDS, Advice, FormDialog, refusal_lines
from studio.tui.widgets.lines import Line, joined

if TYPE_CHECKING:
    from studio.dataset.store import Store

BASIC = (
    "base_model",
    "method",
    "epochs",
    "batch_size",
    "learning_rate",
    "lora_rank",
    "max_length",
    "overlong",
    "patience",
    "tasks",
    "labels",
    "where",
)  # what fits 80×24 beside a line for all others
NOTES = {
    "learning_rate": "0: the method's usual one",
    "patience": "0: no early stop",
    "tasks": "empty: all",
    "where": "empty: all",
    "labels": "none: no label yet",
}


class NewRunDialog(FormDialog):
    """Begins with the settings of the run ``like``; else with the model and max_length that Window was asked about.

    ``forecast`` is how long the run that was started will take, in words.
    """

    NAME = "New run"
    BINDINGS = actions.bindings_for(NAME)
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - Textual's own way
    DEFAULT_CSS = """
    NewRunDialog #halves { layout: horizontal; }
    NewRunDialog.-narrow #halves { layout: vertical; }
    NewRunDialog SpecForm { width: 1fr; }
    NewRunDialog #advice { width: 1fr; padding: 0 0 0 2; }
    NewRunDialog.-narrow #advice { padding: 0; }
    NewRunDialog.-narrow #about { height: 1; margin-top: 0; }
    """

    def __init__(self, like: TrainSpec | None = None) -> None:
        super().__init__()
        self._like = like
        self.forecast = ""
        self._considered: Spec | None = None
        self._plan: TrainPlan | None = None
        self._is_plan_shown = False
        self._found: Forecast | None = None  # by what was measured of this plan
        self._measuring: threading.Event | None = None  # set when nobody wants to know any more

    def form(self) -> SpecForm:
        spec, tried = self._like, dict[str, str]()
        if spec is None:
            spec = TrainSpec(max_target_length=self.session.max_target_length)
            tried = {"base_model": self.session.base_model, "max_length": str(self.session.max_length)}
        plain, (model, *others) = with_others(spec, fields_of(spec, BASIC, values=tried, notes=NOTES))
        cached = [one.name for one in list_models() if one.is_cached]
        models = tuple(dict.fromkeys([model.value, self.project.settings().base_model, *cached]))
        return SpecForm(plain, [replace(model, choices=models if len(models) > 1 else ()), *others])

    def consider(self) -> None:
        """Count what the form says now; a change made meanwhile makes the answer stale, and it is dropped."""
        spec = self.entered()
        if spec is not None and spec == self._considered:
            return
        self._considered, self._plan, self._found = spec, None, None
        self._end_measuring()
        self.forget("plan")
        if self.store is None:
            self.show([[("The store is closed.", "bad")]])
        elif spec is not None:
            self.show([[("counting rows and tokens …", "dim")]])
            self.after("plan", COUNT_AFTER_SECONDS, self._count)

    def _count(self) -> None:
        store, spec = self.store, cast(TrainSpec | None, self._considered)
        if store is not None and spec is not None:
            self.ask("plan", lambda: plan_training(self.project, store, spec), self._planned)

    def on_advice_resized(self) -> None:
        """Of the dialog's own resizing nothing follows yet: what is in it is laid out later, when its styles are.

        A refusal that needs another height than the plan before it stays.
        """
        if self._is_plan_shown:
            self._show_plan()

    def _planned(self, plan: TrainPlan) -> None:
        self._plan = plan
        self._show_plan()

    def _show_plan(self) -> None:
        """In the room that there is now: a plan may be there before the dialog is laid out, and a terminal may grow."""
        plan = self._plan
        if plan is None or self._measuring is not None:
            return
        width = self.query_one(Advice).content_size.width
        self.show(plan_lines(plan, width, self._found, is_narrow=self.has_class("-narrow")))
        self._is_plan_shown = True

    def show(self, lines: list[Line]) -> None:
        self._is_plan_shown = False
        super().show(lines)

    # -- measuring

    def action_measure(self) -> None:
        """Try a few steps of what is entered, in a process of its own. A change of the form ends it."""
        store, plan = self.store, self._plan
        if store is None or plan is None or plan.refusal is not None or self._measuring is not None:
            return
        is_over = self._measuring = threading.Event()

        def say(words: str) -> None:
            self.app.call_from_thread(self._say_measuring, is_over, words)

        question = partial(measure, self.project, store, plan, say, is_over.is_set)
        self._say_measuring(is_over, "starting")
        self.ask("measuring", question, self._measured)

    def _say_measuring(self, measuring: threading.Event, words: str) -> None:
        if self._measuring is measuring:
            self.show([[(f"{words} …", "title")], [("esc", "key"), (" ends the measuring", "dim")]])

    def _measured(self, found: Forecast | None) -> None:
        self._measuring, self._found = None, found
        self._show_plan()

    def _end_measuring(self) -> bool:
        """Whether something was measured that nobody waits for any more."""
        measuring, self._measuring = self._measuring, None
        if measuring is not None:
            measuring.set()
            self.forget("measuring")
        return measuring is not None

    def on_failed(self, noun: str, error: Exception) -> None:
        if noun == "measuring":
            self._measuring = None
        super().on_failed(noun, error)

    async def action_dismiss(self, result: str | None = None) -> None:
        """esc ends the measuring first, then leaves."""
        if self._end_measuring():
            self._show_plan()
            return
        self.dismiss(result)

    # -- starting

    def action_start(self) -> None:
        """Start what is entered, counted already or not; a plan that is shown to refuse stays as it is shown."""
        store, spec = self.store, cast(TrainSpec | None, self.entered())
        is_refused = self._plan is not None and self._plan.refusal is not None
        if store is not None and spec is not None and not is_refused:
            self.forget("plan")
            self._end_measuring()
            self.start(partial(self._freeze_and_start, store, spec))

    def _freeze_and_start(self, store: Store, spec: TrainSpec) -> str:
        run_id, plan = begin_training(self.project, store, spec)
        self.forecast = forecast_words(plan)
        return run_id


def plan_lines(plan: TrainPlan, width: int, measured: Forecast | None = None, *, is_narrow: bool = False) -> list[Line]:
    """What would be trained and what it would take; what refuses it last. Narrow, facts share lines of ``width``."""
    facts = plan_facts(plan, measured, is_terse=is_narrow)
    lines: list[Line]
    if is_narrow:
        lines = joined([[(f"{name} ", "dim"), (words, style)] for name, words, style in facts], width)
    else:
        lines = [[(f"{name:<16}", "dim"), (words, style)] for name, words, style in facts]
    if plan.refusal is not None:
        lines += refusal_lines(plan.refusal)
    elif not plan.validation_rows:
        lines.append([("▲ no validation rows: no eval loss, and the last checkpoint is the one kept", "warn")])
    elif not is_narrow:
        lines += [[("", "")], [("ctrl+j", "key"), (" starts it; it goes on when this terminal closes", "dim")]]
        if measured is None:
            lines.append([("ctrl+g", "key"), (" tries a few steps first: time, memory, disk", "dim")])
    return lines
