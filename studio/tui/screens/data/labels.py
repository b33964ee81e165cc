"""Data, the decisions: selection, labels, marks, the trash and splits. Each is one transaction and one undo step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from studio.errors import AskedWrongly
from studio.reports.numbers import number
from studio.tui.screens.data.rows import DataRows

if TYPE_CHECKING:
    from studio.dataset.store import Change

USUAL_SPLIT = "test=0.1 validation=0.1 seed=0"


class DataLabels(DataRows):
    """A key acts on the selection if there is one, else on the cursor's row."""

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

    # -- labels: one transaction in the key handler, so the order is certain and nothing waits to be saved

    def action_accept(self) -> None:
        self._label("accept")

    def action_reject(self) -> None:
        self._label("reject")

    def action_skip(self) -> None:
        self._label("skip")

    def action_clear_label(self) -> None:
        self._label("none")

    def _label(self, label: str) -> None:
        store, table = self.opened(), self.table
        ids = self.chosen_ids()
        if not ids:
            return
        store.set_label(ids, label)
        previews = [preview for preview in map(table.preview, ids) if preview is not None]
        table.put([replace(preview, label=label) for preview in previews])
        is_one = not table.selected
        self.say_changed("label cleared" if label == "none" else label, ids)
        table.clear_selection()
        if is_one and table.cursor < len(table.ids) - 1:
            table.move(1)
        else:
            self.refresh_example()
        self.count_soon()

    def chosen_ids(self) -> list[int]:
        """The selection in the view's order if there is one, else the cursor's row."""
        if self.table.selected:
            return [int(one) for one in self.table.ids if int(one) in self.table.selected]
        return [] if self.table.cursor_id is None else [self.table.cursor_id]

    def say_changed(self, what: str, ids: Sequence[int]) -> None:
        which = f" · row {ids[0]}" if len(ids) == 1 else ""
        self.say(f"{what} · {number(len(ids))} of {number(len(self.table.ids))}{which} · saved · u undoes")

    def action_trash(self) -> None:
        ids = self.chosen_ids()
        if not ids:
            return
        self.opened().remove(ids)
        self.say_changed("to the trash", ids)
        self.table.clear_selection()
        self.load()

    def action_mark(self) -> None:
        store, ids = self.opened(), self.chosen_ids()
        if not ids:
            return
        previews = [self.table.preview(one) for one in ids]
        if all(preview is not None and preview.is_marked for preview in previews):
            store.set_mark(ids, False)
            self.say_changed("mark taken off", ids)
            self._after_marking(ids)
        else:
            self.bar.ask("mark", "◆ mark", hint="a note, or nothing; enter marks")

    def enter_mark(self, note: str) -> None:
        ids = self.chosen_ids()
        self.opened().set_mark(ids, True, note.strip())
        self.say_changed("marked", ids)
        self.close_bar()
        self._after_marking(ids)

    def action_split(self) -> None:
        splits = self.opened().stats().splits
        now = ", ".join(f"{name} {number(count)}" for name, count in splits.items() if count and name != "none")
        self.bar.ask("split", "split", USUAL_SPLIT, hint=f"now {now}" if now else "shares; the rest trains")

    def enter_split(self, text: str) -> None:
        store, (test, validation, seed) = self.opened(), parse_split(text)
        self.ask("split", lambda: store.assign_splits(test, validation, seed), self._show_split)

    def _show_split(self, change: Change) -> None:
        self.close_bar()
        splits = self.opened().stats().splits
        counts = ", ".join(f"{name} {number(count)}" for name, count in splits.items() if count)
        self.say(f"split: {counts} · saved · u undoes" if change.count else f"split as before: {counts}")
        self.studio.examples_changed(change.example_ids, change.summary)

    def _after_marking(self, ids: list[int]) -> None:
        self.table.clear_selection()
        self.table.forget(ids)
        self.refresh_example()


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
