"""The demo in the screens: takes its next step when it is due, says what it did, shows the screen it is on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from studio.errors import StudioError

if TYPE_CHECKING:
    from studio.dataset.store import Store
    from studio.tui.app import StudioApp

EVERY_SECONDS = 1.0


class Demo(Protocol):
    """The main job playing itself: ``advance`` takes the next step if it is time, and says what it did."""

    wanted_screen: str | None

    def advance(self, store: Store) -> str | None: ...


class DemoPlayer:
    """Plays one demo in one app, from ``start`` on."""

    def __init__(self, app: StudioApp, demo: Demo) -> None:
        self._app = app
        self._demo = demo
        self._shown: str | None = None
        self._is_busy = False

    def start(self) -> None:
        self._app.set_interval(EVERY_SECONDS, self.look)

    def look(self) -> None:
        """Take a step in a thread, unless one is under way or the store is not open yet."""
        if not self._is_busy and self._app.store is not None:
            self._is_busy = True
            self._app.run_worker(self._step, group="demo", thread=True, exit_on_error=True)

    def _step(self) -> None:
        if self._app.store is None:
            return
        words: str | None
        try:
            words, severity = self._demo.advance(self._app.store), "information"
        except StudioError as error:
            words, severity = " ".join(filter(None, [error.message, error.hint])), "error"
        self._app.call_from_thread(self._stepped, words, severity)

    def _stepped(self, words: str | None, severity: str) -> None:
        self._is_busy = False
        wanted = self._demo.wanted_screen
        if wanted and wanted != self._shown:  # once: a person who goes elsewhere is left there
            self._shown = wanted
            self._app.show_screen(wanted)
        if words:
            self._app.say(words, severity)
