"""Who is at the other end of a socket, and whether they may be there."""

from __future__ import annotations

import os
import socket
import struct
from dataclasses import dataclass
from pathlib import Path

from studio.files import private_mode

_CREDENTIALS = struct.Struct("3i")
_PEER_GROUPS = 59  # SO_PEERGROUPS of Linux, which the socket module does not name
_MOST_GROUPS = 65_536


@dataclass(frozen=True)
class Peer:
    """A process as the kernel vouches for it: it cannot be made up."""

    pid: int
    uid: int
    groups: frozenset[int]


def peer_of(connection: socket.socket) -> Peer | None:
    """The process at the other end; None where the system does not say, as on macOS.

    There the mode of the socket's file is what keeps others out.
    """
    if not hasattr(socket, "SO_PEERCRED"):
        return None
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, group = _CREDENTIALS.unpack(data)
    return Peer(pid, uid, frozenset({group, *_groups(connection)}))


def refusal(peer: Peer | None, folder: Path) -> str:
    """Why ``peer`` may not use the store in ``folder``; nothing where it may.

    It must be of the same user, or of the folder's group where the folder is a group's, by the rule of files.py.
    """
    if peer is None or peer.uid == os.geteuid():
        return ""
    if private_mode(folder) == 0o660 and folder.stat().st_gid in peer.groups:
        return ""
    return f"process {peer.pid} is of user {peer.uid}, who has no part in this folder"


def _groups(connection: socket.socket) -> tuple[int, ...]:
    try:
        data = connection.getsockopt(socket.SOL_SOCKET, _PEER_GROUPS, 4 * _MOST_GROUPS)
    except OSError:  # a kernel before 4.13
        return ()
    return struct.unpack(f"{len(data) // 4}I", data)
