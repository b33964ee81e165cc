"""Compare: what won, by how much, can I trust it, show me."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from textual.containers import Vertical
from textual.widget import Widget

from studio.acts.past import past_comparisons
from studio.errors import StudioError
from studio.reports.compare import CompareRow
from studio.reports.history import PastComparison
from studio.reports.numbers import counted, number
from studio.reports.visible import visible
from studio.runs.specs import CompareSpec
from studio.runs.state import RunState
from studio.tui import actions, styles
from studio.tui.messages import ComparisonRequested, ExamplesRequested, LineEntered, LineLeft, RunsPolled
from studio.tui.screens.compare.answers import Columns, changes_line, heading_line, row_in_full, row_line
from studio.tui.screens.compare.answers_pane import AnswersPane
from studio.tui.screens.compare.arm_keys import ArmKeys
from studio.tui.screens.compare.choosing import Choosing
from studio.tui.screens.compare.loaded import Loaded, load
from studio.tui.screens.compare.nearest import Nearest
from studio.tui.screens.compare.row_keys import RowKeys
from studio.tui.screens.compare.sending import Sending
from studio.tui.screens.compare.telling import Telling
from studio.tui.screens.compare.totals import WIDE, Totals
from studio.tui.screens.compare.voting import Voting
from studio.tui.screens.list_screen import ListScreen
from studio.tui.training_again import TrainingAgain
from studio.tui.widgets.lines import HeadLine, Line, LinesView
from studio.tui.widgets.prompt_bar import PromptBar
from studio.tui.widgets.row_list import RowList
from studio.tui.widgets.run_lines import comparison_lines, started_words, trouble_lines

MOST_ARMS = 9
LEAST_ANSWER_CELLS = 12  # of an arm's column: more arms than have so much room begin hidden
EVERY_ROW_LEFT_OUT, NO_SUCH_ROW = "no row was answered by every arm", "no such row · esc shows all rows"
CROWDED_ARMS = 4  # on a low screen: with more there is room for the arms or for the row in full


def no_comparison_lines() -> list[Line]:
    """What a comparison is, and the key that makes one."""
    *arms, last = CompareSpec.arms
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


class CompareScreen(ArmKeys, RowKeys, ListScreen):
    """The newest comparison unless another is chosen. Needs no store."""

    NAME = "Compare"
    BINDINGS = actions.bindings_for("Compare")
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]  # noqa: RUF012 - Textual's own way
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (20, "-low"), (32, "-high")]  # noqa: RUF012
    DEFAULT_CSS = """
    CompareScreen #words { margin: 1 2; }
    CompareScreen.-high #verdict { margin: 0 0 1 0; }
    CompareScreen #row-panel, CompareScreen #full {
        border-top: solid $studio-faint; border-title-color: $text-primary; border-subtitle-color: $studio-dim;
        padding: 0 1;
    }
    CompareScreen #row-panel { height: 1fr; }
    CompareScreen #full { height: 40%; }
    CompareScreen.-low #full { height: 7; }
    CompareScreen.-tiny #verdict { max-height: 2; }
    CompareScreen.-tiny #heading { display: none; }
    CompareScreen.-small #full, CompareScreen.-small.-in-full #arms { display: none; }
    CompareScreen.-small.-in-full #full { display: block; height: 40%; }
    CompareScreen.-plot #row-panel, CompareScreen.-plot #full, CompareScreen.-small.-plot.-in-full #full {
        display: none;
    }
    CompareScreen .hidden { display: none; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._states: list[RunState] = []
        self._run_id = ""
        self._shown: tuple[str, str] = ("", "")  # run id and status that were loaded
        self.loaded: Loaded | None = None
        self.choosing = Choosing(self)
        self.nearest = Nearest(self)
        self.voting = Voting(self, self.choosing)
        self.sending = Sending(self, self.choosing)
        self.telling = Telling(self)
        self._hidden: set[str] = set()
        self._is_marked = True

    def body(self) -> Iterable[Widget]:
        yield LinesView(id="words")
        with Vertical(id="results", classes="hidden"):
            yield Totals(id="totals")
            with Vertical(id="row-panel"):
                yield HeadLine(self._heading, id="heading")
                yield RowList(id="rows")
            yield AnswersPane(id="full")

    def above_status(self) -> Iterable[Widget]:
        yield PromptBar()

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
            if self.loaded is None:
                self._show_words([[(f"reading {visible(state.title)} …", "dim")]])
            self.ask("comparison", lambda: load(self.project, state.run_id), self._take_loaded)

    def on_failed(self, noun: str, error: Exception) -> None:
        if noun != "comparison" or not isinstance(error, StudioError):
            super().on_failed(noun, error)
            return
        self.loaded = None
        self._show_words(damage_lines(self._run_id, error))

    def _take_loaded(self, loaded: Loaded) -> None:
        is_other = self.loaded is None or self.loaded.comparison.run_id != loaded.comparison.run_id
        self.loaded = loaded
        if is_other:
            self.choosing.begin()
            self._hidden = self._without_room()
        state = self._current
        if state is not None and not loaded.view.rows:
            self._show_words([*trouble_lines(state, ""), [("no row was answered by every arm yet", "dim")]])
            return
        self.redraw(from_top=is_other)

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
        own = (one.name for one in actions.footer_actions(self.NAME) if self.NAME in one.where)
        self.show_idle(*(name for name in own if name != "new_comparison"))

    def redraw(self, *, from_top: bool = False) -> None:
        loaded = self.loaded
        if loaded is None or not loaded.view.rows:
            return
        self.query_one("#words").add_class("hidden")
        self.query_one("#results").remove_class("hidden")
        self.show_idle()
        self.choosing.collect()
        self._draw_totals(loaded)
        panel = self.query_one("#row-panel")
        panel.border_title = styles.title(visible(self._rows_title(loaded)))
        rows = self.query_one("#rows", RowList)
        if not rows.has_focus and not self.bar.is_open:
            rows.focus()
        rows.empty = EVERY_ROW_LEFT_OUT if self.choosing.choice.is_all else NO_SUCH_ROW
        rows.show(len(self.choosing.rows), self._row_line, 0 if from_top else None)
        self.query_one("#heading").refresh()
        self._draw_row()

    def _rows_title(self, loaded: Loaded) -> str:
        choice, shown, total = self.choosing.choice, len(self.choosing.rows), len(loaded.view.rows)
        count = counted(total, "row") if shown == total else f"{number(shown)} of {counted(total, 'row')}"
        selected = [f"{number(len(self.choosing.selected))} selected"] if self.choosing.selected else []
        words = " · ".join([count, *choice.conditions, choice.order_words, *selected])
        return f"{words}   {changes_line(loaded.view.changes)}"

    def _draw_totals(self, loaded: Loaded) -> None:
        totals = self.query_one(Totals)
        position = next((at for at, each in enumerate(self._states, start=1) if each.run_id == self._run_id), 1)
        place = f"{position}/{len(self._states)} {self._current.title if self._current else self._run_id}"
        totals.show(loaded, self._current, place, self.choosing.choice.task, self.size.width)
        is_crowded = self.has_class("-low") and len(loaded.view.comparison.arms) > CROWDED_ARMS
        self.set_class(is_crowded or self.has_class("-tiny"), "-small")
        self.set_class(bool(totals.price), "-plot")

    def _heading(self, width: int) -> Line:
        return heading_line(self._columns, self.query_one("#rows", RowList).scrollable_content_region.width or width)

    def _draw_row(self) -> None:
        row = self.cursor_row
        if row is None:
            self.query_one("#full", AnswersPane).show("", [])
            return
        lines = row_in_full(row, self._columns, is_prompt_last=not self.has_class("-high"))
        facts = [f"#{row.example_id}", row.task, row.change]
        self.query_one("#full", AnswersPane).show(" · ".join(fact for fact in facts if fact), lines)

    def _row_line(self, index: int, width: int) -> Line:
        return row_line(self.choosing.rows[index], self._columns, width)

    @property
    def cursor_row(self) -> CompareRow | None:
        index = self.query_one("#rows", RowList).index
        return self.choosing.rows[index] if index < len(self.choosing.rows) else None

    @property
    def _columns(self) -> Columns:
        is_wide = self.has_class("-wide")
        tasks = self.loaded.view.comparison.tasks if self.loaded else ()
        arms = tuple((key, arm) for key, arm in enumerate(self._arms, start=1) if arm not in self._hidden)
        return Columns(
            arms,
            has_reference=is_wide or len(arms) < 3,
            has_task=is_wide and len(tasks) > 1 and not self.choosing.choice.task,
            is_marked=self._is_marked,
            selected=frozenset(self.choosing.selected),
        )

    def _without_room(self) -> set[str]:
        """The arms that begin hidden, so that an answer can be read: the last ones, never the two of the verdict."""
        if self.loaded is None:
            return set()
        room = max(2, self.size.width // LEAST_ANSWER_CELLS - 1)
        pair = self.loaded.view.pair
        ranked = sorted(self._arms, key=lambda arm: arm not in pair)
        return set(ranked[room:])

    @property
    def _arms(self) -> list[str]:
        return list(self.loaded.view.comparison.arms)[:MOST_ARMS] if self.loaded else []

    def on_resize(self) -> None:
        self.call_after_refresh(self.redraw)

    def on_row_list_highlighted(self) -> None:
        self._draw_row()

    def on_row_list_chosen(self) -> None:
        self.action_show_row()

    # -- keys

    def action_back(self) -> None:
        """One thing at a time: the line, the plot, the row in full, what is selected, what narrows the rows."""
        totals = self.query_one(Totals)
        if self.bar.is_open:
            self.bar.leave()
        elif totals.price:
            totals.price = ""
            self.redraw()
            self.say("the arms")
        elif self.has_class("-in-full"):
            self.remove_class("-in-full")
        else:
            self.choosing.let_go()

    def action_plot(self) -> None:
        if self.loaded is not None and self.loaded.view.rows:
            self.say(self.query_one(Totals).next_plot(self.loaded.view.comparison))
            self.redraw()

    def action_vote(self) -> None:
        self.voting.begin(tuple(arm for _, arm in self._columns.arms))

    def action_train_again(self) -> None:
        if self._run_id:
            TrainingAgain(self).ask(self._run_id)

    def action_comparisons(self) -> None:
        self.ask("history", lambda: past_comparisons(self.project), self._show_history)

    def _show_history(self, past: list[PastComparison]) -> None:
        from studio.tui.dialogs.history import HistoryDialog

        if not past:
            self.say("no comparison has finished yet")
            return
        self.app.push_screen(HistoryDialog(past, self._run_id), lambda run_id: self._choose(run_id) if run_id else None)

    def action_search(self) -> None:
        self.choosing.ask_words()

    def action_select(self) -> None:
        self.choosing.toggle()
        self.query_one("#rows", RowList).move(1)

    def action_select_all(self) -> None:
        self.choosing.select_all()

    # -- the line

    @property
    def bar(self) -> PromptBar:
        return self.query_one(PromptBar)

    def close_bar(self) -> None:
        if self.bar.is_open:
            self.bar.close()
            self.query_one("#rows").focus()

    def on_line_entered(self, message: LineEntered) -> None:
        message.stop()
        enter = {"search": self.choosing.enter_words, "report": self.telling.enter_file}[message.kind]
        self.shell.attempt(partial(enter, message.text))

    def on_line_left(self, message: LineLeft) -> None:
        message.stop()
        self.query_one("#rows").focus()

    # -- the row

    def action_pane_down(self) -> None:
        if self.has_class("-small") and not self.has_class("-in-full"):
            self.add_class("-in-full")  # there is room for the scores or for the row in full
            self.call_after_refresh(self._draw_row)
            return
        self.query_one("#full", AnswersPane).scroll_relative(y=3, animate=False)

    def action_pane_up(self) -> None:
        self.query_one("#full", AnswersPane).scroll_relative(y=-3, animate=False)

    def action_enter(self) -> None:
        self.action_show_row()

    def action_show_row(self) -> None:
        if row := self.cursor_row:
            self.post_message(ExamplesRequested([row.example_id], f"row {row.example_id} of {self._run_id}"))

    def action_differences(self) -> None:
        self._is_marked = not self._is_marked
        self.say("differences marked" if self._is_marked else "differences not marked")
        self.redraw()

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
        self.redraw()


def progress_of(state: RunState, width: int) -> list[Line]:
    """A comparison under way."""
    phase = f" · {state.phase}" if state.phase else ""
    lines: list[Line] = [[(f"{state.title} is being answered", "title"), (phase, "dim")], [("", "")]]
    lines += comparison_lines(state, width)
    return [*lines, [("", "")], [("F4", "key"), (" Runs stops it; it goes on when this terminal closes", "dim")]]
