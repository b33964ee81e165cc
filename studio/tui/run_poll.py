"""All runs of a project, looked at again and again from a thread, for every screen and for the header."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from studio.runs.directory import RunDirectory, runs_in
from studio.runs.state import RunState
from studio.runs.watch import RunWatch


class RunPoll:
    """Keeps one watch a run. ``poll`` runs in a thread, so what it returns is never changed afterwards."""

    def __init__(self, runs_path: Path) -> None:
        self._runs_path = runs_path
        self._watches: dict[str, RunWatch] = {}
        self._states: dict[str, RunState] = {}
        self._written: dict[str, tuple[int, int]] = {}

    def poll(self) -> list[RunState]:
        """The states, newest run first. Who has written nothing since keeps the very series, or the state if it ended.

        That spares the screens their drawing: on a small machine it is the trainer's time.
        """
        return [self._poll_one(directory) for directory in runs_in(self._runs_path)]

    def _poll_one(self, directory: RunDirectory) -> RunState:
        run_id = directory.run_id
        written = (_size(directory.events_path), directory.named_at)
        known = self._states.get(run_id)
        is_unwritten = known is not None and self._written[run_id] == written
        if known is not None and is_unwritten and not known.is_live:
            return known
        if run_id not in self._watches:
            self._watches[run_id] = RunWatch(directory)
        self._written[run_id] = written
        state = self._watches[run_id].poll()
        series = known.series if known is not None and is_unwritten else state.series.copied()
        arms = [dataclasses.replace(arm) for arm in state.arms]
        new = dataclasses.replace(state, arms=arms, series=series)
        if new.is_live:  # its clock is shown in seconds: between two of them nothing is to be drawn
            new.elapsed_seconds = float(int(new.elapsed_seconds))
            new.eta_seconds = None if new.eta_seconds is None else float(round(new.eta_seconds))
        if new != known:
            self._states[run_id] = new
        return self._states[run_id]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1
