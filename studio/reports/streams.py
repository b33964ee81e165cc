"""The way of words to the terminal: whatever a verb, a library or a traceback writes there is made visible first.

``visible`` is asked by everything that shows data. These streams are for what nobody thought of: a usage error that
quotes its argument, a warning, the message of an exception, a file format written to the screen.
"""

from __future__ import annotations

import codecs
import io
import sys
from typing import IO, TextIO, cast

from studio.reports.visible import visible


class VisibleStream(io.TextIOBase):
    """A text stream before another one, ``unguarded``: all that is written passes ``visible``."""

    def __init__(self, unguarded: TextIO) -> None:
        super().__init__()
        self.unguarded = unguarded
        self._bytes = _VisibleBytes(self)

    def write(self, text: str) -> int:
        self.unguarded.write(visible(text))
        return len(text)

    def flush(self) -> None:
        self.unguarded.flush()

    def isatty(self) -> bool:
        return self.unguarded.isatty()

    def fileno(self) -> int:
        return self.unguarded.fileno()

    def writable(self) -> bool:
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override] - a plain attribute there, read-only either way
        return self.unguarded.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        return self.unguarded.errors

    @property
    def buffer(self) -> io.RawIOBase:
        """For those who write bytes: UTF-8, and visible too."""
        return self._bytes


class _VisibleBytes(io.RawIOBase):
    def __init__(self, stream: VisibleStream) -> None:
        super().__init__()
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="surrogateescape")

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        raw = bytes(cast(bytes, data))
        self._stream.write(self._decoder.decode(raw))
        return len(raw)

    def flush(self) -> None:
        self._stream.flush()


def guard_streams() -> None:
    """From here on stderr, and stdout where it is a terminal, show what would steer one.

    A pipe gets on stdout what was asked for, byte for byte: there it is data.
    """
    if not isinstance(sys.stderr, VisibleStream):
        sys.stderr = VisibleStream(sys.stderr)
    if sys.stdout.isatty() and not isinstance(sys.stdout, VisibleStream):
        sys.stdout = VisibleStream(sys.stdout)


def unguarded(stream: IO[str]) -> IO[str]:
    """The stream behind the guard, for the one who writes colours and sees to the text himself."""
    return stream.unguarded if isinstance(stream, VisibleStream) else stream
