"""The new-run form: what would be trained, in how many steps and how long, before anything starts."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from studio.acts.models import list_models
from studio.acts.training import TrainPlan, plan_training, start_training
from studio.errors import StudioError
from studio.reports.words import duration, learning_rate, number, size
from studio.runs.spec import METHODS, OVERLONG_POLICIES, TrainSpec
from studio.tui import actions
from studio.tui.screens.base import StudioDialog
from studio.tui.widgets.footer import KeyFooter
from studio.tui.widgets.form import Field, SpecForm
from studio.tui.widgets.lines import Line, LinesView

PLAN_AFTER_SECONDS = 0.2


class NewRunDialog(StudioDialog):
    """Dismissed with the id of the run it started, or None."""

    BINDINGS = actions.bindings_for("New run")
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - Textual's own way
    DEFAULT_CSS = """
    NewRunDialog > .dialog { height: auto; }
    NewRunDialog #halves { height: auto; }
    NewRunDialog.-narrow #halves { layout: vertical; }
    NewRunDialog SpecForm { width: 1fr; }
    NewRunDialog #plan { width: 1fr; padding: 0 0 0 2; }
    NewRunDialog.-narrow #plan { padding: 0; }
    NewRunDialog.-narrow > .dialog { width: 100%; max-height: 100%; }
    NewRunDialog.-narrow #about { height: 1; margin-top: 0; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._plan: TrainPlan | None = None
        self._is_starting = False

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "new run"
            with Horizontal(id="halves"):
                yield SpecForm(TrainSpec(), self._fields())
                yield LinesView(id="plan")
            yield KeyFooter(actions.footer_actions("New run"), self.studio.keys)

    def _fields(self) -> list[Field]:
        settings, usual = self.project.settings(), TrainSpec()
        cached = [model.name for model in list_models() if model.is_cached]
        models = tuple(dict.fromkeys([settings.base_model, *cached]))
        return [
            Field("base_model", settings.base_model, models if len(models) > 1 else ()),
            Field("method", usual.method, METHODS),
            Field("epochs", f"{usual.epochs:g}"),
            Field("batch_size", str(usual.batch_size)),
            Field("learning_rate", "0", note="0: 1e-3 lora, 5e-5 full"),
            Field("lora_rank", str(usual.lora_rank)),
            Field("max_length", str(settings.max_length)),
            Field("overlong", usual.overlong, OVERLONG_POLICIES),
            Field("patience", str(usual.patience), note="0: no early stop"),
            Field("tasks", "", note="empty: all"),
            Field("where", "", note="empty: all"),
            Field("seed", str(usual.seed)),
        ]

    def on_mount(self) -> None:
        self.query_one(SpecForm).focus_first()
        self._think()

    def on_spec_form_changed(self) -> None:
        self._plan = None
        self.forget("plan")
        self.set_timer(PLAN_AFTER_SECONDS, self._think)

    def _think(self) -> None:
        """Count what the form says now; a change made meanwhile makes the answer stale, and it is dropped."""
        try:
            spec = cast(TrainSpec, self.query_one(SpecForm).spec())
        except StudioError as error:
            self._show(refusal_lines(error))
            return
        store = self.store
        if store is None:
            self._show([[("The store is closed.", "bad")]])
            return
        self._show([[("counting rows and tokens …", "dim")]])
        self.ask("plan", lambda: plan_training(self.project, store, spec), self._planned)

    def _planned(self, plan: TrainPlan) -> None:
        self._plan = plan
        self._show(plan_lines(plan, is_narrow=self.has_class("-narrow")))

    def on_failed(self, noun: str, error: Exception) -> None:
        self._is_starting = False
        if not isinstance(error, StudioError):
            raise error
        self._show(refusal_lines(error))

    def _show(self, lines: list[Line]) -> None:
        self.query_one("#plan", LinesView).show(lines)

    def action_start(self) -> None:
        store, plan = self.store, self._plan
        if self._is_starting or store is None:
            return
        if plan is None:
            self._show([[("Not counted yet: a moment.", "warn")]])
            self._think()
        elif plan.refusal is None:
            self._is_starting = True
            self._show([[("freezing the rows, starting …", "title")]])
            self.ask("start", lambda: start_training(self.project, store, plan.spec), self._started)

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


def plan_lines(plan: TrainPlan, *, is_narrow: bool = False) -> list[Line]:
    """What would be trained and what it would take; what refuses it last. Narrow, facts share lines."""
    kept = plan.rows - plan.dropped_rows
    facts: list[tuple[str, str, str]] = [
        ("rows", f"{number(kept)} to train, {number(plan.validation_rows)} to validate", ""),
        ("tokens", f"{number(plan.tokens_per_epoch)} an epoch", ""),
        ("steps", f"{number(plan.steps)} of {plan.spec.batch_size} rows", ""),
        ("learning rate", learning_rate(plan.spec.peak_learning_rate), ""),
        ("over max_length", _overlong_words(plan), "warn" if plan.overlong_rows else "good"),
        ("time", _about(plan.forecast_seconds, duration), ""),
        ("memory", _about(plan.forecast_memory_bytes, size), ""),
    ]
    if is_narrow:
        lines: list[Line] = [[piece for name, words, style in facts for piece in _short_fact(name, words, style)]]
    else:
        lines = [[(f"{name:<16}", "dim"), (words, style)] for name, words, style in facts]
    if plan.refusal is not None:
        lines += refusal_lines(plan.refusal)
    elif not plan.validation_rows:
        lines.append([("▲ no validation rows: no eval loss, and the last checkpoint is the one kept", "warn")])
    elif not is_narrow:
        lines += [[("", "")], [("ctrl+j", "key"), (" starts it; it goes on when this terminal closes", "dim")]]
    return lines


def _short_fact(name: str, words: str, style: str) -> Line:
    return [(f"{name} ", "dim"), (words, style), (" · " if name != "memory" else "", "faint")]


def refusal_lines(error: StudioError) -> list[Line]:
    """Why the run may not start, and what to do."""
    lines: list[Line] = [[("✗ ", "limit"), (error.message, "bad")]]
    return [*lines, [("  " + error.hint, "bold")]] if error.hint else lines


def _overlong_words(plan: TrainPlan) -> str:
    if not plan.overlong_rows:
        return "no row"
    parts = [f"{number(plan.overlong_rows)} of {number(plan.rows)}"]
    if plan.dropped_rows:
        parts.append(f"{number(plan.dropped_rows)} dropped")
    if plan.cut_rows:
        parts.append(f"{number(plan.cut_rows)} cut")
    return ": ".join([parts[0], ", ".join(parts[1:])]) if len(parts) > 1 else parts[0]


def _about(value: float | None, words: Callable[[float | None], str]) -> str:
    return "not known before a first run" if value is None else f"about {words(value)}"
