"""The text of a file, held a stretch at a time: for formats whose records are not lines."""

from __future__ import annotations

import codecs
import re
from typing import BinaryIO

from studio.dataset.formats.lines import OnBytes

_CHUNK_BYTES = 64 * 1024  # small, because json counts the lines from the beginning of the text for each error
_PATIENCE_CHARS = 64 * 1024 * 1024
_SPACE = re.compile(r"[ \t\r\n]*")
_BLANKS = re.compile(r"[ \t]*")


class Stretch:
    """What lies ahead in a UTF-8 file, from ``position`` in ``text`` on; what lies behind is let go of.

    ``line`` and ``column`` say where that is in the file (from 1 and from 0), ``indent`` how far the line is indented.
    A byte that is not UTF-8 stands in the text as ``surrogateescape`` keeps it; ``is_sound`` while there was none.
    """

    def __init__(self, raw: BinaryIO, on_bytes: OnBytes | None = None) -> None:
        self._raw = raw
        self._on_bytes = on_bytes
        self._decode = codecs.getincrementaldecoder("utf-8")(errors="surrogateescape").decode
        self.text = ""
        self.position = 0
        self.line, self.column, self.indent = 1, 0, 0
        self.is_sound = True
        self._patience = _PATIENCE_CHARS
        self.grow()
        self.position += self.text.startswith("\ufeff")

    def spend(self, characters: int) -> None:
        """So many were looked at in vain, and may have to be looked at again."""
        self._patience -= characters

    @property
    def is_spent(self) -> bool:
        """Whether far more was looked at in vain than there is in the file so far."""
        return self._patience < 0

    @property
    def ahead(self) -> int:
        """How many characters are held."""
        return len(self.text) - self.position

    def grow(self) -> bool:
        """Hold at least twice as much; False where the file has no more."""
        chunk = self._raw.read(max(_CHUNK_BYTES, self.ahead))
        more = self._decode(chunk, not chunk)
        try:
            more.encode()
        except UnicodeEncodeError:
            self.is_sound = False
        self.text, self.position = self.text[self.position :] + more, 0
        self._patience += 4 * len(chunk)
        if chunk and self._on_bytes:
            self._on_bytes(self._raw.tell())
        return bool(chunk)

    def go_to(self, position: int) -> None:
        """Go on to ``position`` in ``text``."""
        newline = self.text.rfind("\n", self.position, position)
        if newline < 0:
            self.column += position - self.position
        else:
            self.line += self.text.count("\n", self.position, position)
            self.column = position - newline - 1
            self.indent = min(_blanks_end(self.text, newline + 1), position) - newline - 1
        self.position = position

    def skip_space(self) -> str:
        """Go on to what is neither space nor newline; that character, or nothing at the end of the file."""
        line = self.line
        while True:
            space = _SPACE.match(self.text, self.position)
            self.go_to(space.end() if space else self.position)
            if self.position < len(self.text):
                if self.line > line:
                    self.indent = self.column
                return self.text[self.position]
            if not self.grow():
                return ""

    def next_line(self) -> str:
        """Go on to the first character of the next line that is no blank; nothing where there is no next line."""
        while (newline := self.text.find("\n", self.position)) < 0:
            self.go_to(len(self.text))
            if not self.grow():
                return ""
        self.go_to(newline + 1)
        while True:
            self.go_to(_blanks_end(self.text, self.position))
            self.indent = self.column
            if self.position < len(self.text):
                return self.text[self.position]
            if not self.grow():
                return ""

    def line_end(self, limit: int) -> int:
        """The position behind this line's last character, or of the ``limit``-th character where it is longer."""
        searched = 0
        while (newline := self.text.find("\n", self.position + searched, self.position + limit)) < 0:
            searched = self.ahead
            if searched >= limit or not self.grow():
                return self.position + min(self.ahead, limit)
        return newline


def _blanks_end(text: str, position: int) -> int:
    blanks = _BLANKS.match(text, position)
    return blanks.end() if blanks else position
