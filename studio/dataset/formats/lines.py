"""The lines of a file in bounded memory, and the words for what is wrong with one.

A line that is too long is measured and skipped, never held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from json import JSONDecodeError
from typing import BinaryIO

from studio.dataset.candidates import Problem

MAX_LINE_BYTES = 8 * 1024 * 1024
_CHUNK_BYTES = 1024 * 1024
_REPORT_EVERY_BYTES = 256 * 1024

OnBytes = Callable[[int], None]


@dataclass(frozen=True)
class Line:
    """One physical line. ``raw`` keeps its line ending and is empty where the line is too long."""

    number: int
    raw: bytes
    size_bytes: int

    @property
    def is_too_long(self) -> bool:
        """Longer than ``MAX_LINE_BYTES``, and so not held."""
        return self.size_bytes > MAX_LINE_BYTES

    @property
    def is_ended(self) -> bool:
        """False for a last line without its newline: perhaps a file cut off."""
        return self.raw.endswith(b"\n")


class LineReader(Iterator[Line]):
    """Iterates over the lines of a file opened in binary; ``on_bytes`` hears how many bytes were read so far."""

    def __init__(self, file: BinaryIO, on_bytes: OnBytes | None = None) -> None:
        self._file = file
        self._on_bytes = on_bytes
        self._reported_bytes = 0
        self.number = 0
        self.offset = 0

    def __next__(self) -> Line:
        raw = self._file.readline(MAX_LINE_BYTES + 1)
        if not raw:
            self._report(at_least=1)
            raise StopIteration
        size = len(raw)
        if size > MAX_LINE_BYTES:
            size += 0 if raw.endswith(b"\n") else self._skip_rest_of_line()
            raw = b""
        elif self.number == 0:
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        self.number += 1
        self.offset += size
        self._report(at_least=_REPORT_EVERY_BYTES)
        return Line(self.number, raw, size)

    def go_to(self, offset: int, number: int) -> None:
        """Continue behind line ``number``, which ends at byte ``offset``."""
        self._file.seek(offset)
        self.offset, self.number = offset, number

    def _skip_rest_of_line(self) -> int:
        skipped = 0
        while chunk := self._file.readline(_CHUNK_BYTES):
            skipped += len(chunk)
            if chunk.endswith(b"\n"):
                break
        return skipped

    def _report(self, at_least: int) -> None:
        if self._on_bytes and self.offset - self._reported_bytes >= at_least:
            self._reported_bytes = self.offset
            self._on_bytes(self.offset)


def too_long(file: str, line: Line) -> Problem:
    """What is said of a line that was skipped for its size."""
    limit, size = (round(number / 2**20, 1) for number in (MAX_LINE_BYTES, line.size_bytes))
    why = f"this line is {size:g} MB long; at most {limit:g} MB is read"
    return Problem(file, line.number, "", why, "Is it really one example? Split it or delete it.")


def invalid_utf8(byte: int, position: int) -> tuple[str, str]:
    """Why and hint for a byte that is not UTF-8; ``position`` counts bytes or characters from 1."""
    return f"invalid UTF-8 (byte 0x{byte:02x} at {position})", "Save it as UTF-8: iconv -f ENCODING -t UTF-8 FILE"


def json_reason(error: ValueError | RecursionError) -> str:
    """What the parser said, without the place."""
    if isinstance(error, JSONDecodeError):
        return f"not JSON: {error.msg[0].lower()}{error.msg[1:].removesuffix(' at')}"
    if isinstance(error, RecursionError):
        return "not usable JSON: nested too deeply"
    return "not usable JSON: a number with thousands of digits"  # the only other ValueError that json raises
