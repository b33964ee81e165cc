"""What leaves the screen: copies to the clipboard, and the rows of the view as a file."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from studio.dataset.formats import listed, written_endings, written_shapes
from studio.reports.numbers import counted
from studio.reports.visible import visible

if TYPE_CHECKING:
    from studio.tui.screens.data.desk import Desk
    from studio.tui.screens.data.rows import Rows

COPIED_FIELDS = ("prompt", "completion", "system", "context", "task", "label", "split")


PAIR = "pair"


def with_shape(text: str) -> tuple[str, str]:
    """``rows.jsonl as messages`` → its path and its shape; without ``as`` rows are written as pairs."""
    name, word, shape = text.strip().rpartition(" as ")
    return (name, shape) if word and shape in written_shapes() else (text.strip(), PAIR)


class Taking:
    """Copies go by OSC 52, which reaches the clipboard of the terminal, over SSH too."""

    def __init__(self, desk: Desk, rows: Rows) -> None:
        self._desk, self._rows = desk, rows
        self._replacing = ""

    def copy_row(self) -> None:
        if (example := self._rows.under_cursor()) is not None:
            row = {name: getattr(example, name) for name in COPIED_FIELDS}
            self._copy(json.dumps({name: value for name, value in row.items() if value}, ensure_ascii=False), "the row")

    def copy_cell(self) -> None:
        """The whole text of the cursor's cell; what only the table has (tokens, who labelled) as it has it."""
        if (example := self._rows.under_cursor()) is None:
            return
        name = self._desk.table.column_name
        value = getattr(example, name, None)
        if value is None:
            session = self._desk.session
            in_table = session.opened().previews([example.example_id], session.fingerprint)
            value = getattr(in_table[0], name, None) if in_table else None
        self._copy("" if value is None else str(value), name)

    def copy_command(self) -> None:
        command = self._rows.view.command(self._desk.session.project.root)
        self._copy(command, command)

    def _copy(self, text: str, what: str) -> None:
        self._desk.app.copy_to_clipboard(text)
        self._desk.say(f"copied {visible(what, single_line=True)}")

    def ask_export(self) -> None:
        from studio.tui.widgets.line_input import Paths

        self._desk.session.opened()
        self._replacing = ""
        shapes = listed([shape for shape in written_shapes() if shape != PAIR])
        hint = f"{counted(len(self._desk.table.ids), 'row')}; {written_endings()}; then perhaps: as {shapes}"
        self._desk.bar.ask(
            "export", "write to", f"{self._desk.session.project.name}.jsonl", hint=hint, completer=Paths()
        )

    def enter_export(self, text: str) -> None:
        """Write the rows of the view; a file that exists is replaced only by the same line entered again."""
        from studio.acts.exporting import FileExists, check_target, export_examples

        name, shape = with_shape(text)
        path, store = Path(name).expanduser(), self._desk.session.opened()
        ids = list(map(int, self._desk.table.ids))
        may_replace = self._replacing == text
        try:
            check_target(path, may_replace=may_replace)
        except FileExists:
            self._replacing = text
            self._desk.bar.refuse(f"{path.name} exists: enter again replaces it")
            return

        def export() -> int:
            return export_examples(store, path, ids, may_replace=may_replace, shape=shape)

        self._desk.ask("export", export, partial(self._exported, path))

    def _exported(self, path: Path, count: int) -> None:
        self._desk.close_bar()
        self._desk.say(f"wrote {counted(count, 'example')} to {path}")
