"""The studio at a real terminal's end: a program in a pseudo-terminal, what it sends, and what a person sees of it."""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path

import pexpect
from rich.cells import cell_len

ROOT = Path(__file__).parents[1]
# What Textual sends: modes on and off, questions to the terminal, colours, places, whole frames at once; and lines that
# move, which a frame of ours sends.
OWN = re.compile(
    r"\x1b\[[0-9;]*m|\x1b\[\d+;\d+H|\x1b\[\d+G|\x1b\[\d+;\d+r|\x1b\[r|\x1b[DM]"
    r"|\x1b\[\?\d+[hl]|\x1b\[\?\d+\$p|\x1b\[>\d+u|\x1b\[<u|\x1b\]22;[a-z-]*\x07|\r\n"
)
PATIENCE_SECONDS = 60.0
_PIECE = re.compile(
    r"\x1b\[(?P<line>\d+);(?P<place>\d+)H|\x1b\[(?P<in_line>\d+)G|\x1b\[\?1049(?P<mode>[hl])"
    r"|\x1b\[(?P<first>\d+);(?P<last>\d+)r|\x1b(?P<index>[DM])"
    r"|\x1b\[[?<>0-9;]*\$?[a-zA-Z]|\x1b\][^\x07]*\x07|(?P<text>.)",
    re.DOTALL,
)
_BEGUN = re.compile(r"\x1b(\[[?<>0-9;]*\$?|\][^\x07]*)?$")


class Screen:
    """What a person sees of what was sent: text in its places, nothing of colours."""

    def __init__(self, width: int, height: int) -> None:
        self._width, self._height = width, height
        self._row = self._column = 0
        self._first, self._last = 0, height - 1  # the lines that scroll
        self._begun = ""
        self._clear()

    def feed(self, sent: str) -> None:
        sent = self._begun + sent
        begun = _BEGUN.search(sent)
        self._begun = begun[0] if begun else ""
        for piece in _PIECE.finditer(sent.removesuffix(self._begun)):
            self._obey(piece)

    def _obey(self, piece: re.Match[str]) -> None:
        text = piece["text"]
        if piece["line"]:
            self._row, self._column = int(piece["line"]) - 1, int(piece["place"]) - 1
        elif piece["in_line"]:
            self._column = int(piece["in_line"]) - 1
        elif piece["mode"]:
            self._clear()
        elif piece["first"]:
            self._first, self._last = int(piece["first"]) - 1, int(piece["last"]) - 1
        elif piece["index"]:
            gone, new = (self._first, self._last) if piece["index"] == "D" else (self._last, self._first)
            del self._lines[gone]
            self._lines.insert(new, [" "] * self._width)
        elif text == "\n":
            self._row, self._column = self._row + 1, 0
        elif text and text != "\r" and self._row < self._height and self._column < self._width:
            self._lines[self._row][self._column] = text
            self._column += cell_len(text)

    def __str__(self) -> str:
        return "\n".join("".join(line) for line in self._lines)

    def _clear(self) -> None:
        self._lines = [[" "] * self._width for _ in range(self._height)]


class Terminal:
    """A program in a terminal of its own: ``got`` is all that it sent, ``sees`` waits for words on the screen."""

    def __init__(self, *arguments: str, size: tuple[int, int] = (140, 24), **environment: str) -> None:
        # Whoever sets these says how wide its own terminal is, not this one.
        outer = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        env = {**outer, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT), **environment}
        width, height = size
        self._child = pexpect.spawn(
            sys.executable, list(arguments), env=env, dimensions=(height, width), encoding="utf-8"
        )
        self.got = ""
        self.screen = Screen(width, height)

    def sees(self, words: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while words not in str(self.screen):
            assert time.monotonic() < deadline, f"{words!r} never came; the screen is:\n{self.screen}"
            assert self._read(), f"it ended without {words!r}; the screen was:\n{self.screen}"

    def sees_no_more(self, words: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while words in str(self.screen):
            assert time.monotonic() < deadline, f"{words!r} is still there; the screen is:\n{self.screen}"
            assert self._read(), f"it ended with {words!r}; the screen was:\n{self.screen}"

    def press(self, keys: str) -> None:
        self._child.send(keys)

    def ends(self) -> int:
        """Wait for its end; its exit code."""
        while self._read():
            continue
        self._child.close()
        return int(self._child.exitstatus)

    def _read(self) -> bool:
        try:
            sent = self._child.read_nonblocking(1 << 16, timeout=1)
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        self.got += sent
        self.screen.feed(sent)
        return True
