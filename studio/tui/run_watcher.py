"""One thread that looks at the runs for as long as the studio is open, and tells what has changed."""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from studio.runs.state import RunState

LOOKS_EVERY_SECONDS = 0.35
LONGEST_LOOK_SECONDS = 2.0  # a disk that hangs keeps nobody from leaving


class RunWatcher(threading.Thread):
    """``tell`` gets all runs, ``fail`` what ended the thread; both are called in it."""

    def __init__(
        self, runs_path: Path, tell: Callable[[list[RunState]], None], fail: Callable[[Exception], None]
    ) -> None:
        super().__init__(name="runs", daemon=True)
        self._runs_path, self._tell, self._fail = runs_path, tell, fail
        self._asked = self._answered = 0
        self._is_over = False
        self._wake = threading.Event()

    def ask(self) -> None:
        """Look at once, and tell also where nothing has changed."""
        self._asked += 1
        self._wake.set()

    @property
    def is_asked(self) -> bool:
        """Whether there is an ``ask`` that nothing was told for yet."""
        return self._asked != self._answered

    def end(self) -> None:
        """Let the thread end, and wait until it has."""
        self._is_over = True
        self._wake.set()
        if self.is_alive():
            self.join(LONGEST_LOOK_SECONDS)

    def run(self) -> None:
        try:
            self._watch()
        except Exception as error:  # the app says it: a thread of its own would end without a word
            self._fail(error)

    def _watch(self) -> None:
        self._wake.wait(LOOKS_EVERY_SECONDS)
        from studio.tui.run_poll import RunPoll  # behind the first paint, which waits for no import

        poll, told = RunPoll(self._runs_path), None
        while not self._is_over:
            self._wake.clear()
            asked = self._asked
            states = poll.poll()
            is_same = told is not None and len(told) == len(states) and all(map(operator.is_, told, states))
            if asked != self._answered or not is_same:
                told = states
                self._tell(states)
            self._answered = asked
            self._wake.wait(LOOKS_EVERY_SECONDS)
