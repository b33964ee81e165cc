"""Which process may open the file: the one that holds the lock beside it; the kernel lets go however that one ends."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from studio.files import open_private, open_regular, parsed_json, read_at_most

_MOST_BYTES = 4 << 10


@dataclass(frozen=True)
class Holder:
    """Who holds the lock: a process of ``host``. ``why_alone``: it answers nobody, for this reason."""

    pid: int
    host: str
    why_alone: str = ""

    @property
    def is_here(self) -> bool:
        """On this machine."""
        return self.host == socket.gethostname()


def try_lock(path: Path) -> FileIO | None:
    """The lock, held for as long as the file stays open; None where another holds it. Raises OSError."""
    descriptor = open_private(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
    file = os.fdopen(descriptor, "r+b", buffering=0)  # what is not written at once is not written when it is let go
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    except BaseException:
        file.close()
        raise
    return file


def say_holder(lock: FileIO, why_alone: str = "") -> None:
    """Write into the lock who holds it, for those who wait. Raises OSError on a full disk."""
    lock.truncate(0)
    holder = {"pid": os.getpid(), "host": socket.gethostname(), "why_alone": why_alone}
    os.pwrite(lock.fileno(), json.dumps(holder).encode(), 0)


def holder_of(path: Path) -> Holder | None:
    """Who holds the lock, as far as it has said so."""
    try:
        with open_regular(path) as file:
            said = parsed_json(read_at_most(file, _MOST_BYTES))
        return Holder(int(said["pid"]), str(said["host"]), str(said["why_alone"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
