"""What changed in the data since the run under the cursor, and training again from there."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from studio.tui.dialogs.reader import SinceDialog
from studio.tui.training_again import TrainingAgain

if TYPE_CHECKING:
    from studio.acts.since import Since
    from studio.tui.training_again import Desk as AgainDesk

MOST_SHOWN = 50


class ChangedSince:
    """Counting happens in a thread; the dialog shows what came out and offers what to do about it."""

    def __init__(self, desk: AgainDesk) -> None:
        self._desk = desk

    def show(self, run_id: str) -> None:
        from studio.acts.since import since_run

        store = self._desk.session.opened()
        self._desk.say("counting what changed …")
        self._desk.ask("since", partial(since_run, self._desk.project, store, run_id, MOST_SHOWN), self._open)

    def _open(self, found: Since) -> None:
        from studio.acts.since import cost
        from studio.reports.since import offer_lines
        from studio.reports.versions import diff_lines

        self._desk.say("")
        changes, again = found.changes, found.again
        edited = [(one.before, one.after) for one in changes.edited]
        refusal = f"{found.refusal.message} {found.refusal.hint}" if found.refusal else ""
        lines = offer_lines(found.run.run_id, cost(again) if again else "", refusal)[1:]
        lines += [[("", "")], *diff_lines(changes.diff, changes.added, changes.removed, edited)]
        dialog = SinceDialog(f"changed since {found.run.run_id}", lines)
        self._desk.app.push_screen(dialog, partial(self._train, found.run.run_id))

    def _train(self, run_id: str, start: str | None) -> None:
        if start:
            TrainingAgain(self._desk).ask(run_id, start)
