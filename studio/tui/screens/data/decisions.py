"""The decisions: labels, marks, the trash, tasks and splits. Each is one transaction and one undo step."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from studio.errors import AskedWrongly
from studio.reports.numbers import counted, number
from studio.reports.visible import visible

if TYPE_CHECKING:
    from studio.dataset.store import Change, Store
    from studio.tui.screens.data.desk import Desk
    from studio.tui.screens.data.rows import Rows

USUAL_SPLIT = "test=0.1 validation=0.1 seed=0"


class Decisions:
    """A key acts on the selection if there is one, else on the cursor's row, at once: its handler writes the store."""

    def __init__(self, desk: Desk, rows: Rows) -> None:
        self._desk, self._rows = desk, rows
        self._task = ""

    @property
    def chosen_ids(self) -> list[int]:
        """The selection in the view's order if there is one, else the cursor's row."""
        table = self._desk.table
        if table.selected:
            return [int(one) for one in table.ids if int(one) in table.selected]
        return [] if table.cursor_id is None else [table.cursor_id]

    def select_all(self) -> None:
        table = self._desk.table
        table.select({int(one) for one in table.ids})
        self._rows.show_position()
        self._desk.say(f"{number(len(table.selected))} selected: a key acts on all of them, esc lets go")

    def label(self, label: str) -> None:
        """Give the label (``"none"`` takes it away), and step on where it was one row."""
        store, table, ids = self._desk.session.opened(), self._desk.table, self.chosen_ids
        if not ids:
            return
        store.set_label(ids, label)
        by, at = (None, None) if label == "none" else (store.who, datetime.now(UTC))
        changed = (preview for preview in map(table.preview, ids) if preview is not None and preview.label != label)
        table.put([replace(preview, label=label, labelled_by=by, labelled_at=at) for preview in changed])
        is_one = not table.selected
        self._rows.say_changed("label cleared" if label == "none" else label, ids)
        table.clear_selection()
        if is_one and table.cursor < len(table.ids) - 1:
            table.move(1)
        else:
            self._rows.refresh_example()
        self._rows.count_soon()

    def trash(self) -> None:
        ids = self.chosen_ids
        if not ids:
            return
        self._desk.session.opened().remove(ids)
        self._rows.say_changed("to the trash", ids)
        self._desk.table.clear_selection()
        self._rows.load(is_awaited=True)

    def mark(self) -> None:
        """Ask for the mark's note; rows that are all marked lose it at once."""
        store, ids = self._desk.session.opened(), self.chosen_ids
        if not ids:
            return
        previews = [self._desk.table.preview(one) for one in ids]
        if all(preview is not None and preview.is_marked for preview in previews):
            store.set_mark(ids, False)
            self._rows.say_changed("mark taken off", ids)
            self._after_marking(ids)
        else:
            self._desk.bar.ask("mark", "◆ mark", hint="a note, or nothing; enter marks")

    def enter_mark(self, note: str) -> None:
        ids = self.chosen_ids
        self._desk.session.opened().set_mark(ids, True, note.strip())
        self._rows.say_changed("marked", ids)
        self._desk.close_bar()
        self._after_marking(ids)

    def _after_marking(self, ids: list[int]) -> None:
        self._desk.table.clear_selection()
        self._desk.table.forget(ids)
        self._rows.refresh_example()

    def ask_task(self) -> None:
        """Another name for the task of the row under the cursor, in every row that has it."""
        from studio.tui.widgets.line_input import Words

        store = self._desk.session.opened()
        example_id = self._desk.table.cursor_id
        if example_id is None:
            return
        self._task = store.example(example_id).task
        tasks = store.stats().tasks
        others = [name for name in tasks if name not in ("", self._task)]
        hint = f"{counted(tasks[self._task], 'row')}; one that is there merges them"
        named = visible(self._task or "(none)", single_line=True)
        self._desk.bar.ask("task", f"task {named} →", self._task, hint=hint, completer=Words(others))

    def enter_task(self, text: str) -> None:
        store, old, new = self._desk.session.opened(), self._task, text.strip()
        self._desk.ask("task", lambda: store.rename_task(old, new), self._show_task)

    def _show_task(self, change: Change) -> None:
        self._desk.close_bar()
        self._desk.table.forget(change.example_ids.tolist())
        self._rows.load()
        self._desk.say(f"{visible(change.summary, single_line=True)}{' · saved · u undoes' if change.count else ''}")
        self._desk.shell.examples_changed(change.example_ids, change.summary)

    def ask_split(self) -> None:
        splits = self._desk.session.opened().stats().splits
        now = ", ".join(f"{name} {number(count)}" for name, count in splits.items() if count and name != "none")
        self._desk.bar.ask("split", "split", USUAL_SPLIT, hint=f"now {now}" if now else "shares; the rest trains")

    def enter_split(self, text: str) -> None:
        store, (test, validation, seed) = self._desk.session.opened(), parse_split(text)
        self._desk.ask("split", lambda: _assigned(store, test, validation, seed), self._show_split)

    def _show_split(self, change: Change) -> None:
        self._desk.close_bar()
        splits = self._desk.session.opened().stats().splits
        counts = ", ".join(f"{name} {number(count)}" for name, count in splits.items() if count)
        self._desk.say(f"split: {counts} · saved · u undoes" if change.count else f"split as before: {counts}")
        self._desk.shell.examples_changed(change.example_ids, change.summary)


def _assigned(store: Store, test: float, validation: float, seed: int) -> Change:
    from studio.acts.splitting import assign_splits

    return assign_splits(store, test, validation, seed)


def parse_split(text: str) -> tuple[float, float, int]:
    """``test=0.1 validation=0.1 seed=0`` in any order, what is left out as usual. Raises AskedWrongly."""
    values = dict(pair.split("=") for pair in USUAL_SPLIT.split())
    for word in text.split():
        name, equals, value = word.partition("=")
        if not equals or name not in values:
            raise AskedWrongly(f"{word}: not understood.", f"As in: {USUAL_SPLIT}")
        values[name] = value
    try:
        return float(values["test"]), float(values["validation"]), int(values["seed"])
    except ValueError:
        raise AskedWrongly(f"{text}: a number is needed after each =.", f"As in: {USUAL_SPLIT}") from None
