"""The rows: which view they are of, where the cursor is, what was searched in them, the example that is shown."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from textual.content import Content

from studio.reports.numbers import counted, number
from studio.reports.visible import visible
from studio.tui.screens.data.empty import empty_lines
from studio.tui.screens.data.view import DataView

if TYPE_CHECKING:
    from textual import events

    from studio.dataset.examples import ExampleIds
    from studio.dataset.store import Example, Store
    from studio.tui.screens.data.counts import Counts
    from studio.tui.screens.data.desk import Desk
    from studio.tui.screens.data.shown import ShownExample

# A key that comes so soon after another is a held one: rows rush by, and the one it rests on is read a little later.
HELD_KEY_SECONDS, READ_AFTER_SECONDS = 0.05, 0.015
VIEW_AFTER_SECONDS = 0.3  # after the last of the changes that others make one after the other


class Rows:
    """A view is a vector of ids, asked for in a thread. ``matches`` are the positions in it that have ``found``."""

    def __init__(self, desk: Desk, shown: ShownExample, counts: Counts) -> None:
        self._desk, self._shown, self._counts = desk, shown, counts
        self.view = self.sought = DataView()  # what is shown; what was asked for last, which is what a key goes on from
        self.found = ""
        self.matches: Sequence[int] = ()
        self._before_chosen: tuple[DataView, int | None] = (self.view, None)
        self._chosen_on = "data"
        self._said: Mapping[int, str] = {}
        self._cursor_before: int | None = None
        self._cursor_after: int | None = None
        self._moved_at = 0.0
        self._is_awaited = self._is_old = False
        self._kept_keys: list[events.Key] = []

    # -- the view

    def load(self, view: DataView | None = None, cursor_id: int | None = None, *, is_awaited: bool = False) -> None:
        """Ask for the rows of ``view`` (of what is sought already: None); the cursor goes to ``cursor_id``.

        ``is_awaited``: keys that come meanwhile are for the row that is then under the cursor.
        """
        self._is_awaited = is_awaited or self._is_awaited
        store, wanted = self._desk.session.opened(), view or self.sought
        self.sought = wanted
        self._cursor_before = self._desk.table.cursor_id
        self._cursor_after = cursor_id if cursor_id is not None else self._cursor_before
        entered = self._desk.bar.times_asked  # a line that is opened while these rows are sought stays open
        self._desk.ask("view", partial(_ids_of, store, wanted), partial(self._show_view, wanted, entered))
        self.count_soon()

    def keep_key(self, key: events.Key) -> bool:
        """Keep ``key`` while rows are awaited, and post it again when they are there; whether it is kept."""
        if self._is_awaited:
            self._kept_keys.append(key)
        return self._is_awaited

    def give_up(self) -> None:
        """The rows that are sought do not come."""
        self.sought = self.view
        self._forget_keys()

    def _forget_keys(self) -> None:
        """What was typed for rows that were awaited is for no other."""
        self._is_awaited = False
        self._kept_keys.clear()

    def _show_view(self, view: DataView, entered: int, ids: Any) -> None:
        table = self._desk.table
        is_other, self.view = view != self.view, view
        has_moved = table.cursor_id != self._cursor_before  # keys did, while these rows were sought
        position = position_of(ids, table.cursor_id if has_moved else self._cursor_after)
        if position is None:
            position = 0 if is_other else table.cursor
        if is_other:
            table.clear_selection()
            table.scroll_to(y=0, animate=False, force=True)
            self.forget_search()
        table.sort = view.sort
        table.forget()
        table.show(ids, position, int(ids.max(initial=0)))
        table.border_title = Content(visible(view.title, single_line=True))
        if self._desk.bar.times_asked == entered:
            self._desk.close_bar()
        if not len(ids):
            self._shown.show(None)
            table.show_nothing(empty_lines(self.view))
        keys = list(self._kept_keys)
        self._forget_keys()
        for key in keys:
            self._desk.app.post_message(key)

    def show_chosen(
        self, example_ids: Sequence[int] | ExampleIds, heading: str, asked_on: str, said: Mapping[int, str]
    ) -> None:
        """Make these rows the view, for the screen ``asked_on``; ``leave_chosen`` goes back to it.

        ``said`` is what that screen has to say of some of them: it stands beside the cursor's place.
        """
        if self.view.chosen is None:
            self._before_chosen = self.view, self._desk.table.cursor_id
        self._chosen_on, self._said = asked_on, said
        self.load(DataView(chosen=[int(one) for one in example_ids], heading=heading))
        self._desk.say(f"{counted(len(example_ids), 'row')} · esc goes back to {asked_on.capitalize()}")

    def leave_chosen(self) -> None:
        """Go back to the screen that asked for these rows; the view is then what it was before them."""
        view, cursor_id = self._before_chosen
        self.load(view, cursor_id)
        self._desk.shell.show_screen(self._chosen_on)

    # -- what is in sight

    def fetch(self, example_ids: list[int]) -> None:
        """Bring the table the previews it asked for."""
        session = self._desk.session
        if session.store is None:
            return
        previews = session.store.previews(example_ids, session.fingerprint)
        self._desk.table.put(previews)
        if len(previews) < len(example_ids):  # rows went away: an undone import, a redone trash
            self.load()

    def follow_cursor(self, example_id: int | None) -> None:
        """The cursor is on another row; it is read whole at once, but while a key is held when it is stayed on."""
        self.show_position()
        if example_id is None or self._desk.session.store is None:
            return
        before, self._moved_at = self._moved_at, time.monotonic()
        if self._moved_at - before > HELD_KEY_SECONDS:
            self._desk.shell.attempt(self.refresh_example)
        else:
            self._desk.after("read", READ_AFTER_SECONDS, self.refresh_example)

    def refresh_example(self) -> None:
        """Read the example under the cursor again; where it is gone, so is the view as it was."""
        store, example_id = self._desk.session.store, self._desk.table.cursor_id
        if store is None or example_id is None:
            return
        if read := store.examples([example_id]):
            self._shown.show(read[0], self.found)
        else:
            self.load()

    def under_cursor(self) -> Example | None:
        """The example under the cursor as it is now: the pane may be a moment behind."""
        example_id = self._desk.table.cursor_id
        return None if example_id is None else self._desk.session.opened().example(example_id)

    def take_changes(self, example_ids: Sequence[int] | ExampleIds) -> None:
        """Rows changed elsewhere, or by undo and redo: show them, with the cursor on the first."""
        if self._desk.session.store is None:
            return
        table = self._desk.table
        first = int(example_ids[0]) if len(example_ids) else None
        position = position_of(table.ids, first)
        if position is None:
            self.load(cursor_id=first, is_awaited=True)
            return
        table.forget(example_ids)
        table.move_to(position)
        self.refresh_example()
        self.count_soon()

    def take_others(self, example_ids: ExampleIds, *, may_be_more: bool) -> None:
        """Others changed rows: they glow once, and the cursor stays where it is."""
        table = self._desk.table
        if self._desk.session.store is None:
            return
        if may_be_more:
            table.forget()
            self._is_old = True
            self._desk.after("others", VIEW_AFTER_SECONDS, self.catch_up)
        else:
            table.forget(example_ids)
        table.glow(example_ids)
        if table.cursor_id in example_ids:
            self.refresh_example()
        self.count_soon()

    def catch_up(self) -> None:
        """The view again where others brought rows; beneath a line that is being typed, which would close, later."""
        if self._is_old and not self._desk.bar.is_open:
            self._is_old = False
            self.load()

    # -- what was searched in them

    def show_matches(self, found: str, positions: Sequence[int]) -> None:
        """These rows have ``found``: the cursor goes to the next of them."""
        self.found, self.matches = found, positions
        if positions:
            cursor = self._desk.table.cursor
            self._desk.table.move_to(next((one for one in positions if one >= cursor), positions[0]))
        else:
            self.show_position()
        self.refresh_example()

    def forget_search(self) -> None:
        self.found, self.matches = "", ()

    # -- what is said of them

    def count_soon(self) -> None:
        self.show_position()
        self._counts.soon()

    def show_position(self) -> None:
        table = self._desk.table
        total = len(table.ids)
        said = self._said.get(table.cursor_id or 0) if self.view.chosen is not None else None
        parts = [said] if said else []
        if table.selected:
            parts.append(f"{number(len(table.selected))} selected")
        if table.is_ranging:
            parts.append("range: v ends it")
        if self.found:
            parts.append(f"{number(len(self.matches))} × /{visible(self.found, single_line=True)}")
        parts.append(f"{number(table.cursor + 1)} / {number(total)}" if total else "0")
        self._desk.show_place(" · ".join(parts))

    def say_changed(self, what: str, example_ids: Sequence[int]) -> None:
        """What a decision did, to how many of these rows, and that it is saved."""
        which = f" · row {example_ids[0]}" if len(example_ids) == 1 else ""
        total = number(len(self._desk.table.ids))
        self._desk.say(f"{what} · {number(len(example_ids))} of {total}{which} · saved · u undoes")


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
