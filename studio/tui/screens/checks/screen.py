"""Checks: what in the rows will hurt a run, how much of it, and what can be done about it?"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget

from studio.acts import checking, fixing
from studio.dataset.checks.samples import Sample
from studio.errors import StudioError
from studio.reports.checks import by_severity, counts_in_words
from studio.reports.numbers import counted, number
from studio.tui import actions
from studio.tui.messages import ChecksDone, ExamplesRequested, LineEntered, LineLeft
from studio.tui.screens.checks.lines import finding_lines, head_line, idle_actions, result_line
from studio.tui.screens.list_screen import ListScreen
from studio.tui.widgets.lines import HeadLine, content_of, entitle
from studio.tui.widgets.prompt_bar import PromptBar
from studio.tui.widgets.row_list import RowList
from studio.tui.widgets.text_pane import TextPane

if TYPE_CHECKING:
    from studio.dataset.checks.kept import Result
    from studio.dataset.examples import ExampleIds
    from studio.dataset.store import Change, Store

# After the last of several changes; then rows are checked behind everything else.
_QUIET_SECONDS = 0.3
_OLD = timedelta(hours=1)


class ChecksScreen(ListScreen):
    """What was found stands here at once; what changed since is checked in a thread, which Esc stops."""

    NAME = "Checks"
    MAIN_LIST = "#findings"
    BINDINGS = actions.bindings_for("Checks")
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012 - Textual's own way
    DEFAULT_CSS = """
    ChecksScreen #body { layout: vertical; }
    ChecksScreen #found { height: 2fr; }
    ChecksScreen #finding { height: 3fr; }
    ChecksScreen.-wide #body { layout: horizontal; }
    ChecksScreen.-wide #found { height: 1fr; width: 5fr; }
    ChecksScreen.-wide #finding { height: 1fr; width: 8fr; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._results: list[Result] = []
        self._samples: dict[str, tuple[Result, list[Sample]]] = {}
        self._stop = threading.Event()
        self._waiving = ""
        self._is_first = True
        self._is_looking = False

    def body(self) -> Iterable[Widget]:
        with Vertical(id="found", classes="panel"):
            yield HeadLine(head_line)
            yield RowList(id="findings", empty="nothing is known yet")
        yield TextPane(id="finding", classes="panel")

    def above_status(self) -> Iterable[Widget]:
        yield PromptBar()

    def on_mount(self) -> None:
        entitle(self.query_one("#found"), "checks")

    def on_screen_resume(self) -> None:
        is_first, self._is_first = self._is_first, False
        self.look(is_new_look=is_first)  # costs nothing where nothing changed

    def on_store_opened(self) -> None:
        self.look()

    def take_changes(self, example_ids: Sequence[int] | ExampleIds) -> None:
        if self.is_current:
            self.after("changes", _QUIET_SECONDS, partial(self.look, is_new_look=False))

    # -- looking

    def look(self, *, is_new_look: bool = True) -> None:
        """Show what is kept, then bring it up to date: the checks that an edit can be told from first."""
        store = self.store
        if store is None:
            self._show_words(
                [
                    "The store is not open.",
                    self.session.store_closed.reason if self.session.store_closed else "opening …",
                ]
            )
            return
        self._stop.set()  # an older look ends without a trace
        self._stop = threading.Event()
        self.ask("kept", partial(checking.kept_checks, self.project, store), self._show)
        self._bring_up_to_date(store, is_new_look)

    def _bring_up_to_date(self, store: Store, is_new_look: bool) -> None:
        stop = self._stop
        self._is_looking = True

        def progress(done: int, total: int) -> None:
            self.post_message(ChecksDone(done, total))

        def look() -> list[Result]:
            if not is_new_look:  # in a moment; what needs all rows follows
                checking.run_checks(self.project, store, checking.QUICK, is_cancelled=stop.is_set, is_new_look=False)
            return checking.run_checks(self.project, store, (), progress, stop.is_set, is_new_look=is_new_look)

        self.ask("look", look, partial(self._show_looked, stop))

    def on_checks_done(self, message: ChecksDone) -> None:
        if self.is_asking("look"):
            self.say(f"checking: {number(message.done)} of {number(message.total)} · esc stops")

    def _show_looked(self, stop: threading.Event, results: list[Result]) -> None:
        if stop is self._stop:
            self.say("")
            self._is_looking = False
            self._show(results)

    def on_failed(self, noun: str, error: Exception) -> None:
        self._is_looking = self._is_looking and noun != "look"
        if noun == "look" and self._stop.is_set():
            self.say("stopped; what was known before stands here · r looks again", "warning")
        else:
            super().on_failed(noun, error)

    # -- showing

    def _show_words(self, words: Sequence[str]) -> None:
        self.query_one("#findings", RowList).show(0, lambda index, width: [])
        self.query_one(TextPane).show_text(lambda width: Content("\n").join([Content(line) for line in words]))

    def _show(self, results: list[Result]) -> None:
        had_findings = any(one.is_open for one in self._results)  # before the first, nobody chose where the cursor is
        chosen = self.current.check.name if self.current and had_findings else ""
        self._results = by_severity(results)
        names = [one.check.name for one in self._results]
        rows = self.query_one("#findings", RowList)
        rows.empty = "nothing found" if any(one.checked_at for one in results) else "not checked yet"
        rows.show(
            len(names),
            lambda index, width: result_line(self._results[index], width),
            names.index(chosen) if chosen in names else None,
        )
        looked = max((one.checked_at for one in results if one.checked_at), default=None)
        is_old = looked is not None and datetime.now(UTC) - looked > _OLD
        at = f"looked {looked.astimezone():%d %B %H:%M}" if looked and is_old else ""
        found = counts_in_words(results)
        is_early = self._is_looking and not any(one.is_open for one in results)
        entitle(self.query_one("#found"), f"checks · {'looking …' if is_early else found}", at)
        self._show_current()

    @property
    def current(self) -> Result | None:
        """The check under the cursor."""
        index = self.query_one("#findings", RowList).index
        return self._results[index] if index < len(self._results) else None

    def on_row_list_highlighted(self, message: RowList.Highlighted) -> None:
        self._show_current()

    def _show_current(self) -> None:
        one, store = self.current, self.store
        self.show_idle(*idle_actions(one))
        if one is None or store is None:
            self._show_words(
                ["Nothing to see here: no check found anything."] if self.store and self._results == [] else []
            )
            entitle(self.query_one("#finding"), "")
            return
        entitle(self.query_one("#finding"), one.check.name.replace("_", " "), str(one.check.severity))
        known, samples = self._samples.get(one.check.name, (None, []))
        self._show_finding(one, samples if known is one else [])
        if known is not one and one.count:
            self.ask("samples", partial(checking.samples, store, one), partial(self._take_samples, one))

    def _take_samples(self, one: Result, samples: list[Sample]) -> None:
        self._samples[one.check.name] = (one, samples)
        if self.current is one:
            self._show_finding(one, samples)

    def _show_finding(self, one: Result, samples: Sequence[Sample]) -> None:
        lines = finding_lines(one, samples)
        self.query_one(TextPane).show_text(lambda width: Content("\n").join([content_of(line) for line in lines]))

    # -- keys

    def action_check(self) -> None:
        self.look()

    def action_back(self) -> None:
        if self.query_one(PromptBar).is_open:
            self.query_one(PromptBar).leave()
        elif self.is_asking("look"):
            self._stop.set()

    def action_enter(self) -> None:
        one = self.current
        if one is None or one.finding is None:
            return
        if not one.count:
            self.say("this finding is about the rows as a whole; none stands out")
            return
        said: dict[int, str] = {}
        total = len(one.finding.group_sizes)
        for place, group in enumerate(one.finding.groups, start=1):
            said |= dict.fromkeys(group.tolist(), f"group {number(place)} of {number(total)}")
        name = one.check.name.replace("_", " ")
        self.post_message(ExamplesRequested(one.finding.example_ids, name, said=said))

    def on_row_list_chosen(self, message: RowList.Chosen) -> None:
        self.action_enter()

    def action_bench(self) -> None:
        from studio.tui.dialogs.bench import BenchDialog

        one = self.current
        if one is None or one.finding is None or not len(one.finding.group_sizes):
            self.say("only findings of groups have answers to compare: contradictions, near duplicates")
        else:
            self.app.push_screen(BenchDialog(one.finding), lambda _: self.look(is_new_look=False))

    def action_fix(self) -> None:
        one = self.current
        if one is None:
            return
        if one.check.fix is None:
            self.say("no fix of this is safe for every row; enter shows its rows")
        else:
            store = self.session.opened()
            self.ask("fix", partial(fixing.preview_fix, self.project, store, one.check.name), self._show_preview)

    def _show_preview(self, preview: fixing.FixPreview) -> None:
        from studio.tui.dialogs.fix import FixDialog

        self.app.push_screen(FixDialog(preview), lambda does_it: self._fix(preview) if does_it else None)

    def _fix(self, preview: fixing.FixPreview) -> None:
        self.say(f"{preview.about} …")
        self.ask("fix", partial(fixing.apply_fix, self.session.opened(), preview), self._say_fixed)

    def _say_fixed(self, change: Change) -> None:
        self.say(f"{change.summary} · saved · u undoes")
        self.shell.examples_changed(change.example_ids, change.summary)

    def action_waive(self) -> None:
        one = self.current
        if one is None or one.finding is None:
            return
        if one.waiver is not None and not one.is_open:
            change = checking.take_waiver_back(self.session.opened(), one.check.name)
            self._say_waived(change)
            return
        self._waiving = one.check.name
        hint = f"why {counted(one.count, 'row')} may stay" if one.count else "why it may stay"
        self.query_one(PromptBar).ask("waive", "reason", hint=hint)

    def on_line_entered(self, message: LineEntered) -> None:
        message.stop()
        store = self.session.opened()
        try:
            change = checking.waive(self.project, store, self._waiving, message.text)
        except StudioError as error:
            self.query_one(PromptBar).refuse(error.message)
            return
        self.query_one(PromptBar).leave()
        self._say_waived(change)

    def _say_waived(self, change: Change) -> None:
        self.say(f"{change.summary} · saved · u undoes")
        self.ask("kept", partial(checking.kept_checks, self.project, self.session.opened()), self._show)

    def on_line_left(self, message: LineLeft) -> None:
        message.stop()
        self.query_one("#findings").focus()
