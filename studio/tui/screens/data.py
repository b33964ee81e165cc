"""Data: which rows, what state, is this one right?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.worker import get_current_worker

from studio.errors import AskedWrongly, StudioError
from studio.reports.words import number, visible
from studio.tui import actions
from studio.tui.messages import LineEntered, LineLeft, ModelFound
from studio.tui.screens.data_rows import DataRows, position_of
from studio.tui.screens.data_view import DataView, equals
from studio.tui.widgets.example_table import ExampleTable

if TYPE_CHECKING:
    from studio.dataset.store import Example, Store
    from studio.tokens.tokenizer import ModelFolder

COPIED_FIELDS = ("prompt", "completion", "system", "task", "label", "split")


class DataScreen(DataRows):
    """The rows, and all that is typed at them or opened from them."""

    BINDINGS = actions.bindings_for("Data")

    def __init__(self) -> None:
        super().__init__()
        self._replacing = ""

    def on_model_found(self, message: ModelFound) -> None:
        self.table.forget()
        self.refresh_example()
        self.count_tokens()

    def on_example_table_entered(self, message: ExampleTable.Entered) -> None:
        self.action_enter()

    # -- moves

    def action_down(self) -> None:
        self._move(1)

    def action_up(self) -> None:
        self._move(-1)

    def action_page_down(self) -> None:
        self._move(self.table.page)

    def action_page_up(self) -> None:
        self._move(-self.table.page)

    def action_top(self) -> None:
        self._move(-len(self.table.ids))

    def action_bottom(self) -> None:
        self._move(len(self.table.ids))

    def _move(self, rows: int) -> None:
        if self.pane.has_focus:
            self.pane.scroll_relative(y=rows, animate=False)
        else:
            self.table.move(rows)

    def action_left(self) -> None:
        self.table.move_column(-1)

    def action_right(self) -> None:
        self.table.move_column(1)

    def action_pane_down(self) -> None:
        self.pane.scroll_relative(y=max(1, self.pane.size.height // 2), animate=False)

    def action_pane_up(self) -> None:
        self.pane.scroll_relative(y=-max(1, self.pane.size.height // 2), animate=False)

    def action_enter(self) -> None:
        self.pane.focus()

    def action_back(self) -> None:
        """One thing at a time: the line, a running query, the pane, the selection, the search."""
        if self.bar.is_open:
            self.bar.leave()
        elif self.is_asking("view") and self.store is not None:
            self.forget("view")
            self.store.interrupt()
            self.say("interrupted; the rows are as they were")
        elif self.pane.has_focus:
            self.table.focus()
        elif not self.table.clear_selection() and self.found:
            self.found, self.matches = "", ()
            self.refresh_example()
        self.show_position()

    def action_close(self) -> None:
        self.app.exit()

    def on_line_left(self, message: LineLeft) -> None:
        message.stop()
        self.table.focus()

    # -- selection

    def action_select(self) -> None:
        self.table.toggle()
        self.table.move(1)

    def action_select_range(self) -> None:
        self.table.toggle_range()
        self.show_position()

    def action_select_all(self) -> None:
        self.table.selected = {int(one) for one in self.table.ids}
        self.table.refresh()
        self.show_position()
        self.say(f"{number(len(self.table.selected))} selected: a key acts on all of them, esc lets go")

    # -- filter, sort, search

    def action_filter(self) -> None:
        from studio.dataset.filters import COLUMNS

        self.opened()
        hint = "task = 'tickets' and label = 'none'" if not self.view.filters else "AND what is filtered already"
        self.bar.ask("filter", "filter", hint=hint, words=[*COLUMNS, "and", "or", "not", "ilike", "is null"])

    def action_same_cell(self) -> None:
        store, example_id = self.opened(), self.table.cursor_id
        if example_id is None:
            return
        name = self.table.column_name
        preview = self.table.preview(example_id)
        value = preview.total_tokens if name == "total_tokens" and preview else None
        if name == "total_tokens" and value is None:
            raise AskedWrongly("The tokens of this row are not counted yet.", "F3 counts them.")
        self.load(
            self.view.filtered(equals(name, getattr(store.example(example_id), name) if value is None else value))
        )

    def action_reset(self) -> None:
        if self.store is None:
            self.table.show_nothing([("opening the store …", "dim")])
            self.studio.open_store()
            return
        self.found, self.matches = "", ()
        self.load(DataView())

    def action_sort_up(self) -> None:
        self.load(self.view.sorted_by(self.table.column_name, descending=False))

    def action_sort_down(self) -> None:
        self.load(self.view.sorted_by(self.table.column_name, descending=True))

    def action_search(self) -> None:
        self.opened()
        self.bar.ask("search", "/", self.found, hint="all text; n next, N previous")

    def action_next_match(self) -> None:
        self._go_to_match(1)

    def action_previous_match(self) -> None:
        self._go_to_match(-1)

    def _search(self, text: str) -> None:
        store, view, shown = self.opened(), self.view, self.table.ids

        def find() -> Sequence[int]:
            import numpy as np

            return [int(one) for one in np.flatnonzero(np.isin(shown, store.view_ids(where=view.where, search=text)))]

        self.ask("search", find, partial(self._show_matches, text))

    def _show_matches(self, text: str, positions: Sequence[int]) -> None:
        self.found, self.matches = text, positions
        self.close_bar()
        if not positions:
            self.show_position()
            self.refresh_example()
            self.say(f"no row of this view has {text!r}", "warning")
            return
        at_or_after = next((one for one in positions if one >= self.table.cursor), positions[0])
        self.table.move_to(at_or_after)
        self.refresh_example()
        self.say(f"{number(len(positions))} rows have {visible(text, single_line=True)!r} · n next · N previous")

    def _go_to_match(self, direction: int) -> None:
        if not self.matches:
            self.say("nothing is searched for: / searches" if not self.found else f"no row has {self.found!r}")
            return
        here, positions = self.table.cursor, self.matches
        if direction > 0:
            position = next((one for one in positions if one > here), positions[0])
        else:
            position = next((one for one in reversed(positions) if one < here), positions[-1])
        self.table.move_to(position)

    # -- lines

    def action_command(self) -> None:
        words = [action.name for action in actions.actions_for(self.NAME)]
        self.bar.ask("command", ":", hint="a row's number, or an action's name", words=words)

    def action_mark(self) -> None:
        store, ids = self.opened(), self.chosen_ids()
        if not ids:
            return
        previews = [self.table.preview(one) for one in ids]
        if all(preview is not None and preview.is_marked for preview in previews):
            self.say_changed("mark taken off", store.set_mark(ids, False), ids)
            self._after_marking(ids)
        else:
            self.bar.ask("mark", "◆ mark", hint="a note, or nothing; enter marks")

    def _mark(self, note: str) -> None:
        ids = self.chosen_ids()
        self.say_changed("marked", self.opened().set_mark(ids, True, note.strip()), ids)
        self.close_bar()
        self._after_marking(ids)

    def _after_marking(self, ids: list[int]) -> None:
        self.table.clear_selection()
        self.table.forget(ids)
        self.refresh_example()

    def action_export(self) -> None:
        self.opened()
        self._replacing = ""
        hint = f"{number(len(self.table.ids))} rows; .jsonl or .csv"
        self.bar.ask("export", "write to", f"{self.project.name}.jsonl", hint=hint)

    def _export(self, text: str) -> None:
        from studio.acts.exporting import export_examples

        path, store, ids = Path(text.strip()).expanduser(), self.opened(), list(map(int, self.table.ids))
        if path.exists() and self._replacing != text:
            self._replacing = text
            self.bar.refuse(f"{path.name} exists: enter again replaces it")
            return
        self.ask("export", lambda: export_examples(store, path, ids), partial(self._exported, path))

    def _exported(self, path: Path, count: int) -> None:
        self.close_bar()
        self.say(f"wrote {number(count)} examples to {path}")

    def on_line_entered(self, message: LineEntered) -> None:
        message.stop()
        enter = {
            "filter": self._enter_filter,
            "search": self._enter_search,
            "command": self._enter_command,
            "mark": self._mark,
            "export": self._export,
        }[message.kind]
        try:
            enter(message.text)
        except StudioError as error:
            self.on_failed(message.kind, error)

    def _enter_filter(self, text: str) -> None:
        if text.strip():
            self.load(self.view.filtered(text))
        else:
            self.bar.leave()

    def _enter_search(self, text: str) -> None:
        if text:
            self._search(text)
        else:
            self.bar.leave()

    def _enter_command(self, text: str) -> None:
        word = text.strip()
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

    # -- copies: OSC 52 reaches the clipboard of the terminal, over SSH too

    def action_copy_row(self) -> None:
        if self.shown is not None:
            row = {name: getattr(self.shown, name) for name in COPIED_FIELDS}
            self._copy(json.dumps({name: value for name, value in row.items() if value}, ensure_ascii=False), "the row")

    def action_copy_cell(self) -> None:
        if self.shown is None:
            return
        name = self.table.column_name
        preview = self.table.preview(self.shown.example_id)
        value = getattr(self.shown, name) if name != "total_tokens" else (preview.total_tokens if preview else "")
        self._copy(str(value), name)

    def action_copy_command(self) -> None:
        command = self.view.command(self.project.root)
        self._copy(command, command)

    def _copy(self, text: str, what: str) -> None:
        self.app.copy_to_clipboard(text)
        self.say(f"copied {visible(what, single_line=True)}")

    # -- dialogs

    def action_edit(self) -> None:
        from studio.tui.screens.edit import EditScreen

        if self.table.cursor_id is not None:
            example = self.opened().example(self.table.cursor_id)
            self.app.push_screen(EditScreen(example), partial(self._edited, example))

    def action_edit_outside(self) -> None:
        from studio.tui.screens.edit import edit_outside

        if self.table.cursor_id is not None:
            example = self.opened().example(self.table.cursor_id)
            self._edited(example, edit_outside(self.app, example))

    def _edited(self, example: Example, texts: tuple[str, str] | None) -> None:
        if texts is None or texts == (example.prompt, example.completion):
            self.say("nothing changed")
            return
        change = self.opened().set_text(example.example_id, *texts)
        self.say_changed("edited", change, [example.example_id])
        self.table.forget([example.example_id])
        self.refresh_example()
        self.count_tokens()

    def action_import(self) -> None:
        from studio.tui.screens.import_dialog import ImportDialog

        self.opened()
        self.app.push_screen(ImportDialog(), self._imported)

    def _imported(self, added: Any) -> None:
        if added is not None:
            words = f"imported {number(added.added)} examples · {number(added.duplicates)} already there"
            self.say(f"{words} · saved · u undoes")
            self.load()
            self.count_tokens()

    def action_history(self) -> None:
        from studio.tui.screens.reader import ReaderScreen, history_lines

        if self.table.cursor_id is not None:
            edits = self.opened().history(self.table.cursor_id)
            self.app.push_screen(ReaderScreen(f"history of row {self.table.cursor_id}", history_lines(edits)))

    def action_as_trained(self) -> None:
        folder, example = self.studio.model_folder, self.shown
        if folder is None:
            if self.studio.is_model_sought:
                raise StudioError("The model is still being looked for.", "Press again in a moment.")
            name = self.studio.settings.base_model
            raise StudioError(f"The model {name} is not on this machine.", f"studio models get {name}")
        if example is None:
            return
        max_length = self.studio.settings.max_length

        def read() -> Any:
            from studio.acts.window import as_trained

            return as_trained(folder, example, max_length)

        self.ask("trained", read, partial(self._show_trained, example))

    def _show_trained(self, example: Example, trained: Any) -> None:
        from studio.tui.screens.reader import ReaderScreen, trained_lines

        self.app.push_screen(ReaderScreen(f"row {example.example_id} as trained", trained_lines(trained)))

    # -- tokens, counted behind everything else

    def count_tokens(self) -> None:
        """Count the tokens of rows that have no current count, in a thread; the column fills as they come."""
        store, folder = self.store, self.studio.model_folder
        if store is not None and folder is not None:
            self.ask("tokens of all", partial(self._count_all, store, folder), self._show_counted)

    def _count_all(self, store: Store, folder: ModelFolder) -> int:
        from studio.acts.window import count_tokens

        worker = get_current_worker()
        show = partial(self.app.call_from_thread, self.table.forget)
        return count_tokens(store, folder, lambda done, total: show(), lambda: worker.is_cancelled)

    def _show_counted(self, count: int) -> None:
        if count:
            self.table.forget()
