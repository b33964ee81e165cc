"""Runs: is it learning, when is it done, should I stop it?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial

from textual.containers import Horizontal
from textual.widget import Widget

from studio.acts.looking_back import run_differences
from studio.acts.training import stop_run
from studio.errors import AskedWrongly
from studio.reports.numbers import loss
from studio.reports.run_differences import difference_lines
from studio.runs.differences import RunDifferences
from studio.runs.directory import RunDirectory
from studio.runs.process import log_tail
from studio.runs.samples import Sampled, sampled_rows
from studio.runs.specs import TrainSpec
from studio.runs.state import RunState
from studio.tui import actions
from studio.tui.dialogs.confirm import ConfirmDialog
from studio.tui.dialogs.reader import ReaderDialog
from studio.tui.messages import ComparisonRequested, LineEntered, LineLeft, RunsPolled
from studio.tui.screens.list_screen import ListScreen
from studio.tui.screens.runs.controls import Controls
from studio.tui.screens.runs.curves import SMOOTHING_STEPS, X_AXES, ChartChoice, overlay_glyph, overlay_style
from studio.tui.screens.runs.leaving import KIND as MERGE
from studio.tui.screens.runs.leaving import Leaving
from studio.tui.screens.runs.rows_behind import RowsBehind
from studio.tui.screens.runs.run_view import CurvesWanted, RunShown, RunView
from studio.tui.screens.runs.sight import Sight
from studio.tui.screens.runs.since import ChangedSince
from studio.tui.screens.runs.tasks import TaskChoice
from studio.tui.training_again import TrainingAgain
from studio.tui.widgets.lines import Line, LinesView, entitle
from studio.tui.widgets.prompt_bar import PromptBar
from studio.tui.widgets.row_list import RowList
from studio.tui.widgets.run_lines import run_line, started_words

LOG_LINES = 200
NO_RUNS: list[Line] = [
    [("No runs yet.", "title")],
    [("", "")],
    [("n", "key"), ("  starts a fine-tune on the train split; a form shows rows, steps and time first.", "")],
    [("   A run goes on when this terminal is closed; any later one picks it up where it is.", "dim")],
]


_ON_THE_CHART = ("overlay", "smooth_less", "smooth_more")


def idle_actions(state: RunState | None) -> list[str]:
    """The footer's actions that have nothing to act on in this run."""
    if state is None:
        return ["stop", "resume", "compare_run", "log_tail", *_ON_THE_CHART]
    idle = [] if state.is_live else ["stop"]
    if not state.is_live and not state.can_resume:
        idle.append("resume")
    return [*idle, *(_ON_THE_CHART if state.kind == "compare" else ())]


class RunsScreen(ListScreen):
    """The list of runs, and the one under the cursor large. Needs no store: it works while another process holds it."""

    NAME = "Runs"
    MAIN_LIST = "#runs"
    BINDINGS = actions.bindings_for("Runs")
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012 - Textual's own way
    VERTICAL_BREAKPOINTS = [(0, "-low"), (32, "-high")]  # noqa: RUF012
    DEFAULT_CSS = """
    RunsScreen.-wide #runs {
        width: 41; height: 1fr; padding: 0 1;
        border: round $studio-faint; border-title-color: $text-primary; border-subtitle-color: $studio-dim;
    }
    RunsScreen.-wide #runs:focus { border: round $primary; }
    RunsScreen.-narrow #runs-body { layout: vertical; }
    RunsScreen.-narrow #runs { width: 1fr; height: 1; padding: 0 1; overflow-y: hidden; }
    RunsScreen.-low #sides { display: none; }
    RunsScreen #no-runs { margin: 2 4; }
    RunsScreen .hidden { display: none; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._states: list[RunState] = []
        self._run_id = ""
        self._choice = ChartChoice()
        self._overlaid: list[str] = []
        self._crosshair: int | None = None
        self._panel = ""
        self._log = ""
        self._samples: list[Sampled] = []
        self.rows_behind = RowsBehind(self)
        self.controls = Controls(self)
        self.leaving = Leaving(self)

    def body(self) -> Iterable[Widget]:
        yield LinesView(id="no-runs", classes="hidden")
        with Horizontal(id="runs-body"):
            yield RowList(id="runs")
            yield RunView()

    def above_status(self) -> Iterable[Widget]:
        yield PromptBar()

    def on_mount(self) -> None:
        self.query_one("#no-runs", LinesView).show(NO_RUNS, hang=3)
        self._take(self.session.run_states)
        self.shell.poll_runs()
        self.set_interval(1.0, self._count_on)

    def _count_on(self) -> None:
        """Before the first step nothing is written for seconds: the clock beside what is being done says that it is."""
        state = self.current
        if self.is_current and state is not None and state.is_live and state.phase_began is not None and state.phase:
            self.query_one(RunView).show_facts(state)

    # -- looking

    def on_runs_polled(self, message: RunsPolled) -> None:
        if [id(state) for state in message.states] != [id(state) for state in self._states]:
            self._take(message.states)

    def _take(self, states: list[RunState]) -> None:
        before = {state.run_id: state.status for state in self._states}
        self._states = states
        self._keep_cursor()
        for state in states:
            if before.get(state.run_id, state.status) != state.status:
                is_bad = state.status in ("failed", "lost", "damaged")
                self.say(_change_of_status(state), "error" if is_bad else "information")
        if self._panel == "log" or (self.current and self.current.status == "lost"):
            self._log = self._log_tail()
        self._read_samples()
        self._draw()

    @property
    def current(self) -> RunState | None:
        return next((state for state in self._states if state.run_id == self._run_id), None)

    def _keep_cursor(self) -> None:
        if self.current is None and self._states:  # the first look, or a run whose directory is gone
            self._run_id = self._states[0].run_id

    def _draw(self) -> None:
        self.query_one("#no-runs").set_class(bool(self._states), "hidden")
        self.query_one("#runs-body").set_class(not self._states, "hidden")
        self.show_idle(*idle_actions(self.current))
        if not self._states:
            return
        self._keep_cursor()
        runs = self.query_one("#runs", RowList)
        index = next(at for at, state in enumerate(self._states) if state.run_id == self._run_id)
        runs.show(len(self._states), self._run_row, index)
        entitle(runs, "runs", f"{len(self._states)}")
        state = self.current
        if state is None:
            return
        overlaid = tuple(
            each for name in self._overlaid for each in self._states if name == each.run_id != self._run_id
        )
        view = self.query_one(RunView)
        view.show(RunShown(state, self._choice, overlaid, self._crosshair, self._log))
        view.show_panel(self._panel, state, self._log, self._samples)

    def on_curves_wanted(self, message: CurvesWanted) -> None:
        message.stop()
        self.ask("curves", message.read, message.put)

    def _run_row(self, index: int, width: int) -> Line:
        state = self._states[index]
        overlay = None
        shown = [name for name in self._overlaid if name != self._run_id]
        if state.run_id in shown:
            place = shown.index(state.run_id) + 1
            overlay = (overlay_glyph(place), overlay_style(place))
        place_words = f"{index + 1}/{len(self._states)} ↑↓" if self.has_class("-narrow") else ""
        return run_line(state, width, overlay, place_words)

    def on_row_list_highlighted(self, message: RowList.Highlighted) -> None:
        self._run_id = self._states[message.index].run_id
        self._crosshair = None
        self._choice = replace(self._choice, sight=Sight(), tasks=TaskChoice())
        self._log = self._log_tail()
        self._samples = []
        self._read_samples()
        self._draw()

    def on_row_list_chosen(self) -> None:
        self.action_enter()

    def action_enter(self) -> None:
        """A comparison opens in Compare, the crosshair's step its examples in Data; else a train run's settings."""
        state = self.current
        if state is None:
            return
        if state.kind == "compare":
            self.post_message(ComparisonRequested(state.run_id))
        elif self._crosshair is not None and state.series.step:
            at = min(self._crosshair, len(state.series.step) - 1)
            self.rows_behind.show_step(state.run_id, state.series.step[at])
        else:
            self._switch_panel("settings")

    def action_back(self) -> None:
        bar = self.query_one(PromptBar)
        if bar.is_open:
            bar.leave()
            return
        if self.leaving.end():
            return
        self._crosshair, self._panel = None, ""
        self._draw()

    def action_log_tail(self) -> None:
        self._switch_panel("log")

    def action_samples(self) -> None:
        if self.current is not None and self.current.kind != "train":
            self.say("only train runs answer sample prompts", "warning")
            return
        self._switch_panel("samples")
        self._read_samples()

    def _read_samples(self) -> None:
        if self._panel == "samples":
            directory = RunDirectory(self.project.runs_path / self._run_id)
            self.ask("samples", lambda: sampled_rows(directory), self._take_samples)

    def _take_samples(self, samples: list[Sampled]) -> None:
        if samples != self._samples:
            self._samples = samples
            self._draw()

    def action_run_differences(self) -> None:
        """To the run under the cursor from the one that was put on the chart last, else from the one before it."""
        state = self.current
        trained = [each.run_id for each in self._states if each.kind == "train"]
        if state is None or state.run_id not in trained:
            self.say("only train runs are compared by their settings and rows", "warning")
            return
        older = trained[trained.index(state.run_id) + 1 :][:1]
        marked = [name for name in reversed(self._overlaid) if name in trained and name != state.run_id][:1]
        other = next(iter(marked or older), "")
        if not other:
            self.say("there is no other run to compare with: space on one chooses it", "warning")
            return
        question = partial(run_differences, self.project, other, state.run_id)
        self.ask("differences", question, self._show_differences)

    def _show_differences(self, found: RunDifferences) -> None:
        title = f"{found.before.run_id} → {found.after.run_id}"
        self.app.push_screen(ReaderDialog(title, difference_lines(found)))

    def _switch_panel(self, name: str) -> None:
        self._panel = "" if self._panel == name else name
        self._log = self._log_tail()
        self._draw()

    def _log_tail(self) -> str:
        return log_tail(RunDirectory(self.project.runs_path / self._run_id), LOG_LINES)

    # -- the chart

    def action_smooth_less(self) -> None:
        self._smooth(-1)

    def action_smooth_more(self) -> None:
        self._smooth(1)

    def _smooth(self, delta: int) -> None:
        smoothing = max(0, min(self._choice.smoothing + delta, len(SMOOTHING_STEPS) - 1))
        self._choice = replace(self._choice, smoothing=smoothing)
        weight = self._choice.weight
        self.say(f"smoothing {weight:g}" if weight else "no smoothing")
        self._draw()

    def action_log_axis(self) -> None:
        self._choice = replace(self._choice, log_y=not self._choice.log_y)
        self.say("logarithmic axis" if self._choice.log_y else "linear axis")
        self._draw()

    def action_x_axis(self) -> None:
        following = X_AXES[(X_AXES.index(self._choice.x_axis) + 1) % len(X_AXES)]
        self._choice = replace(self._choice, x_axis=following)
        self.say(f"x axis: {following}")
        self._draw()

    def action_tasks(self) -> None:
        state = self.current
        if state is None or not state.series.task_losses:
            self.say("this run has no evaluations of several tasks", "warning")
            return
        self._choice = replace(self._choice, tasks=self._choice.tasks.following(list(state.series.task_losses)))
        self.say(self._choice.tasks.words)
        self._draw()

    def action_crosshair_left(self) -> None:
        self._move_crosshair(-1)

    def action_crosshair_right(self) -> None:
        self._move_crosshair(1)

    def _move_crosshair(self, direction: int) -> None:
        state = self.current
        steps = len(state.series.step) if state else 0
        if state is None or not steps:
            self.say("no step to read yet")
            return
        first, last = self._choice.sight.part(steps)
        stride = max(1, (last - first + 1) // self.query_one(RunView).chart_columns)
        at = last if self._crosshair is None else self._crosshair + direction * stride
        self._crosshair = _highest_near(state.series.loss, max(0, min(at, steps - 1)), stride)
        self._choice = replace(self._choice, sight=self._choice.sight.with_step(steps, self._crosshair))
        self._draw()

    def action_zoom_in(self) -> None:
        self._look_at(lambda sight, steps: sight.zoomed(steps, True, self._crosshair))

    def action_zoom_out(self) -> None:
        self._look_at(lambda sight, steps: sight.zoomed(steps, False, self._crosshair))

    def action_pan_left(self) -> None:
        self._look_at(lambda sight, steps: sight.panned(steps, -1))

    def action_pan_right(self) -> None:
        self._look_at(lambda sight, steps: sight.panned(steps, 1))

    def _look_at(self, change: Callable[[Sight, int], Sight]) -> None:
        state = self.current
        steps = len(state.series.step) if state else 0
        if not steps:
            self.say("no step to look at yet")
            return
        sight = change(self._choice.sight, steps)
        if sight == self._choice.sight:
            self.say("that is all there is" if sight == Sight() else "no further")
        self._choice = replace(self._choice, sight=sight)
        self._draw()

    def action_overlay(self) -> None:
        state = self.current
        if state is None or state.kind != "train":
            self.say("only train runs have a loss to draw", "warning")
        elif state.run_id in self._overlaid:
            self._overlaid.remove(state.run_id)
            self.say(f"{state.run_id} is off the chart")
        else:
            self._overlaid.append(state.run_id)
            self.say(f"{state.run_id} stays on the chart; ↑↓ choose the run to set beside it")
        self._draw()

    def action_worst_rows(self) -> None:
        self.rows_behind.show_worst()

    # -- doing

    def action_new_run(self) -> None:
        from studio.tui.dialogs.new_run import NewRunDialog

        if self.store is None:
            self.say("the store is not open here, so no run can be frozen from it", "warning")
            return
        spec = self.current.spec if self.current else None
        dialog = NewRunDialog(spec if isinstance(spec, TrainSpec) else None)
        self.app.push_screen(dialog, lambda run_id: self._started(run_id, dialog.forecast))

    def _started(self, run_id: str | None, forecast: str = "") -> None:
        if run_id:
            self.say(started_words(run_id, forecast))
            self._run_id = run_id
            self.shell.poll_runs()

    def action_compare_run(self) -> None:
        from studio.tui.dialogs.new_comparison import NewComparisonDialog

        if self.store is None:
            self.say("the store is not open here, so no rows can be frozen from it", "warning")
            return
        state = self.current
        dialog = NewComparisonDialog(state.run_id if state and state.kind == "train" else "")
        self.app.push_screen(dialog, lambda run_id: self._started(run_id, dialog.forecast))

    def action_since(self) -> None:
        if (state := self.current) is not None:
            ChangedSince(self).show(state.run_id)

    def action_train_again(self) -> None:
        if (state := self.current) is not None:
            TrainingAgain(self).ask(state.run_id)

    def action_stop(self) -> None:
        state = self.current
        if state is None or not state.is_live:
            self.say(f"{state.run_id} is {state.status}: nothing to stop" if state else "no run to stop", "warning")
            return
        consequence = "It finishes its step and writes a checkpoint; p goes on from there."
        if state.kind == "compare":
            consequence = "What was answered is kept; p goes on from there."
        question = ConfirmDialog(f"stop {state.run_id}?", consequence)
        self.app.push_screen(question, lambda is_yes: self._stop(state.run_id) if is_yes else None)

    def _stop(self, run_id: str) -> None:
        self.say(f"{run_id}: stopping after this step …")
        self.ask("stop", lambda: stop_run(self.project, run_id), lambda _: self.shell.poll_runs())

    def action_resume(self) -> None:
        self.controls.pause_or_resume()

    def action_checkpoint(self) -> None:
        self.controls.checkpoint()

    def action_length(self) -> None:
        if now := self.controls.length_now():
            self.query_one(PromptBar).ask("length", "length", now, hint="epochs=3, or steps=400: in all")

    def action_merge(self) -> None:
        self.leaving.ask(self.query_one(PromptBar))

    def on_failed(self, noun: str, error: Exception) -> None:
        if noun == MERGE:
            self.leaving.failed()
        super().on_failed(noun, error)

    def on_unmount(self) -> None:
        self.leaving.end()

    def on_line_entered(self, message: LineEntered) -> None:
        message.stop()
        bar = self.query_one(PromptBar)
        if message.kind == MERGE:
            self.leaving.enter(message.text, bar)
            return
        try:
            self.controls.change_length(message.text)
            bar.leave()
        except AskedWrongly as error:
            bar.refuse(error.hint)

    def on_line_left(self, message: LineLeft) -> None:
        message.stop()
        self.query_one("#runs").focus()


def _highest_near(losses: Sequence[float], at: int, stride: int) -> int:
    """The index within half a stride of ``at`` whose loss is the highest: one column of the chart is a stride of steps,
    and the spike that is seen there is what a person wants to read.
    """
    around = range(max(0, at - stride // 2), min(len(losses), at + stride // 2 + 1))
    known = [index for index in around if losses[index] == losses[index]]
    return max(known, key=lambda index: losses[index], default=at) if stride > 1 else at


def _change_of_status(state: RunState) -> str:
    words = {
        "finished": f"{state.run_id} finished",
        "failed": f"{state.run_id} failed: {state.message}",
        "lost": f"{state.run_id} is lost: its process ended without a word · p resumes",
        "damaged": f"{state.run_id} is damaged: {state.message}",
        "paused": f"{state.run_id} is paused with a checkpoint · p goes on",
        "stopped": f"{state.run_id} stopped with a checkpoint · p resumes",
    }.get(state.status, f"{state.run_id} is {state.status}")
    if state.status == "finished" and state.best_eval_loss is not None:
        words += f" · best eval {loss(state.best_eval_loss)} at step {state.best_step}"
    return words
