"""Who was refused at the socket, and why: a line each in a file of bounded length beside the store."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path

from studio.files import JsonLinesWriter
from studio.sharing.peers import Peer

_MOST_BYTES = 256 << 10
_WHY_CHARS = 300


def log_refusal(path: Path, peer: Peer | None, why: str) -> None:
    """Add a line; once the file is long the oldest half of what is known is dropped with it. Never raises OSError."""
    with contextlib.suppress(OSError):  # a full disk: nobody is to be disturbed by who was refused
        if path.exists() and path.stat().st_size > _MOST_BYTES:
            path.replace(path.with_name(f"{path.name}.1"))
        writer = JsonLinesWriter(path)
        try:
            who = {"pid": peer.pid, "uid": peer.uid} if peer else {}
            writer.write({"at": datetime.now(UTC).isoformat(timespec="seconds"), **who, "why": why[:_WHY_CHARS]})
        finally:
            writer.close()
