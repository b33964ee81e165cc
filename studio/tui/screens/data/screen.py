"""Data: which rows, what state, is this one right?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from textual import events
from textual.content import Content
from textual.widget import Widget

from studio.errors import AskedWrongly, StudioError
from studio.tui import actions
from studio.tui.messages import (
    CursorMoved,
    ExamplesRequested,
    LineEntered,
    LineLeft,
    ModelFound,
    PreviewsRequested,
    StoreClosed,
    StoreOpened,
)
from studio.tui.screens.data.column_keys import ColumnKeys
from studio.tui.screens.data.counts import Counts
from studio.tui.screens.data.decisions import Decisions
from studio.tui.screens.data.empty import OPENING, closed_lines
from studio.tui.screens.data.example_pane import ExamplePane
from studio.tui.screens.data.example_table import ExampleTable
from studio.tui.screens.data.finding import Finding
from studio.tui.screens.data.handed_on import HandedOn
from studio.tui.screens.data.opening import Opening
from studio.tui.screens.data.rows import Rows, position_of
from studio.tui.screens.data.shown import ShownExample
from studio.tui.screens.data.taking import Taking
from studio.tui.session import ClosedStore
from studio.tui.widgets.prompt_bar import PromptBar
from studio.tui.widgets.status import StatusLine

if TYPE_CHECKING:
    from studio.dataset.examples import ExampleIds
    from studio.tui.screens.data.reader import Reader

SIDE_BY_SIDE_FROM = 110


class DataScreen(HandedOn):
    """A table of rows, the whole example under the cursor, a line to type at them. Its parts do what its keys say.

    Each part is made with the parts beneath it and knows no other: shown, counts ← rows ← finding, decisions, taking,
    opening. All know the screen as a ``Desk`` only.
    """

    NAME = "Data"
    BINDINGS = actions.bindings_for("Data")
    AUTO_FOCUS = "ExampleTable"
    DEFAULT_CSS = """
    DataScreen #body { layout: vertical; }
    DataScreen #body ExampleTable { height: 3fr; width: 1fr; }
    DataScreen #body ExamplePane { height: 2fr; width: 1fr; }
    DataScreen.beside #body { layout: horizontal; }
    DataScreen.beside #body ExampleTable { height: 1fr; width: 8fr; }
    DataScreen.beside #body ExamplePane { height: 1fr; width: 6fr; }
    DataScreen #body Reader { display: none; }
    DataScreen.reading #body > * { display: none; }
    DataScreen.reading #body Reader { display: block; height: 1fr; width: 1fr; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.shown = ShownExample(self)
        self.counts = Counts(self)
        self.rows = Rows(self, self.shown, self.counts)
        self.finding = Finding(self, self.rows)
        self.column_keys = ColumnKeys(self)
        self.decisions = Decisions(self, self.rows)
        self.taking = Taking(self, self.rows)
        self.opening = Opening(self, self.rows, self.counts)
        self._enter_line = {
            "filter": self.finding.enter_filter,
            "whole filter": self.finding.enter_whole_filter,
            "search": self.finding.enter_search,
            "command": self._enter_command,
            "mark": self.decisions.enter_mark,
            "split": self.decisions.enter_split,
            "task": self.decisions.enter_task,
            "export": self.taking.enter_export,
        }
        self._reader: Reader | None = None

    def body(self) -> Iterable[Widget]:
        yield ExampleTable()
        yield ExamplePane()

    def above_status(self) -> Iterable[Widget]:
        yield PromptBar()

    # -- what its parts see of it: desk.py

    @property
    def table(self) -> ExampleTable:
        return self.query_one(ExampleTable)

    @property
    def pane(self) -> ExamplePane | Reader:
        return self.reader or self.query_one(ExamplePane)

    @property
    def reader(self) -> Reader | None:
        """The reader, while it is what the screen shows."""
        return self._reader if self.has_class("reading") else None

    @property
    def bar(self) -> PromptBar:
        return self.query_one(PromptBar)

    @property
    def status(self) -> StatusLine:
        return self.query_one(StatusLine)

    def close_bar(self) -> None:
        if self.bar.is_open:
            self.bar.close()
            self._focus_rows()
            self.shell.forget_error()
            self.rows.catch_up()

    @property
    def is_mending(self) -> bool:
        """A line is open: what is wrong with it stays said until it is mended or left."""
        return self.bar.is_open

    def show_place(self, words: str) -> None:
        self.table.border_subtitle = Content(words)
        if self.reader is not None:
            self.reader.place(words)

    def _focus_rows(self) -> None:
        (self.table if self.reader is None else self.reader.prompt).focus()

    # -- what it is told

    def on_mount(self) -> None:
        self.table.border_title = Content("examples")
        self.table.max_length = self.session.most_tokens
        self.column_keys.restore()
        if self.store is not None:
            self.rows.load()
        elif self.session.store_closed is not None:
            self._say_closed(self.session.store_closed)
        elif self.project.exists():
            self.table.show_nothing(OPENING)
        else:
            self.action_welcome()

    def on_screen_resume(self) -> None:
        if self.table.max_length != self.session.most_tokens:  # another was tried in Window
            self.table.max_length = self.session.most_tokens
            self.rows.refresh_example()

    def on_store_opened(self, message: StoreOpened) -> None:
        self.rows.load()
        self.counts.drift_soon()

    def on_store_closed(self, message: StoreClosed) -> None:
        self._say_closed(message.closed)

    def _say_closed(self, closed: ClosedStore) -> None:
        self.table.show([], 0)
        self.table.show_nothing(closed_lines(closed))

    def on_model_found(self, message: ModelFound) -> None:
        self.table.max_length = self.session.most_tokens
        self.table.forget()
        self.rows.refresh_example()
        self.counts.count_tokens()

    def on_previews_requested(self, message: PreviewsRequested) -> None:
        message.stop()
        self.shell.attempt(partial(self.rows.fetch, message.example_ids))

    def on_cursor_moved(self, message: CursorMoved) -> None:
        message.stop()
        self.rows.follow_cursor(message.example_id)

    def on_example_table_heading_entered(self, message: ExampleTable.HeadingEntered) -> None:
        self.shell.attempt(partial(self.finding.sort_on, message.column))

    async def on_example_table_entered(self, message: ExampleTable.Entered) -> None:
        await self.action_enter()

    def on_examples_requested(self, message: ExamplesRequested) -> None:
        message.stop()
        self.rows.show_chosen(message.example_ids, message.title, message.asked_on, message.said)

    def take_changes(self, example_ids: Sequence[int] | ExampleIds) -> None:
        self.rows.take_changes(example_ids)

    def take_others(self, example_ids: ExampleIds, *, may_be_more: bool) -> None:
        self.rows.take_others(example_ids, may_be_more=may_be_more)

    def keeps_key(self, key: events.Key) -> bool:
        """Keys that follow an undo or the trash wait for the rows that it brings; esc does not."""
        return key.key != "escape" and self.rows.keep_key(key)

    def on_failed(self, noun: str, error: Exception) -> None:
        if self.bar.is_open and isinstance(error, StudioError):
            self.bar.refuse("✗ mend it, or esc leaves")
        if noun == "view":
            self.rows.give_up()
        super().on_failed(noun, error)

    def on_resize(self, event: events.Resize) -> None:
        wide = event.size.width >= SIDE_BY_SIDE_FROM
        kept = self.session.kept.is_beside
        self.set_class(wide if kept is None else kept, "beside")

    # -- moves

    def action_down(self) -> None:
        self._move(1)

    def action_up(self) -> None:
        self._move(-1)

    def action_page_down(self) -> None:
        if self.reader is not None:
            self.reader.scroll_text(1, whole_page=True)
        else:
            self._move(self.table.page)

    def action_page_up(self) -> None:
        if self.reader is not None:
            self.reader.scroll_text(-1, whole_page=True)
        else:
            self._move(-self.table.page)

    def action_top(self) -> None:
        self._move(-len(self.table.ids))

    def action_bottom(self) -> None:
        self._move(len(self.table.ids))

    def _move(self, rows: int) -> None:
        if self.reader is None and self.pane.has_focus:
            self.pane.scroll_relative(y=rows, animate=False)
        else:
            self.table.move(rows)

    def action_left(self) -> None:
        if self.reader is None:
            self.table.move_column(-1)

    def action_right(self) -> None:
        if self.reader is None:
            self.table.move_column(1)

    def action_pane_down(self) -> None:
        self._scroll_pane(1)

    def action_pane_up(self) -> None:
        self._scroll_pane(-1)

    def _scroll_pane(self, direction: int) -> None:
        if self.reader is not None:
            self.reader.scroll_text(direction)
        else:
            self.pane.scroll_relative(y=direction * max(1, self.pane.size.height // 2), animate=False)

    async def action_enter(self) -> None:
        """The pair under the cursor alone on the screen; the rows stay where they are behind it."""
        from studio.tui.screens.data.reader import Reader

        if self.reader is not None or self.table.cursor_id is None:
            return
        if self._reader is None:
            self._reader = Reader()
            await self.query_one("#body").mount(self._reader)
        self.add_class("reading")
        self._focus_rows()
        self.rows.show_position()
        self.call_after_refresh(self.rows.refresh_example)  # its size is known then

    def _leave_reader(self) -> None:
        self.remove_class("reading")
        self.table.focus()
        self.rows.refresh_example()

    def on_reader_emptied(self) -> None:
        if self.reader is not None:
            self._leave_reader()

    def action_back(self) -> None:
        """One thing at a time: the line, a running query, the pane, the selection, the search, the rows asked for."""
        if self.bar.is_open:
            self.bar.leave()
        elif self.is_asking("view") and self.store is not None:
            self.forget("view")
            self.rows.give_up()
            self.store.interrupt()
            self.say("interrupted; the rows are as they were")
        elif self.reader is not None:
            self._leave_reader()
        elif self.pane.has_focus:
            self.table.focus()
        elif self.table.clear_selection():
            self.say("nothing is selected")
        elif self.rows.found:
            self.rows.forget_search()
            self.rows.refresh_example()
        elif self.rows.view.chosen is not None:
            self.rows.leave_chosen()
        self.rows.show_position()

    def action_layout(self) -> None:
        if self.reader is not None:
            return
        self.toggle_class("beside")
        self.session.keep(replace(self.session.kept, is_beside=self.has_class("beside")))

    def action_close(self) -> None:
        if self.reader is not None:
            self._leave_reader()
        elif self.rows.view.chosen is not None:
            self.rows.leave_chosen()
        else:
            self.app.exit()

    # -- what is not a part's

    def action_reset(self) -> None:
        if self.store is None:
            self.table.show_nothing(OPENING)
            self.shell.open_store()
        else:
            self.finding.reset()

    def action_select(self) -> None:
        self.table.toggle()
        self.table.move(1)

    def action_select_range(self) -> None:
        self.table.toggle_range()
        self.rows.show_position()

    # -- lines

    def action_command(self) -> None:
        from studio.tui.widgets.line_input import Words

        words = [action.name for action in actions.actions_for(self.NAME)]
        hint, older = "a row's number, or an action's name", self.session.history.lines("command")
        self.bar.ask("command", ":", hint=hint, completer=Words(words), older=older)

    def on_line_entered(self, message: LineEntered) -> None:
        message.stop()
        try:
            self._enter_line[message.kind](message.text)
        except StudioError as error:
            self.on_failed(message.kind, error)

    def on_line_left(self, message: LineLeft) -> None:
        message.stop()
        if not self.bar.is_open:  # else what was typed in the line has opened it again, to ask for more
            self._focus_rows()
        self.rows.catch_up()

    def _enter_command(self, text: str) -> None:
        word = text.strip()
        self.session.history.add("command", word)
        self.bar.leave()
        if word.isdecimal():
            position = position_of(self.table.ids, int(word))
            if position is None:
                raise AskedWrongly(f"Row {word} is not in this view.", "r shows all rows.")
            self.table.move_to(position)
        elif any(word == action.name for action in actions.actions_for(self.NAME)):
            self.call_later(self.app.run_action, word, self)
        elif word:
            raise AskedWrongly(f"No action {word!r}.", "? lists them; a number goes to that row.")
