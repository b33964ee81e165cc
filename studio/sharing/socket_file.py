"""The socket in the project folder: made, found, and reached also where the folder's path is longer than a socket's."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from studio.files import private_mode

_MOST_PATH_BYTES = 100  # of a socket's address: 108 on Linux, 104 elsewhere, with the NUL that ends it
_WAITING = 64


def listening(path: Path) -> socket.socket:
    """A socket at ``path`` on which others may connect; one that a dead process left there is replaced.

    Its mode is that of a file made in this folder: 0600, or 0660 with the folder's group. Call it only under the lock
    of opening.py. Raises OSError where the file system has no sockets, or the folder cannot be written.
    """
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISSOCK(path.lstat().st_mode):
            path.unlink()
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _address(path) as address:
            made.bind(address)
        with contextlib.suppress(PermissionError):  # the folder's group is none of ours; then our own has to do
            os.chown(path, -1, path.parent.stat().st_gid)
        path.chmod(private_mode(path.parent))
        made.listen(_WAITING)
    except BaseException:
        made.close()
        raise
    return made


def connected(path: Path) -> socket.socket:
    """A connection to whoever listens at ``path``. Raises OSError where nobody does."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.settimeout(5.0)
        with _address(path) as address:
            made.connect(address)
    except BaseException:
        made.close()
        raise
    return made


@contextmanager
def _address(path: Path) -> Iterator[str]:
    """``path`` as a socket's address. Raises OSError where there is none of it short enough."""
    if len(os.fsencode(path)) <= _MOST_PATH_BYTES:
        yield str(path)
        return
    if sys.platform != "linux":
        raise OSError("the folder's path is too long for a socket")
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
