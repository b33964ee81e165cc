"""Blind votes on the rows that are shown: which two arms, then the dialog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studio.reports.numbers import counted
from studio.runs.directory import find_run

if TYPE_CHECKING:
    from studio.tui.screens.compare.choosing import Choosing
    from studio.tui.screens.compare.desk import Desk


class Voting:
    """The order of the pairs and their sides is drawn by the comparison's id, so that one can stop and go on."""

    def __init__(self, desk: Desk, choosing: Choosing) -> None:
        self._desk, self._choosing = desk, choosing

    def begin(self, shown: tuple[str, ...]) -> None:
        """Vote between the two arms that are ``shown`` if they are two, else between those of the verdict."""
        from studio.acts.voting import Booth
        from studio.tui.dialogs.vote import VoteDialog

        loaded = self._desk.loaded
        if loaded is None or not loaded.view.rows:
            return
        arms = shown if len(shown) == 2 else loaded.view.pair or tuple(loaded.view.comparison.arms)
        if len(arms) < 2:
            self._desk.say("a vote is between two arms, and this comparison has one", "warning")
            return
        directory = find_run(self._desk.project.runs_path, loaded.comparison.run_id)
        booth = Booth(directory, self._choosing.rows, (arms[0], arms[1]), self._desk.session.settings.who)
        rows = counted(len(self._choosing.rows), "row")
        title = " · ".join(["which answer is better?", rows, *self._choosing.choice.conditions])
        self._desk.app.push_screen(VoteDialog(booth, title))
