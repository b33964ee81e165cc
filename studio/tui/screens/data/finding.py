"""Finding: filters that add up, sorts that stack, a search that goes from match to match."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from studio.dataset.examples import PREVIEW_CHARS
from studio.errors import AskedWrongly
from studio.reports.numbers import counted
from studio.reports.visible import visible
from studio.tui.screens.data.view import DataView, equals, one_of

if TYPE_CHECKING:
    from studio.dataset.examples import ExampleIds, Value, Values
    from studio.scoring.agreement import Agreement
    from studio.tui.screens.data.desk import Desk
    from studio.tui.screens.data.rows import Rows


class Finding:
    """Queries run in a thread; Esc interrupts them and leaves the rows as they were."""

    def __init__(self, desk: Desk, rows: Rows) -> None:
        self._desk, self._rows = desk, rows

    # -- where people differ

    def disagreements(self) -> None:
        """Rows on which those who label do not agree become the view; beside the cursor's place is who said what."""
        from studio.acts.agreeing import agreement_of

        store = self._desk.session.opened()
        self._desk.ask("disagreements", lambda: agreement_of(store), self._show_disagreements)

    def _show_disagreements(self, found: Agreement) -> None:
        from studio.reports.agreement import coefficient, side_by_side

        if not found.disagreed:
            rows = counted(found.rows, "row")
            self._desk.say(f"no disagreement: {rows} labelled by two or more · studio agreement says more")
            return
        said = {row: visible(side_by_side(words), single_line=True) for row, words in found.disagreed.items()}
        heading = f"no agreement · Krippendorff's α {coefficient(found.alpha_nominal)}"
        self._rows.show_chosen(list(found.disagreed), heading, "data", said)

    # -- filter, sort

    def ask_filter(self) -> None:
        hint = "task = 'tickets' and label = 'none'" if not self._rows.view.filters else "AND what is filtered already"
        self._ask_filter("filter", hint)

    def _ask_filter(self, kind: str, hint: str, value: str = "") -> None:
        from studio.dataset.filters import COLUMNS, FUNCTIONS
        from studio.tui.screens.data.filter_help import filter_help
        from studio.tui.widgets.line_input import Words

        self._desk.session.opened()
        words = Words([*COLUMNS, "and", "or", "not", "ilike", "is null", "null", *(f"{name}(" for name in FUNCTIONS)])
        older = self._older("filter")
        self._desk.bar.ask(kind, "filter", value, hint=hint, completer=words, older=older, helper=filter_help)

    def enter_filter(self, text: str) -> None:
        if text.strip():
            self._desk.session.history.add("filter", text)
            self._rows.load(self._rows.sought.filtered(text))
        else:
            self._desk.bar.leave()

    def _older(self, kind: str) -> Sequence[str]:
        return self._desk.session.history.lines(kind)

    def sent_back(self) -> None:
        """The rows that Compare, or studio send-back, sent here to be mended."""
        from studio.acts.sending_back import QUEUE_FILTER

        self._desk.session.opened()
        self._rows.load(DataView(filters=(QUEUE_FILTER,)))
        self._desk.say("sent back to be mended · i says more of a row · m takes its mark off · r shows all rows")

    def ask_whole_filter(self) -> None:
        """The filter as it stands, whoever made it (f, =, F), to be changed."""
        self._ask_filter("whole filter", "the filter as it stands; empty takes it off", self._rows.view.where)

    def enter_whole_filter(self, text: str) -> None:
        if text.strip():
            self._desk.session.history.add("filter", text)
        self._rows.load(replace(self._rows.view, filters=(text.strip(),) if text.strip() else ()))

    def same_cell(self) -> None:
        """Only rows like the cell under the cursor. Raises AskedWrongly where its tokens are not counted yet."""
        store, table = self._desk.session.opened(), self._desk.table
        example_id, name = table.cursor_id, table.column_name
        preview = None if example_id is None else table.preview(example_id)
        if preview is None:
            return
        value = getattr(preview, name)
        if value is None and "tokens" in name:
            raise AskedWrongly("The tokens of this row are not counted yet.", "F3 counts them.")
        if isinstance(value, str) and len(value) >= PREVIEW_CHARS:
            value = getattr(store.example(preview.example_id), name)
        self._rows.load(self._rows.sought.filtered(equals(name, value)))

    def show_near(self) -> None:
        """The rows whose prompt is nearly that of the row under the cursor; the first time takes a moment."""
        store, example_id = self._desk.session.opened(), self._desk.table.cursor_id
        if example_id is None:
            return

        def find() -> ExampleIds:
            store.find_near()
            return store.near(example_id)

        self._desk.say(f"looking for rows like {example_id} …")
        self._desk.ask("near", find, partial(self._take_near, example_id))

    def _take_near(self, example_id: int, found: ExampleIds) -> None:
        if len(found) < 2:
            self._desk.say(f"no row is nearly like {example_id}")
        else:
            self._rows.show_chosen(found, f"rows like {example_id}", "data", {})

    def ask_values(self) -> None:
        """What the cursor's column has in the rows of the view, to filter by."""
        from studio.tui.dialogs.values import ValuesDialog

        store, view, column = self._desk.session.opened(), self._rows.view, self._desk.table.column_name

        def count(containing: str) -> Values:
            return store.values(column, view.where, view.chosen, containing)

        self._desk.app.push_screen(ValuesDialog(column, view.title, count), partial(self._filter_by, column))

    def _filter_by(self, column: str, values: Sequence[Value] | None) -> None:
        if values:
            condition = one_of(column, values)
            self._desk.session.history.add("filter", condition)
            self._rows.load(self._rows.sought.filtered(condition))
            self._desk.say("ctrl+f changes the filter · r shows all rows")

    def sort(self, *, descending: bool) -> None:
        self._rows.load(self._rows.sought.sorted_by(self._desk.table.column_name, descending=descending))

    def sort_on(self, column: str) -> None:
        """Sort by ``column`` up, then down, then no longer, as clicks on its heading do."""
        is_down = dict(self._rows.sought.sort).get(column)
        self._rows.load(self._rows.sought.sorted_by(column, descending=is_down is not None))

    def reset(self) -> None:
        """All rows: no filter, search or sort."""
        self._rows.forget_search()
        self._rows.load(DataView())

    # -- search

    def ask_search(self) -> None:
        self._desk.session.opened()
        self._desk.bar.ask("search", "/", self._rows.found, hint="all text; n next", older=self._older("search"))

    def enter_search(self, text: str) -> None:
        if not text:
            self._desk.bar.leave()
            return
        self._desk.session.history.add("search", text)
        store, view, shown = self._desk.session.opened(), self._rows.view, self._desk.table.ids

        def find() -> Sequence[int]:
            import numpy as np

            return [int(one) for one in np.flatnonzero(np.isin(shown, store.view_ids(where=view.where, search=text)))]

        self._desk.ask("search", find, partial(self._show_matches, text))

    def _show_matches(self, text: str, positions: Sequence[int]) -> None:
        self._desk.close_bar()
        self._rows.show_matches(text, positions)
        if positions:
            words = f"{visible(text, single_line=True)!r} is in {counted(len(positions), 'row')}"
            self._desk.say(f"{words} · n next · N previous")
        else:
            self._desk.say(f"no row of this view has {text!r}", "warning")

    def go_to_match(self, direction: int) -> None:
        """The next match (1) or the one before (-1); after the last comes the first."""
        found, positions, here = self._rows.found, self._rows.matches, self._desk.table.cursor
        if not positions:
            self._desk.say("nothing is searched for: / searches" if not found else f"no row has {found!r}")
            return
        if direction > 0:
            position = next((one for one in positions if one > here), positions[0])
        else:
            position = next((one for one in reversed(positions) if one < here), positions[-1])
        self._desk.table.move_to(position)
