"""The way of words to the terminal: whatever a verb, a library or a traceback writes there is made visible first.

``visible`` is asked by everything that shows data. These streams are for what nobody thought of: a usage error that
quotes its argument, a warning, the message of an exception, a file format written to the screen.
"""

from __future__ import annotations

import codecs
import io
import sys
from collections.abc import Iterable
from typing import IO, Any, BinaryIO, TextIO, cast

from studio.reports.glyphs import in_ascii, is_ascii_only
from studio.reports.visible import visible


def as_shown(text: str) -> str:
    """``text`` as the terminal can have it: all of it visible, and in ASCII where that is all it shows."""
    return in_ascii(visible(text)) if is_ascii_only() else visible(text)


class VisibleStream:
    """A text stream before another one, ``unguarded``: all that is written passes ``visible``."""

    def __init__(self, unguarded: TextIO) -> None:
        self.unguarded = unguarded
        self._bytes = _VisibleBytes(self)

    def write(self, text: str) -> int:
        self.unguarded.write(as_shown(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    @property
    def buffer(self) -> BinaryIO:
        """For those who write bytes: UTF-8, and visible too."""
        return cast(BinaryIO, self._bytes)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.unguarded, name)


class _VisibleBytes:
    def __init__(self, stream: VisibleStream) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="surrogateescape")

    def write(self, data: bytes) -> int:
        self._stream.write(self._decoder.decode(data))
        return len(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream.unguarded, name)


def guard_streams() -> None:
    """From here on stderr, and stdout where it is a terminal, show what would steer one.

    A pipe gets on stdout what was asked for, byte for byte: there it is data, and UTF-8 in every locale.
    """
    if sys.stderr is not None:  # as it is where a shell closed it: 2>&-
        sys.stderr = _guarded(sys.stderr)
    if sys.stdout is not None and sys.stdout.isatty():
        sys.stdout = _guarded(sys.stdout)
    elif isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")


def _guarded(stream: TextIO) -> TextIO:
    return stream if isinstance(stream, VisibleStream) else cast(TextIO, VisibleStream(stream))


def unguarded(stream: IO[str]) -> IO[str]:
    """The stream behind the guard, for the one who writes colours and sees to the text himself."""
    return stream.unguarded if isinstance(stream, VisibleStream) else stream
