"""The demo in the screens: takes its next step when it is due, says what it did, shows the screen it is on."""

from __future__ import annotations

from typing import Any

from textual.app import App

from studio.errors import StudioError
from studio.tui.shell import Demo, shell_of

EVERY_SECONDS = 1.0


class DemoPlayer:
    """Plays one demo in one app, from ``start`` on."""

    def __init__(self, app: App[Any], demo: Demo) -> None:
        self._app, self._shell = app, shell_of(app)
        self._demo = demo
        self._shown: str | None = None
        self._is_busy = False

    def start(self) -> None:
        self._app.set_interval(EVERY_SECONDS, self.look)

    def look(self) -> None:
        """Take a step in a thread, unless one is under way or the store is not open yet."""
        if not self._is_busy and self._shell.session.store is not None:
            self._is_busy = True
            self._app.run_worker(self._step, group="demo", thread=True, exit_on_error=True)

    def _step(self) -> None:
        store = self._shell.session.store
        if store is None:
            return
        words: str | None
        try:
            words, severity = self._demo.advance(store), "information"
        except StudioError as error:
            words, severity = " ".join(filter(None, [error.message, error.hint])), "error"
        self._app.call_from_thread(self._stepped, words, severity)

    def _stepped(self, words: str | None, severity: str) -> None:
        self._is_busy = False
        wanted = self._demo.wanted_screen
        if wanted and wanted != self._shown:  # once: a person who goes elsewhere is left there
            self._shown = wanted
            self._shell.show_screen(wanted)
        if words:
            self._shell.say(words, severity)
