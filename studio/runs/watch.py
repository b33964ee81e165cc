"""Following a run from outside: a ``RunWatch`` reads what is new in its directory and says how it stands.

It keeps a byte offset and reads only whole new lines, so that looking often costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from studio.errors import StudioError
from studio.files import JsonObject, read_json_object, why_not
from studio.runs.chronicle import Chronicle
from studio.runs.directory import RunDirectory
from studio.runs.events import Event, Finished, Started, events_in, read_events
from studio.runs.naming import read_naming
from studio.runs.places import PLACES, place_named
from studio.runs.places.place import Place
from studio.runs.predictions import read_predictions
from studio.runs.settings import Spec
from studio.runs.specs import SPECS, read_spec
from studio.runs.state import RunState
from studio.runs.status import Status, status_of
from studio.runs.step_index import Between, read_indexed


class RunWatch:
    """One run, followed by its events file."""

    def __init__(self, directory: RunDirectory) -> None:
        self.directory = directory
        self._offset = 0
        named = directory.run_id.partition("-")[0]  # what kind it is, where only the name is left to say it
        self._state = RunState(directory.run_id, named if named in SPECS else "", None)
        self._chronicle = Chronicle(self._state)
        self._place: Place = PLACES[0]
        self._spec_trouble: StudioError | None = None
        self._results_trouble: StudioError | None = None
        self._naming_changed_at: int | None = None
        try:
            spec = read_spec(directory)
            self._state.spec, self._state.kind = spec, spec.kind
            self._place = place_named(spec.place)
        except StudioError as error:
            self._spec_trouble = error

    @property
    def spec(self) -> Spec | None:
        """The run's spec; None where ``spec.json`` is damaged."""
        return self._state.spec

    def poll(self) -> RunState:
        """Read the new whole lines and compute the status; always the same object, brought up to date."""
        state = self._state
        if not self.directory.path.exists():
            state.status, state.message = Status.LOST, "the run directory is gone"
            return state
        unread = self._read_events()
        self._read_naming()
        trouble = self._spec_trouble or self._results_trouble
        state.damage = trouble.message if trouble else unread or self._damage_of_events()
        process = self._place.state(self.directory)
        state.status = status_of(self.directory, process, self._chronicle.last_event, is_damaged=bool(state.damage))
        self._chronicle.bring_up_to_date()
        if state.status is Status.LOST:
            state.message = "the process ended without a word"
            state.hint = f"studio resume {state.run_id}"
        elif state.status is Status.DAMAGED:
            state.message, state.hint = state.damage, self._way_out()
        return state

    def log_tail(self, lines: int = 20) -> str:
        """The last lines of the run's output."""
        return self._place.log(self.directory, lines)

    def _read_events(self) -> str:
        """Take what is new; why it cannot be read, or nothing."""
        try:
            if not self._offset:
                self._read_indexed()
            events, self._offset = read_events(self.directory.events_path, self._offset)
        except OSError as error:
            return f"{self.directory.events_path.name} cannot be read: {why_not(error)}"
        if events:
            self._take(events)
            self._chronicle.note_reading()
        return ""

    def _read_indexed(self) -> None:
        parts, self._offset = read_indexed(self.directory.events_path)
        for part in parts:
            if isinstance(part, Between):
                self._take(events_in(part.lines))
            else:
                self._chronicle.take_many_steps(part)

    def _take(self, events: Iterable[Event]) -> None:
        for event in events:
            self._chronicle.take(event)
            if isinstance(event, Started):
                self._results_trouble = None  # of an earlier life
            elif isinstance(event, Finished):
                self._check_results()

    def _check_results(self) -> None:
        if self._state.kind == "compare":
            try:
                scores_in(self.directory)
                read_predictions(self.directory)
            except StudioError as error:
                self._results_trouble = error

    def _read_naming(self) -> None:
        """Name and note, where their file is another than at the last look."""
        changed_at = self.directory.named_at
        if changed_at == self._naming_changed_at:
            return
        self._naming_changed_at = changed_at
        try:
            naming = read_naming(self.directory.naming_path)
            self._state.name, self._state.note = naming.name, naming.note
        except StudioError as error:
            self._state.name, self._state.note = "", error.message

    def _damage_of_events(self) -> str:
        why = self._chronicle.damage
        return f"{self.directory.events_path.name} is damaged: {why}" if why else ""

    def _way_out(self) -> str:
        if self._spec_trouble:
            return self._spec_trouble.hint or "Start a new run; this one can be deleted."
        if self._results_trouble:
            return self._results_trouble.hint or f"Made anew from its answers: studio resume {self._state.run_id}"
        return f"Steps may be missing here. What it has made can be used; studio resume {self._state.run_id} goes on."


def scores_in(directory: RunDirectory) -> JsonObject | None:
    """The finished comparison's scores, or None while there are none. Raises StudioError where they are damaged."""
    try:
        return read_json_object(directory.scores_path)
    except FileNotFoundError:
        return None
