"""The rows: the view and the example under the cursor. Decisions: labels.py; queries: finding.py."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from textual import events
from textual.content import Content
from textual.widget import Widget

from studio.errors import StudioError
from studio.reports.numbers import counted, number
from studio.reports.visible import visible
from studio.tui.messages import (
    CursorMoved,
    ExamplesChanged,
    ExamplesRequested,
    PreviewsRequested,
    StoreClosed,
    StoreOpened,
)
from studio.tui.screens.base import StudioScreen
from studio.tui.screens.data.example_pane import ExamplePane, Tokens
from studio.tui.screens.data.example_table import ExampleTable
from studio.tui.screens.data.view import DataView
from studio.tui.widgets.prompt_bar import PromptBar
from studio.tui.widgets.status import StatusLine

if TYPE_CHECKING:
    from studio.dataset.store import Example, Stats, Store
    from studio.tokens.tokenizer import ModelFolder

SIDE_BY_SIDE_FROM = 110
READ_AFTER_SECONDS = 0.015
TOKENS_AFTER_SECONDS = 0.12
COUNTED_AT_ONCE_CHARS = 20_000  # tokenized in about 5 ms
COUNT_AFTER_SECONDS = 0.4


class DataRows(StudioScreen):
    """A table over a vector of ids, and the whole example under the cursor."""

    NAME = "Data"
    AUTO_FOCUS = "ExampleTable"
    DEFAULT_CSS = """
    DataRows #body { layout: vertical; }
    DataRows #body ExampleTable { height: 3fr; width: 1fr; }
    DataRows #body ExamplePane { height: 2fr; width: 1fr; }
    DataRows.beside #body { layout: horizontal; }
    DataRows.beside #body ExampleTable { height: 1fr; width: 8fr; }
    DataRows.beside #body ExamplePane { height: 1fr; width: 6fr; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.view = DataView()
        self.found = ""
        self.matches: Sequence[int] = ()
        self.shown: Example | None = None
        self._is_beside: bool | None = None
        self._before_chosen: tuple[DataView, int | None] = (self.view, None)
        self._chosen_on = "data"
        self._cursor_after: int | None = None
        self._is_tokenizer_loaded = False

    def body(self) -> Iterable[Widget]:
        yield ExampleTable()
        yield ExamplePane()

    def above_status(self) -> Iterable[Widget]:
        yield PromptBar()

    @property
    def table(self) -> ExampleTable:
        return self.query_one(ExampleTable)

    @property
    def pane(self) -> ExamplePane:
        return self.query_one(ExamplePane)

    @property
    def bar(self) -> PromptBar:
        return self.query_one(PromptBar)

    def opened(self) -> Store:
        """The store. Raises StudioError while it is not open: an action that needs it then says so."""
        if self.store is None:
            is_closed = self.studio.store_closed is not None or not self.project.exists()
            raise StudioError("The store is not open." if is_closed else "The store is being opened.", "r tries again.")
        return self.store

    def on_mount(self) -> None:
        self.table.border_title = Content("examples")
        self.table.max_length = self.studio.settings.max_length
        if self.store is not None:
            self.load()
        elif self.studio.store_closed is not None:
            self._say_closed(self.studio.store_closed)
        elif self.project.exists():
            self.table.show_nothing([("opening the store …", "dim")])
        else:
            self._welcome()

    # -- the store comes and goes

    def on_store_opened(self, message: StoreOpened) -> None:
        self.load()

    def on_store_closed(self, message: StoreClosed) -> None:
        self._say_closed(message)

    def _say_closed(self, closed: StoreClosed) -> None:
        if closed.pid is not None:
            lines = [
                (f"Process {closed.pid} has this project's examples open for writing.", "warn"),
                (
                    "Only one process at a time can; it may be another studio on this project, or a verb at work.",
                    "plain",
                ),
                ("", ""),
                ("Runs (F4) and Compare (F5) work meanwhile: they need no store.", "plain"),
                (f"r tries again; ps -p {closed.pid} shows what it is.", "key"),
            ]
        else:
            lines = [(closed.reason, "bad"), (closed.hint, "plain"), ("", ""), ("r tries again.", "key")]
        self.table.show([], 0)
        self.table.show_nothing(lines)

    def _welcome(self) -> None:
        from studio.tui.dialogs.welcome import WelcomeScreen

        self.app.push_screen(WelcomeScreen())

    # -- the view

    def load(self, view: DataView | None = None, cursor_id: int | None = None) -> None:
        """Ask for the rows of ``view`` (the present one: None) in a thread; the cursor goes to ``cursor_id``."""
        store, wanted = self.opened(), view or self.view
        self._cursor_after = cursor_id if cursor_id is not None else self.table.cursor_id
        self.ask("view", partial(_ids_of, store, wanted), partial(self._show_view, wanted))
        self.count_soon()

    def _show_view(self, view: DataView, ids: Any) -> None:
        is_other, self.view = view != self.view, view
        position = position_of(ids, self._cursor_after)
        if position is None:
            position = 0 if is_other else self.table.cursor
        if is_other:
            self.table.clear_selection()
            self.table.scroll_to(y=0, animate=False, force=True)
            self.found, self.matches = "", ()
        self.table.sort = view.sort
        self.table.forget()
        self.table.show(ids, position, int(ids.max(initial=0)))
        self.table.border_title = Content(visible(view.title, single_line=True))
        self.close_bar()
        if not len(ids):
            self._show_empty()

    def _show_empty(self) -> None:
        self._show_example(None)
        if self.view.is_plain:
            lines = [
                ("No examples yet.", "bold"),
                ("", ""),
                ("I   import a file: JSONL (prompt/completion or chat messages) or CSV", "plain"),
                ("?   all keys of this screen", "plain"),
            ]
        else:
            lines = [(f"No example is {self.view.where or 'here'}.", "bold"), ("", ""), ("r   all rows again", "plain")]
        self.table.show_nothing(lines)

    def on_failed(self, noun: str, error: Exception) -> None:
        if self.bar.is_open and isinstance(error, StudioError):
            self.bar.refuse("✗ mend it, or esc leaves")
        super().on_failed(noun, error)

    def on_previews_requested(self, message: PreviewsRequested) -> None:
        message.stop()
        self.studio.attempt(partial(self._fetch, message.example_ids))

    def _fetch(self, ids: list[int]) -> None:
        if self.store is None:
            return
        previews = self.store.previews(ids, self.studio.fingerprint)
        self.table.put(previews)
        if len(previews) < len(ids):  # rows went away: an undone import, a redone trash
            self.load()

    def on_cursor_moved(self, message: CursorMoved) -> None:
        message.stop()
        self.show_position()
        if message.example_id is not None and self.store is not None:
            # While a key repeats the rows rush by; only the one that is stayed on is read whole.
            self.after("read", READ_AFTER_SECONDS if self.shown else 0.001, self.refresh_example)

    def _show_example(self, example: Example | None) -> None:
        self.shown = example
        folder = self.studio.model_folder
        if example is None or folder is None:
            self.pane.show(example, None, self.found)
        elif self._is_tokenizer_loaded and len(example.prompt) + len(example.completion) < COUNTED_AT_ONCE_CHARS:
            self.pane.show(example, _tokens_of(folder, example, self.studio.settings.max_length), self.found)
        else:
            self.pane.show(example, None, self.found)
            count = partial(_tokens_of, folder, example, self.studio.settings.max_length)
            self.after("tokens", TOKENS_AFTER_SECONDS, lambda: self._count_shown(example, count))

    def _count_shown(self, example: Example, count: Callable[[], Tokens]) -> None:
        if example is self.shown:
            self.ask("tokens", count, partial(self._show_tokens, example))

    def _show_tokens(self, example: Example, tokens: Tokens) -> None:
        self._is_tokenizer_loaded = True
        if example is self.shown:
            self.pane.show(example, tokens, self.found)

    def on_examples_requested(self, message: ExamplesRequested) -> None:
        message.stop()
        if self.view.chosen is None:
            self._before_chosen = self.view, self.table.cursor_id
        self._chosen_on = message.asked_on
        self.load(DataView(chosen=[int(one) for one in message.example_ids], heading=message.title))
        self.say(f"{counted(len(message.example_ids), 'row')} · esc goes back to {message.asked_on.capitalize()}")

    def leave_chosen(self) -> None:
        """Go back to the screen that asked for these rows; the view is then what it was before them."""
        view, cursor_id = self._before_chosen
        self.load(view, cursor_id)
        self.studio.show_screen(self._chosen_on)

    def on_examples_changed(self, message: ExamplesChanged) -> None:
        """Rows changed elsewhere, or by undo and redo: show them, with the cursor on the first."""
        if self.store is None:
            return
        changed = message.example_ids
        position = position_of(self.table.ids, int(changed[0])) if len(changed) else None
        if position is None:
            self.load(cursor_id=int(changed[0]) if len(changed) else None)
            return
        self.table.forget(changed)
        self.table.move_to(position)
        self.refresh_example()
        self.count_soon()

    def refresh_example(self) -> None:
        """Read the example under the cursor again; where it is gone, so is the view as it was."""
        if self.store is None or self.table.cursor_id is None:
            return
        if found := self.store.examples([self.table.cursor_id]):
            self._show_example(found[0])
        else:
            self.load()

    # -- counts, a little after the last change

    def count_soon(self) -> None:
        self.show_position()
        self.after("count", COUNT_AFTER_SECONDS, self._count)

    def _count(self) -> None:
        if (store := self.store) is not None:
            self.ask("stats", lambda: (store.stats(), store.labelled_since(3600)), self._show_counts)

    def _show_counts(self, counts: tuple[Stats, int]) -> None:
        stats, in_an_hour = counts
        labelled = stats.examples - stats.labels["none"]
        note = f"{number(in_an_hour)} an hour" if in_an_hour else ""
        self.query_one(StatusLine).progress(labelled, stats.examples, note)
        self.studio.set_header(examples=counted(stats.examples, "example"))

    def show_position(self) -> None:
        table = self.table
        total = len(table.ids)
        parts = [f"{number(len(table.selected))} selected"] if table.selected else []
        if table.is_ranging:
            parts.append("range: v ends it")
        if self.found:
            parts.append(f"{number(len(self.matches))} × /{visible(self.found, single_line=True)}")
        parts.append(f"{number(table.cursor + 1)} / {number(total)}" if total else "0")
        table.border_subtitle = Content(" · ".join(parts))

    # -- layout

    def on_resize(self, event: events.Resize) -> None:
        wide = event.size.width >= SIDE_BY_SIDE_FROM
        self.set_class(wide if self._is_beside is None else self._is_beside, "beside")

    def action_layout(self) -> None:
        self._is_beside = not self.has_class("beside")
        self.set_class(self._is_beside, "beside")

    def close_bar(self) -> None:
        if self.bar.is_open:
            self.bar.close()
            self.table.focus()


def _ids_of(store: Store, view: DataView) -> Any:
    ids = store.view_ids(where=view.where, sort=view.sort)
    if view.chosen is None:
        return ids
    import numpy as np

    kept = set(ids.tolist())
    if view.sort:
        chosen = set(map(int, view.chosen))
        return np.array([one for one in ids.tolist() if one in chosen], dtype=np.int64)
    return np.array([int(one) for one in view.chosen if int(one) in kept], dtype=np.int64)


def position_of(ids: Any, example_id: int | None) -> int | None:
    """Where ``example_id`` stands in the vector ``ids``; None when it does not."""
    if example_id is None or not len(ids):
        return None
    import numpy as np

    found = np.flatnonzero(np.asarray(ids) == example_id)
    return int(found[0]) if len(found) else None


def _tokens_of(folder: ModelFolder, example: Example, max_length: int) -> Tokens:
    import numpy as np

    from studio.tokens.encoding import Pair, encode_pairs
    from studio.tokens.window import FATES, fates

    encoded = encode_pairs(folder, [Pair(example.prompt, example.completion, example.system)])[0]
    prompt_tokens, completion_tokens = np.array([[encoded.prompt_tokens], [encoded.completion_tokens]], dtype=np.int32)
    fate = FATES[fates(prompt_tokens, completion_tokens, max_length)[0]]
    return Tokens(encoded.prompt_tokens, encoded.completion_tokens, str(fate))
