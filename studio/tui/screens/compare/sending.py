"""Back to the data: rows are marked to be mended, and Data shows those that are."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from studio.acts.sending_back import QUEUE_FILTER, reason_of, send_back
from studio.reports.numbers import counted
from studio.tui.messages import ExamplesRequested

if TYPE_CHECKING:
    from studio.dataset.examples import ExampleIds
    from studio.tui.screens.compare.choosing import Choosing
    from studio.tui.screens.compare.desk import Desk

NOTHING_SENT = "no row was sent back yet: b sends the selected ones, else the cursor's"


class Sending:
    """Marking is one undo step, and on disk when the key is done."""

    def __init__(self, desk: Desk, choosing: Choosing) -> None:
        self._desk, self._choosing = desk, choosing

    def send(self) -> None:
        loaded, rows = self._desk.loaded, self._choosing.acted_on
        if loaded is None or not rows:
            return
        store = self._desk.session.opened()
        sent = send_back(store, loaded.comparison.run_id, {row.example_id: reason_of(row) for row in rows})
        self._choosing.selected.clear()
        self._desk.redraw()
        gone = f" · {counted(sent.gone, 'row')} not in the store any more" if sent.gone else ""
        if sent.change.count:
            self._desk.shell.examples_changed(sent.change.example_ids, sent.change.summary)
            count = counted(sent.change.count, "row")
            self._desk.say(f"{count} sent back{gone} · saved · u undoes · B shows them in Data")
        else:
            self._desk.say(f"nothing to send: they are marked so already{gone} · B shows them in Data")

    def show_queue(self) -> None:
        store = self._desk.session.opened()
        self._desk.ask("queue", partial(store.view_ids, where=QUEUE_FILTER), self._show)

    def _show(self, ids: ExampleIds) -> None:
        found = [int(one) for one in ids]
        if found:
            self._desk.post_message(ExamplesRequested(found, "sent back"))
        else:
            self._desk.say(NOTHING_SENT)
