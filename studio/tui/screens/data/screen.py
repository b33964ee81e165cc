"""Data: which rows, what state, is this one right?"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.worker import get_current_worker

from studio.errors import AskedWrongly, StudioError
from studio.reports.numbers import counted, number
from studio.reports.visible import visible
from studio.tui import actions
from studio.tui.messages import LineEntered, LineLeft, ModelFound
from studio.tui.screens.data.example_table import ExampleTable
from studio.tui.screens.data.finding import DataFinding
from studio.tui.screens.data.rows import position_of

if TYPE_CHECKING:
    from studio.dataset.store import Example, Store
    from studio.tokens.tokenizer import ModelFolder

COPIED_FIELDS = ("prompt", "completion", "system", "task", "label", "split")


class DataScreen(DataFinding):
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
        """One thing at a time: the line, a running query, the pane, the selection, the search, the rows asked for."""
        if self.bar.is_open:
            self.bar.leave()
        elif self.is_asking("view") and self.store is not None:
            self.forget("view")
            self.store.interrupt()
            self.say("interrupted; the rows are as they were")
        elif self.pane.has_focus:
            self.table.focus()
        elif self.table.clear_selection():
            self.say("nothing is selected")
        elif self.found:
            self.found, self.matches = "", ()
            self.refresh_example()
        elif self.view.chosen is not None:
            self.leave_chosen()
        self.show_position()

    def action_close(self) -> None:
        self.app.exit()

    def on_line_left(self, message: LineLeft) -> None:
        message.stop()
        self.table.focus()

    # -- lines

    def action_command(self) -> None:
        words = [action.name for action in actions.actions_for(self.NAME)]
        self.bar.ask("command", ":", hint="a row's number, or an action's name", words=words)

    def action_export(self) -> None:
        self.opened()
        self._replacing = ""
        hint = f"{counted(len(self.table.ids), 'row')}; .jsonl or .csv"
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
        self.say(f"wrote {counted(count, 'example')} to {path}")

    def on_line_entered(self, message: LineEntered) -> None:
        message.stop()
        enter = {
            "filter": self.enter_filter,
            "search": self.enter_search,
            "command": self._enter_command,
            "mark": self.enter_mark,
            "split": self.enter_split,
            "export": self._export,
        }[message.kind]
        try:
            enter(message.text)
        except StudioError as error:
            self.on_failed(message.kind, error)

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
        from studio.tui.dialogs.edit import EditScreen

        if self.table.cursor_id is not None:
            example = self.opened().example(self.table.cursor_id)
            self.app.push_screen(EditScreen(example), partial(self._edited, example))

    def action_edit_outside(self) -> None:
        from studio.tui.dialogs.edit import edit_outside

        if self.table.cursor_id is not None:
            example = self.opened().example(self.table.cursor_id)
            self._edited(example, edit_outside(self.app, example))

    def _edited(self, example: Example, texts: tuple[str, str] | None) -> None:
        if texts is None or texts == (example.prompt, example.completion):
            self.say("nothing changed")
            return
        self.opened().set_text(example.example_id, *texts)
        self.say_changed("edited", [example.example_id])
        self.table.forget([example.example_id])
        self.refresh_example()
        self.count_tokens()

    def action_import(self) -> None:
        from studio.tui.dialogs.import_dialog import ImportDialog

        self.opened()
        self.app.push_screen(ImportDialog(), self._imported)

    def _imported(self, added: Any) -> None:
        if added is not None:
            words = f"imported {counted(added.added, 'example')} · {number(added.duplicates)} already there"
            self.say(f"{words} · saved · u undoes")
            self.load()
            self.count_tokens()

    def action_history(self) -> None:
        from studio.tui.dialogs.reader import ReaderScreen, history_lines

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
        from studio.tui.dialogs.reader import ReaderScreen, trained_lines

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
