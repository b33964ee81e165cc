"""What is counted behind everything else: how far the labelling is, and the tokens of every row."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from textual.worker import get_current_worker

from studio.reports.numbers import counted, number

if TYPE_CHECKING:
    from studio.acts.drift import Drift
    from studio.dataset.store import Stats, Store
    from studio.tokens.tokenizer import ModelFolder
    from studio.tui.screens.data.desk import Desk

COUNT_AFTER_SECONDS = 0.4
DRIFT_AFTER_SECONDS = 0.6  # the first paint, and the first keys, come before it
AN_HOUR_SECONDS = 3600


class Counts:
    """Counts in threads; the status line, the header and the table's token column show what came out."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def soon(self) -> None:
        """Count labels and rows a little after the last change: while keys come, nothing is counted."""
        self._desk.after("count", COUNT_AFTER_SECONDS, self._count)

    def _count(self) -> None:
        if (store := self._desk.session.store) is not None:
            self._desk.ask("stats", lambda: (store.stats(), _pace(store)), self._show)

    def _show(self, counts: tuple[Stats, float | None]) -> None:
        stats, pace = counts
        labelled = stats.examples - stats.labels["none"]
        note = f"{number(round(pace))} an hour" if pace is not None else ""
        self._desk.status.progress(labelled, stats.examples, note)
        self._desk.shell.set_header(examples=counted(stats.examples, "example"))

    def drift_soon(self) -> None:
        """Say, once the rows are on the screen, how far they have moved on since the newest fine-tune."""
        self._desk.after("drift", DRIFT_AFTER_SECONDS, self._count_drift)

    def _count_drift(self) -> None:
        from studio.acts.drift import drift

        if (store := self._desk.session.store) is not None:
            self._desk.ask("drift", partial(drift, self._desk.session.project, store), self._show_drift)

    def _show_drift(self, found: Drift | None) -> None:
        from studio.reports.since import drift_words

        if found is not None:
            self._desk.say(f"{drift_words(found.title, found.diff)} · F4 c shows it")

    def count_tokens(self) -> None:
        """Count the tokens of rows that have no current count; the column fills as they come."""
        store, folder = self._desk.session.store, self._desk.session.model_folder
        if store is not None and folder is not None:
            self._desk.ask("tokens of all", partial(self._count_all, store, folder), self._show_tokens)

    def _count_all(self, store: Store, folder: ModelFolder) -> int:
        from studio.acts.window import count_tokens

        worker = get_current_worker()
        show = partial(self._desk.app.call_from_thread, self._desk.table.forget)
        return count_tokens(store, folder, lambda done, total: show(), lambda: worker.is_cancelled, gives_way=True)

    def _show_tokens(self, count: int) -> None:
        if count:
            self._desk.table.forget()


def _pace(store: Store) -> float | None:
    from studio.dataset.pace import decisions_an_hour

    return decisions_an_hour(store.labelling_times(AN_HOUR_SECONDS))
