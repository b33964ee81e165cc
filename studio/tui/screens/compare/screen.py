"""Compare: what won, by how much, can I trust it, show me."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from textual.containers import Vertical
from textual.widget import Widget

from studio.acts.comparing import LoadedComparison, load_comparison
from studio.errors import StudioError
from studio.project import Project
from studio.reports.compare import CompareRow, CompareView, compare_view
from studio.reports.numbers import counted
from studio.reports.visible import visible
from studio.runs.specs import CompareSpec
from studio.runs.state import RunState
from studio.scoring.comparison import Comparison
from studio.tokens.tokenizer import ModelFolder
from studio.tui import actions, styles
from studio.tui.messages import ComparisonRequested, ExamplesRequested, RunsPolled
from studio.tui.screens.compare.answers import Columns, changes_line, heading_line, row_in_full, row_line
from studio.tui.screens.compare.answers_pane import AnswersPane
from studio.tui.screens.compare.arm_keys import ArmKeys
from studio.tui.screens.compare.arms import arm_lines
from studio.tui.screens.list_screen import ListScreen
from studio.tui.widgets.lines import HeadLine, Line, LinesView
from studio.tui.widgets.row_list import RowList
from studio.tui.widgets.run_lines import comparison_lines, started_words, status_segment, trouble_lines

MOST_ARMS = 6
WIDE = 110
ORDERS = ("disagreement", "fixed first", "broken first", "test set order")


def no_comparison_lines() -> list[Line]:
    """What a comparison is, and the key that makes one."""
    *arms, last = (arm.replace("_", " ") for arm in CompareSpec.arms)
    return [
        [("No comparison yet.", "title")],
        [("", "")],
        [("n", "key"), (f"  lets {', '.join(arms)} and {last} answer.", "")],
        [("   The same held-out rows and the same base model for all.", "dim")],
    ]


def damage_lines(run_id: str, error: StudioError) -> list[Line]:
    """Why a comparison cannot be shown, and that the others can."""
    return [
        [(f"! {run_id} is damaged: ", "limit"), (visible(error.message), "bad")],
        *([("  " + visible(line), "dim")] for line in error.hint.splitlines()),
        [("", "")],
        [("< >", "key"), ("  step to the other comparisons", "dim")],
    ]


@dataclass(frozen=True)
class Loaded:
    """A comparison with its scored rows; ``context_window`` is None where the model is gone."""

    comparison: LoadedComparison
    view: CompareView
    context_window: int | None


def load(project: Project, run_id: str) -> Loaded:
    """Read and score a comparison. Seconds for thousands of rows: call it in a thread."""
    comparison = load_comparison(project, run_id)
    try:
        context_window = ModelFolder(Path(comparison.spec.model_path)).window.tokens
    except StudioError:  # the model was moved away since: its answers are still worth reading
        context_window = None
    return Loaded(comparison, compare_view(comparison.rows, comparison.predictions, comparison.scores), context_window)


class CompareScreen(ArmKeys, ListScreen):
    """The newest comparison unless another is chosen. Needs no store."""

    NAME = "Compare"
    BINDINGS = actions.bindings_for("Compare")
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]  # noqa: RUF012 - Textual's own way
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (20, "-low"), (32, "-high")]  # noqa: RUF012
    DEFAULT_CSS = """
    CompareScreen #words { margin: 1 2; }
    CompareScreen #verdict { padding: 0 2; max-height: 3; }
    CompareScreen.-high #verdict { margin: 0 0 1 0; }
    CompareScreen #arms, CompareScreen #row-panel, CompareScreen #full {
        border-top: solid $studio-faint; border-title-color: $text-primary; border-subtitle-color: $studio-dim;
        padding: 0 1;
    }
    CompareScreen #row-panel { height: 1fr; }
    CompareScreen #full { height: 40%; }
    CompareScreen.-low #full { height: 7; }
    CompareScreen.-tiny #verdict { max-height: 2; }
    CompareScreen.-tiny #heading, CompareScreen.-tiny #full, CompareScreen.-tiny.-in-full #arms { display: none; }
    CompareScreen.-tiny.-in-full #full { display: block; height: 6; }
    CompareScreen .hidden { display: none; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._states: list[RunState] = []
        self._run_id = ""
        self._shown: tuple[str, str] = ("", "")  # run id and status that were loaded
        self._loaded: Loaded | None = None
        self._rows: list[CompareRow] = []
        self._order, self._only_task = ORDERS[0], ""
        self._hidden: set[str] = set()
        self._is_marked = True

    def body(self) -> Iterable[Widget]:
        yield LinesView(id="words")
        with Vertical(id="results", classes="hidden"):
            yield LinesView(id="verdict")
            yield LinesView(id="arms")
            with Vertical(id="row-panel"):
                yield HeadLine(self._heading, id="heading")
                yield RowList(id="rows", empty="no row was answered by every arm")
            yield AnswersPane(id="full")

    def on_mount(self) -> None:
        self._take(self.session.run_states)
        self.shell.poll_runs()

    def on_comparison_requested(self, message: ComparisonRequested) -> None:
        message.stop()
        self._choose(message.run_id)

    # -- looking

    def on_runs_polled(self, message: RunsPolled) -> None:
        self._take(message.states)

    def _take(self, states: list[RunState]) -> None:
        self._states = [state for state in states if state.kind == "compare"]
        if not self._states:
            self._show_words(no_comparison_lines())
            return
        if self._current is None and not self._run_id:
            self._run_id = self._states[0].run_id
        state = self._current
        if state is None:  # just started, or asked for: the next look finds it
            return
        if state.is_live:
            self._show_words(progress_of(state, self.size.width))
        elif self._shown != (state.run_id, state.status):
            self._shown = (state.run_id, state.status)
            self.ask("comparison", lambda: load(self.project, state.run_id), self._take_loaded)

    def on_failed(self, noun: str, error: Exception) -> None:
        if noun != "comparison" or not isinstance(error, StudioError):
            super().on_failed(noun, error)
            return
        self._loaded = None
        self._show_words(damage_lines(self._run_id, error))

    def _take_loaded(self, loaded: Loaded) -> None:
        is_other = self._loaded is None or self._loaded.comparison.run_id != loaded.comparison.run_id
        self._loaded = loaded
        if is_other:
            self._only_task, self._hidden = "", set()
        state = self._current
        if state is not None and not loaded.view.rows:
            self._show_words([*trouble_lines(state, ""), [("no row was answered by every arm yet", "dim")]])
            return
        self._draw(from_top=is_other)

    @property
    def _current(self) -> RunState | None:
        return next((state for state in self._states if state.run_id == self._run_id), None)

    def _choose(self, run_id: str) -> None:
        self._run_id, self._shown = run_id, ("", "")
        self.shell.poll_runs()

    # -- showing

    def _show_words(self, lines: list[Line]) -> None:
        self.query_one("#results").add_class("hidden")
        words = self.query_one("#words", LinesView)
        words.remove_class("hidden")
        words.show(lines)

    def _draw(self, *, from_top: bool = False) -> None:
        loaded = self._loaded
        if loaded is None or not loaded.view.rows:
            return
        self.query_one("#words").add_class("hidden")
        self.query_one("#results").remove_class("hidden")
        self._rows = ordered(loaded.view, self._order, self._only_task)
        self._draw_totals(loaded)
        panel = self.query_one("#row-panel")
        panel.border_title = styles.title(
            f"{counted(len(self._rows), 'row')} · {self._order}   {changes_line(loaded.view.changes)}"
        )
        rows = self.query_one("#rows", RowList)
        if not rows.has_focus:
            rows.focus()
        rows.show(len(self._rows), self._row_line, 0 if from_top else None)
        self.query_one("#heading").refresh()
        self._draw_row()

    def _draw_totals(self, loaded: Loaded) -> None:
        comparison = loaded.view.comparison
        self.query_one("#verdict", LinesView).show(verdict_lines(comparison, self._current))
        arms = self.query_one("#arms", LinesView)
        arms.show(arm_lines(comparison, self._only_task, loaded.context_window, self.size.width - 2))
        position = next((at for at, each in enumerate(self._states, start=1) if each.run_id == self._run_id), 1)
        notes = [
            f"{position}/{len(self._states)} {self._current.title if self._current else self._run_id}",
            *score_notes(comparison, self._only_task, self.size.width),
        ]
        arms.border_title = styles.title(visible(" · ".join(notes)))

    def _heading(self, width: int) -> Line:
        return heading_line(self._columns, self.query_one("#rows", RowList).scrollable_content_region.width or width)

    def _draw_row(self) -> None:
        index = self.query_one("#rows", RowList).index
        if index >= len(self._rows):
            return
        row = self._rows[index]
        lines = row_in_full(row, self._columns, is_prompt_last=not self.has_class("-high"))
        facts = [f"#{row.example_id}", row.task, row.change]
        self.query_one("#full", AnswersPane).show(" · ".join(fact for fact in facts if fact), lines)

    def _row_line(self, index: int, width: int) -> Line:
        return row_line(self._rows[index], self._columns, width)

    @property
    def _columns(self) -> Columns:
        is_wide = self.has_class("-wide")
        tasks = self._loaded.view.comparison.tasks if self._loaded else ()
        arms = tuple((key, arm) for key, arm in enumerate(self._arms, start=1) if arm not in self._hidden)
        return Columns(
            arms, is_wide or len(arms) < 3, is_wide and len(tasks) > 1 and not self._only_task, self._is_marked
        )

    @property
    def _arms(self) -> list[str]:
        return list(self._loaded.view.comparison.arms)[:MOST_ARMS] if self._loaded else []

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw)

    def on_row_list_highlighted(self) -> None:
        self._draw_row()

    def on_row_list_chosen(self) -> None:
        self.action_show_row()

    # -- keys

    def action_back(self) -> None:
        self.remove_class("-in-full")

    def action_pane_down(self) -> None:
        if self.has_class("-tiny") and not self.has_class("-in-full"):
            self.add_class("-in-full")  # there is room for the scores or for the row in full
            self.call_after_refresh(self._draw_row)
            return
        self.query_one("#full", AnswersPane).scroll_relative(y=3, animate=False)

    def action_pane_up(self) -> None:
        self.query_one("#full", AnswersPane).scroll_relative(y=-3, animate=False)

    def action_enter(self) -> None:
        self.action_show_row()

    def action_show_row(self) -> None:
        index = self.query_one("#rows", RowList).index
        if index < len(self._rows):
            row = self._rows[index]
            self.post_message(ExamplesRequested([row.example_id], f"row {row.example_id} of {self._run_id}"))

    def action_sort_rows(self) -> None:
        self._order = ORDERS[(ORDERS.index(self._order) + 1) % len(ORDERS)]
        self.say(f"order: {self._order}")
        self._draw(from_top=True)

    def action_differences(self) -> None:
        self._is_marked = not self._is_marked
        self.say("differences marked" if self._is_marked else "differences not marked")
        self._draw()

    def action_filter_task(self) -> None:
        tasks = ["", *(self._loaded.view.comparison.tasks if self._loaded else ())]
        self._only_task = tasks[(tasks.index(self._only_task) + 1) % len(tasks)]
        self.say(f"only {self._only_task}" if self._only_task else "all tasks")
        self._draw(from_top=True)

    def action_older(self) -> None:
        self._step_comparison(1)

    def action_newer(self) -> None:
        self._step_comparison(-1)

    def _step_comparison(self, delta: int) -> None:
        ids = [state.run_id for state in self._states]
        if self._run_id not in ids:
            return
        at = ids.index(self._run_id) + delta
        if not 0 <= at < len(ids):
            self.say("that is the oldest comparison" if delta > 0 else "that is the newest comparison")
            return
        self.say(ids[at])
        self._choose(ids[at])

    def action_new_comparison(self) -> None:
        from studio.tui.dialogs.new_comparison import NewComparisonDialog

        if self.store is None:
            self.say("the store is not open here, so no rows can be frozen from it", "warning")
            return
        dialog = NewComparisonDialog()
        self.app.push_screen(dialog, lambda run_id: self._started(run_id, dialog.forecast))

    def _started(self, run_id: str | None, forecast: str) -> None:
        if run_id:
            self.say(started_words(run_id, forecast))
            self._choose(run_id)

    def show_or_hide_arm(self, key: int) -> None:
        if key > len(self._arms):
            self.say(f"there is no arm {key}")
            return
        arm = self._arms[key - 1]
        if arm not in self._hidden and len(self._columns.arms) == 1:
            self.say("the last arm stays", "warning")
            return
        self._hidden ^= {arm}
        self._draw()


def ordered(view: CompareView, order: str, task: str) -> list[CompareRow]:
    """The rows of ``task`` (empty: all) in one of ``ORDERS``; within one kind of change the most disagreeing first."""
    rows = view.rows if order == ORDERS[3] else view.by_disagreement()
    if task:
        rows = [row for row in rows if row.task == task]
    wanted = {"fixed first": ("fixed", "closer"), "broken first": ("broken", "farther")}.get(order)
    return sorted(rows, key=lambda row: row.change not in wanted) if wanted else rows


def verdict_lines(comparison: Comparison, state: RunState | None) -> list[Line]:
    """The verdict, and that it is not the last word while the comparison has not finished."""
    lines: list[Line] = [[(comparison.verdict, "bold")]]
    if state is not None and state.status != "finished":
        words, style = status_segment(state.status)
        lines.append([(f"{words}: these are the answers so far · F4 Runs resumes it", style)])
    return lines


def score_notes(comparison: Comparison, task: str, width: int) -> list[str]:
    """What the scores are over, what intervals are, the answers' dtype, latency where there is room to say it."""
    is_part = not task and comparison.headline_tasks != comparison.tasks
    starred = [f"* over {', '.join(comparison.headline_tasks)}"] if is_part else []
    is_timed = width >= WIDE and any(arm.latency_n for arm in comparison.arms.values())
    timed = ["latency: the median answer, asked alone"] if is_timed else []
    answered_in = [comparison.dtype] if comparison.dtype else []  # an older comparison did not say
    return [task or "all tasks", *starred, *answered_in, "95 % intervals from 0 to 100", *timed]


def progress_of(state: RunState, width: int) -> list[Line]:
    """A comparison under way."""
    phase = f" · {state.phase}" if state.phase else ""
    lines: list[Line] = [[(f"{state.title} is being answered", "title"), (phase, "dim")], [("", "")]]
    lines += comparison_lines(state, width)
    return [*lines, [("", "")], [("F4", "key"), (" Runs stops it; it goes on when this terminal closes", "dim")]]
