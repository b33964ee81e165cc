"""All runs of a project, looked at again and again from a thread, for every screen and for the header."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from studio.runs.protocol import RunDirectory
from studio.runs.watch import RunState, RunWatch, Series, runs_in


class RunPoll:
    """Keeps one watch a run. ``poll`` runs in a thread, so what it returns is never changed afterwards."""

    def __init__(self, runs_path: Path) -> None:
        self._runs_path = runs_path
        self._watches: dict[str, RunWatch] = {}
        self._states: dict[str, RunState] = {}
        self._sizes: dict[str, int] = {}

    def poll(self) -> list[RunState]:
        """The states, newest run first. A run that has ended and written nothing since keeps its very object."""
        return [self._poll_one(directory) for directory in runs_in(self._runs_path)]

    def _poll_one(self, directory: RunDirectory) -> RunState:
        run_id = directory.run_id
        size = _size(directory.events_path)
        known = self._states.get(run_id)
        if known is not None and not known.is_live and self._sizes[run_id] == size:
            return known
        if run_id not in self._watches:
            self._watches[run_id] = RunWatch(directory)
        self._sizes[run_id] = size
        self._states[run_id] = _frozen(self._watches[run_id].poll())
        return self._states[run_id]


def _frozen(state: RunState) -> RunState:
    columns = {field.name: list(getattr(state.series, field.name)) for field in dataclasses.fields(Series)}
    arms = [dataclasses.replace(arm) for arm in state.arms]
    return dataclasses.replace(state, arms=arms, series=Series(**columns))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1
