"""Data, finding: filters that add up, sorts that stack, a search that goes from match to match."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from studio.errors import AskedWrongly
from studio.reports.numbers import counted
from studio.reports.visible import visible
from studio.tui.screens.data.labels import DataLabels
from studio.tui.screens.data.view import DataView, equals


class DataFinding(DataLabels):
    """Queries run in a thread; Esc interrupts them and leaves the rows as they were."""

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
        self.say(f"{visible(text, single_line=True)!r} is in {counted(len(positions), 'row')} · n next · N previous")

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

    def enter_filter(self, text: str) -> None:
        if text.strip():
            self.load(self.view.filtered(text))
        else:
            self.bar.leave()

    def enter_search(self, text: str) -> None:
        if text:
            self._search(text)
        else:
            self.bar.leave()
