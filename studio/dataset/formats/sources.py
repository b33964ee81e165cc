"""Where rows come from: a file as it lies there, or what is no file (a pipe, standard input), copied once into one.

Whatever reads rows goes back to the beginning, and a pipe cannot: what comes out of it would be lost. What need not
end, a device, is refused; what did not end after ``MAX_SPOOLED_BYTES`` is too.
"""

from __future__ import annotations

import os
import select
import shlex
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from studio.dataset.formats.lines import OnBytes
from studio.dataset.formats.packed import MAX_UNPACKED_BYTES, is_packed, unpacked
from studio.errors import AskedWrongly, StudioError

MAX_SPOOLED_BYTES = 2 * 1024**3
WAIT_SECONDS = 10.0  # for somebody to open the other end of a named pipe
_CHUNK_BYTES = 1024 * 1024
_LOOK_EVERY_SECONDS = 0.05
# As the kernel names what this process has open: the shell's <(…) is one of them.
_OPEN_FILES = {Path("/dev/fd"), Path("/proc/self/fd")}


@dataclass(frozen=True)
class Source:
    """Something to read rows from: ``raw`` can be sought in; ``file`` as the person named it, ``name`` as stored."""

    raw: BinaryIO
    file: str
    name: str

    def close(self) -> None:
        self.raw.close()


def source_name(path: Path, *, is_stream: bool = False) -> str:
    """What a row remembers of where it came from."""
    if is_stream or path == Path("/dev/stdin"):
        return "stdin"
    return "pipe" if path.parent in _OPEN_FILES else path.name


def open_source(path: Path, stream: BinaryIO | None = None, on_bytes: OnBytes | None = None) -> Source:
    """``path``, or in its stead ``stream``, to be read from its beginning as often as is needed.

    ``on_bytes`` hears how much was copied, also while nothing comes, so that it can raise.
    Raises AskedWrongly for what is not there, is no file or has no end, StudioError where reading or copying fails.
    """
    file = str(path)
    if stream is not None:
        with reading(file):
            copy = _spooled(_chunks_of_stream(stream), file, on_bytes)
            copy = _unpacked(copy, file, on_bytes)
        return Source(copy, file, source_name(path, is_stream=True))
    with reading(file):
        raw = _opened(path, file)
        status = os.fstat(raw.fileno())
        # A file of the kernel's, as in /proc, says that it is empty, and may be read only once or have no end.
        if not stat.S_ISREG(status.st_mode) or not status.st_size:
            may_wait = stat.S_ISFIFO(status.st_mode) and source_name(path) == path.name
            with closing(raw):
                raw = _spooled(_chunks_of_descriptor(raw.fileno(), file, may_wait), file, on_bytes)
        raw = _unpacked(raw, file, on_bytes)
    return Source(raw, file, source_name(path))


@contextmanager
def reading(file: str) -> Iterator[None]:
    """Says what is wrong where the system refuses to read ``file``, in a person's words."""
    try:
        yield
    except FileNotFoundError as error:
        raise AskedWrongly(f"{file}: there is no such file.", "Check the path; it is relative to here.") from error
    except PermissionError as error:
        raise AskedWrongly(f"{file}: you have no permission to read it.", f"chmod u+r {shlex.quote(file)}") from error
    except OSError as error:
        raise StudioError(f"{file}: cannot be read: {error.strerror or error}.") from error


def _opened(path: Path, file: str) -> BinaryIO:
    kind = path.stat().st_mode  # before it is opened: that alone may set a device going
    if stat.S_ISDIR(kind):
        raise AskedWrongly(f"{file}: a folder, not a file.", f"Name its files: {shlex.quote(file)}/*.jsonl")
    if not stat.S_ISREG(kind) and not stat.S_ISFIFO(kind):
        what = "a socket" if stat.S_ISSOCK(kind) else "a device"
        raise AskedWrongly(f"{file}: {what}, not a file.", "Name a file; or write - to read what is piped in.")
    # Without O_NONBLOCK a named pipe that nobody writes to is not even opened.
    return open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))


def _unpacked(raw: BinaryIO, file: str, on_bytes: OnBytes | None) -> BinaryIO:
    """What is in ``raw`` where that is packed, in a file of its own; else itself."""
    try:
        is_one = is_packed(raw.read(4))
        raw.seek(0)
    except BaseException:
        raw.close()
        raise
    if not is_one:
        return raw
    with closing(raw):
        return _spooled(unpacked(raw, file), file, on_bytes, most=MAX_UNPACKED_BYTES)


def _spooled(chunks: Iterator[bytes], file: str, on_bytes: OnBytes | None, most: int | None = None) -> BinaryIO:
    copy: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115
    most = most or MAX_SPOOLED_BYTES
    try:
        size = 0
        for chunk in chunks:
            size += len(chunk)
            if size > most:
                raise AskedWrongly(
                    f"{file}: it has not ended after {most / 2**30:,.0f} GB.",
                    "Write it into a file first and import that; a file may have any size.",
                )
            _keep(copy, chunk, file)
            if on_bytes:
                on_bytes(size)
        _keep(copy, b"", file)
        copy.seek(0)
    except BaseException:
        copy.close()
        raise
    return copy


def _keep(copy: BinaryIO, chunk: bytes, file: str) -> None:
    try:
        copy.write(chunk)
        copy.flush()
    except OSError as error:
        raise StudioError(
            f"{file}: no room in {tempfile.gettempdir()} to keep what is read: {error.strerror}.",
            "Make room there, or set TMPDIR to a folder that has it.",
        ) from error


def _chunks_of_stream(stream: BinaryIO) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK_BYTES):
        yield chunk


def _chunks_of_descriptor(descriptor: int, file: str, may_wait: bool) -> Iterator[bytes]:
    """What is read from a descriptor that does not block, until its last writer has closed; b"" while nothing comes.

    ``may_wait`` where a writer may still come: a named pipe that nobody has opened yet reads as if it had ended.
    """
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            chunk = os.read(descriptor, _CHUNK_BYTES)
        except BlockingIOError:  # somebody has the other end open, and says nothing yet
            if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
                raise AskedWrongly(f"{file}: not a file that ends.", "Copy what you need of it into a file.") from None
            poll.poll(1000 * _LOOK_EVERY_SECONDS)
            chunk, may_wait = b"", False
        else:
            if not chunk and not may_wait:
                return
            if not chunk:
                _wait_for_writer(file, deadline)
            may_wait = may_wait and not chunk
        yield chunk


def _wait_for_writer(file: str, deadline: float) -> None:
    if time.monotonic() > deadline:
        words = f"{file}: a pipe that nobody writes to; {WAIT_SECONDS:g} s were waited."
        raise AskedWrongly(words, "Start what writes to it, then import.")
    time.sleep(_LOOK_EVERY_SECONDS)
