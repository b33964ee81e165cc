"""The studio in a pseudo-terminal that is fed keys and can be killed at any moment."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

from tests.terminal import ROOT, Screen

WIDTH, HEIGHT = 100, 30
PATIENCE_SECONDS = 120.0  # only a studio that hangs takes so long


class Sitting:
    """One life of the studio at a terminal: ``press`` types, ``sees`` waits for words, ``kill`` ends it at once."""

    def __init__(self, project: Path, cache: Path) -> None:
        self._ours, its = pty.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "studio", "open", str(project)],
            stdin=its,
            stdout=its,
            stderr=its,
            start_new_session=True,
            env={**os.environ, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT), "STUDIO_CACHE": str(cache)},
        )
        os.close(its)
        self._decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
        self.screen = Screen(WIDTH, HEIGHT)

    @property
    def status(self) -> str:
        """The status line: what just happened, and that it is saved."""
        return str(self.screen).splitlines()[-2]

    def press(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def sees(self, words: str) -> None:
        """Wait until ``words`` are on the screen; AssertionError where they never come."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while words not in str(self.screen):
            assert time.monotonic() < deadline, f"{words!r} never came; the screen is:\n{self.screen}"
            self.look(1.0)

    def look(self, seconds: float) -> None:
        """Take in what comes within ``seconds``, at most one piece."""
        if select.select([self._ours], [], [], seconds)[0]:
            self.screen.feed(self._decode(os.read(self._ours, 1 << 16)))

    def kill(self) -> None:
        """SIGKILL: no handler runs, nothing is written any more."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        os.close(self._ours)
