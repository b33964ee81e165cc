"""What opens over the rows: edit, import, a row's history, a row as it is trained."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from studio.reports.numbers import counted

if TYPE_CHECKING:
    from studio.dataset.store import Added, Example
    from studio.tui.dialogs.edit import RowTexts
    from studio.tui.screens.data.counts import Counts
    from studio.tui.screens.data.desk import Desk
    from studio.tui.screens.data.rows import Rows


class Opening:
    """Each dialog is imported when it is first opened: the first paint does without them."""

    def __init__(self, desk: Desk, rows: Rows, counts: Counts) -> None:
        self._desk, self._rows, self._counts = desk, rows, counts

    def edit(self) -> None:
        from studio.tui.dialogs.edit import EditDialog

        if (example := self._rows.under_cursor()) is not None:
            self._desk.app.push_screen(EditDialog(example), partial(self._edited, example))

    def edit_outside(self) -> None:
        from studio.tui.dialogs.edit_outside import edit_outside

        if (example := self._rows.under_cursor()) is not None:
            self._edited(example, edit_outside(self._desk.app, example))

    def _edited(self, example: Example, texts: RowTexts | None) -> None:
        before = (example.prompt, example.completion, example.context)
        if texts is None or texts == before:
            self._desk.say("nothing changed")
            return
        changed = (new if new != old else None for new, old in zip(texts, before, strict=True))
        self._desk.session.opened().set_text(example.example_id, *changed)
        self._rows.say_changed("edited", [example.example_id])
        self._desk.table.forget([example.example_id])
        self._rows.refresh_example()
        self._counts.count_tokens()

    def import_file(self) -> None:
        from studio.tui.dialogs.import_dialog import ImportDialog

        self._desk.session.opened()
        self._desk.app.push_screen(ImportDialog(), self._imported)

    def _imported(self, added: Added | None) -> None:
        if added is not None:
            from studio.acts.importing import already_there

            words = f"imported {counted(added.added, 'example')} · {already_there(added)}"
            self._desk.say(f"{words} · saved · u undoes")
            self._rows.load()
            self._counts.count_tokens()

    def history(self) -> None:
        from studio.tui.dialogs.reader import ReaderDialog, history_lines

        example_id = self._desk.table.cursor_id
        if example_id is not None:
            edits = self._desk.session.opened().history(example_id)
            self._desk.app.push_screen(ReaderDialog(f"history of row {example_id}", history_lines(edits)))

    def as_trained(self) -> None:
        """Raises StudioError where the model is not here, or is still looked for."""
        folder, example = self._desk.session.found_model(), self._rows.under_cursor()
        budget = self._desk.session.budget(folder)
        if example is None:
            return

        def read() -> Any:
            from studio.acts.window import as_trained
            from studio.tokens.encoding import Objective

            objectives = [one for one in folder.layout.objectives if example.context or one is not Objective.TURNS]
            return [as_trained(folder, example, budget, objective) for objective in objectives]

        self._desk.ask("trained", read, partial(self._show_trained, example))

    def _show_trained(self, example: Example, trained: Any) -> None:
        from studio.tui.dialogs.reader import ReaderDialog, trained_lines

        lines = [line for of_objective in trained for line in trained_lines(of_objective)]
        self._desk.app.push_screen(ReaderDialog(f"row {example.example_id} as trained", lines))
