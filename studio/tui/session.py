"""What the screens share while the studio is open: project, store, model, max_length, runs. Nothing of Textual here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from studio.errors import StudioError
from studio.project import Project
from studio.tui.kept import Kept, keep, read_kept
from studio.tui.line_history import LineHistory

if TYPE_CHECKING:
    from studio.dataset.store import Store
    from studio.runs.state import RunState
    from studio.tokens.layout import Budget
    from studio.tokens.tokenizer import ModelFolder

LEAST_MAX_LENGTH = 8


@dataclass(frozen=True)
class ClosedStore:
    """Why the store cannot be used now: ``pid`` holds it (None where no other process does)."""

    reason: str
    hint: str
    pid: int | None = None


class Session:
    """Screens and dialogs read it and write it by its methods. Raises AskedWrongly for settings that cannot be used.

    ``base_model`` and ``max_length`` begin as the settings have them, ``max_target_length`` as 0; Window tries others,
    and new runs begin with what was tried. ``model_folder`` and ``fingerprint`` are of the settings' base model, by
    which Data counts tokens.
    """

    def __init__(self, project: Project) -> None:
        self.kept, self.kept_trouble = read_kept(project.screens_path)
        self.project = project
        self.settings = project.settings()
        self.history = LineHistory(project.lines_path)
        self.store: Store | None = None
        self.store_closed: ClosedStore | None = None
        self.base_model, self.max_length = self.settings.base_model, self.settings.max_length
        self.max_target_length = 0
        self.model_folder: ModelFolder | None = None
        self.fingerprint = ""
        self.is_model_sought = True
        self.run_states: list[RunState] = []

    def keep(self, kept: Kept) -> None:
        """Find this again at the next start. Raises StudioError where it cannot be written."""
        self.kept = kept
        if self.project.exists():
            keep(self.project.screens_path, kept)

    @property
    def keys(self) -> Mapping[str, str]:
        """Action name → keys, of the actions that the settings rebind."""
        return self.settings.keys

    # -- the store

    def take_store(self, store: Store) -> None:
        self.store, self.store_closed = store, None

    def take_closed(self, closed: ClosedStore) -> None:
        self.store_closed = closed

    def close(self) -> None:
        """Close the store, if it is open; the session is over."""
        if self.store is not None:
            self.store.close()

    def opened(self) -> Store:
        """The store. Raises StudioError while it is not open: an action that needs it then says so."""
        if self.store is None:
            is_closed = self.store_closed is not None or not self.project.exists()
            raise StudioError("The store is not open." if is_closed else "The store is being opened.", "r tries again.")
        return self.store

    # -- the model and its window

    def take_model(self, folder: ModelFolder, fingerprint: str) -> None:
        self.model_folder, self.fingerprint = folder, fingerprint

    def found_model(self) -> ModelFolder:
        """The settings' base model on this machine. Raises StudioError while it is looked for or where it is not."""
        if self.model_folder is not None:
            return self.model_folder
        if self.is_model_sought:
            raise StudioError("The model is still being looked for.", "Press again in a moment.")
        name = self.settings.base_model
        raise StudioError(f"The model {name} is not on this machine.", f"studio models get {name}")

    def try_model(self, name: str) -> None:
        self.base_model, self.max_target_length = name, 0

    def try_max_length(self, tokens: int, context_window: int | None = None) -> int:
        """Set max_length as near to ``tokens`` as can be, and give it: from 8 up to the window where that is known."""
        most = tokens if context_window is None else context_window
        self.max_length = max(LEAST_MAX_LENGTH, min(tokens, most))
        return self.max_length

    def budget(self, model: ModelFolder) -> Budget:
        """What was tried in Window, of a row of the settings' base model ``model``."""
        is_tried_with_it = self.base_model == self.settings.base_model
        return model.layout.budget(self.max_length, self.max_target_length if is_tried_with_it else 0)

    @property
    def most_tokens(self) -> int:
        """Tokens that no row of the settings' base model may have more of, whichever of its parts they are in."""
        return self.max_length if self.model_folder is None else self.budget(self.model_folder).most_tokens

    # -- the runs

    @property
    def live_runs(self) -> int:
        """How many runs have a process at work."""
        return sum(state.is_live for state in self.run_states)
