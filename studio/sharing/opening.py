"""Opening a project's store: own its file, or ask who does; and take it over when that process leaves.

Whoever gets the lock beside the store opens the file and answers the others. They notice its end at once, for their
connections close; the first of them that gets the lock opens the file and answers from then on. What was acknowledged
was on disk, and what was asked for and not acknowledged is asked for again under the same id, so it is done once.
"""

from __future__ import annotations

import contextlib
import itertools
import secrets
import socket
import threading
import time
from functools import partial
from io import FileIO
from pathlib import Path
from typing import Any

from msgspec import Raw

from studio.dataset import acts_done
from studio.dataset.changes import Changes, Heard
from studio.dataset.connection import Connection, Interrupted
from studio.dataset.host import Act, AlreadyDone, Here, Hosted, Method, acting
from studio.dataset.store import Store
from studio.errors import StoreHeld, StudioError
from studio.files import why_not
from studio.sharing import peers, socket_file
from studio.sharing.calls import KNOWN
from studio.sharing.lock import Holder, holder_of, say_holder, try_lock
from studio.sharing.owner import Owner
from studio.sharing.refusals import log_refusal
from studio.sharing.there import There
from studio.sharing.wire import Gone

SOCKET_NAME = ".studio.socket"
LOCK_NAME = ".studio.lock"
REFUSALS_NAME = ".studio-refused.jsonl"
WAIT_SECONDS = 20.0  # for a process that has the lock and is still opening the file
_POLL_SECONDS = 0.01


def open_store(path: Path, who: str) -> Store:
    """The store at ``path``, made when missing, whoever else has it open; ``who`` is written into the edit log.

    Raises StoreHeld when another process has it open that lets nobody in, and what ``Store.open`` raises.
    """
    origin = secrets.token_hex(8)
    return Store(Shared(Path(path), who, origin), who, origin)


class Shared:
    """The host of a store that others may have open too: this process owns its file, or asks the one that does."""

    def __init__(self, path: Path, who: str, origin: str) -> None:
        self._path, self._who, self._origin = path, who, origin
        self._act_numbers = itertools.count(1)
        self._finding = threading.Lock()
        self._is_closed = False
        self._host: _Owned | There = self._found()

    @property
    def path(self) -> Path:
        return self._path

    def carry_out(self, method: Method, store: Hosted, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        act_id = f"{self._origin}-{next(self._act_numbers):x}"
        is_again = False
        while True:
            host = self._host
            if isinstance(host, _Owned):
                return host.carry_out(method, store, arguments, named, act_id if is_again else "")
            try:
                return host.ask(KNOWN[method.name], arguments, named, act_id, is_again=is_again)
            except Gone:
                self._find_again(host)
                is_again = True

    def heard(self, after: int, seconds: float) -> Heard:
        while True:
            host = self._host
            if self._is_closed:
                raise Interrupted("Stopped.", "The store is closed.")
            if isinstance(host, _Owned):
                return host.heard(after, seconds)
            try:
                return host.heard(after, seconds)
            except Gone:
                self._find_again(host)

    def interrupt(self) -> None:
        self._host.interrupt()

    def close(self) -> None:
        self._is_closed = True
        self._host.close()

    # -- who has the file

    def _find_again(self, lost: There) -> None:
        """The process that was asked has left: one of those who are still here takes its place, perhaps this one."""
        with self._finding:
            if self._host is not lost:
                return  # another thread has found it
            if self._is_closed:
                raise Interrupted("Stopped.", "The store is closed.")
            lost.close()
            if not self._path.parent.is_dir():
                raise StudioError(
                    f"{self._path.parent}: the folder was moved, renamed or removed while the store was open.",
                    "Open the project where it is now: everything that was saved is in it.",
                )
            self._host = self._found()
        if self._is_closed:
            self._host.close()

    def _found(self) -> _Owned | There:
        """Ask who answers, or own the file. Raises StoreHeld when it is held and nobody answers."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            with contextlib.suppress(Gone):
                return There(self._path, partial(_connected, self._path), self._who, self._origin)
            try:
                lock = try_lock(self._path.with_name(LOCK_NAME))
            except OSError as error:  # nothing can be written there: opening the file says so, or works alone
                return _Owned(self._path, None, f"its folder takes no lock: {why_not(error)}")
            if lock is not None:
                return _Owned(self._path, lock)
            holder = holder_of(self._path.with_name(LOCK_NAME))
            if time.monotonic() > deadline or (holder is not None and (holder.why_alone or not holder.is_here)):
                raise _held(self._path, holder)
            time.sleep(_POLL_SECONDS)


class _Owned:
    """This process has the file open, and answers the others while it can."""

    def __init__(self, path: Path, lock: FileIO | None, why_alone: str = "") -> None:
        """Without a lock it answers nobody. Raises what opening the file raises; the lock is given back then."""
        self._path, self._lock = path, lock
        self._changes = Changes()
        self._owner: Owner | None = None
        try:
            self._connection = Connection(path)
            with self._connection.writing() as cursor:
                acts_done.forget_old(cursor)
        except BaseException:
            self._let_go()
            raise
        self._here = Here(self._connection, self._changes)
        if lock is not None:
            why_alone = self._listen()
            with contextlib.suppress(OSError):  # on a full disk nobody is told who holds it, and all else goes on
                say_holder(lock, why_alone)

    def carry_out(
        self, method: Method, store: Hosted, arguments: tuple[Any, ...], named: dict[str, Any], asked_as: str
    ) -> Any:
        """``asked_as``: the act id under which an earlier owner was asked for this and did not answer, or nothing."""
        if not asked_as or not method.is_write:
            return self._here.carry_out(method, store, arguments, named)
        known = KNOWN[method.name]
        try:
            with acting(Act(asked_as, known.encoded_result, is_again=True)):
                return self._here.carry_out(method, store, arguments, named)
        except AlreadyDone as done:
            return known.result_of(Raw(done.reply))

    def heard(self, after: int, seconds: float) -> Heard:
        return self._here.heard(after, seconds)

    def interrupt(self) -> None:
        self._here.interrupt()

    def close(self) -> None:
        """Answer what is under way, close the file, and let another process have it."""
        self._changes.close()
        if self._owner is not None:
            with contextlib.suppress(OSError):
                self._path.with_name(SOCKET_NAME).unlink(missing_ok=True)
            self._owner.close()
        self._here.close()
        self._let_go()

    def _let_go(self) -> None:
        if self._lock is not None:
            self._lock.close()

    def _listen(self) -> str:
        """Answer others from now on; why it cannot be, where it cannot."""
        try:
            listener = socket_file.listening(self._path.with_name(SOCKET_NAME))
        except OSError as error:
            return f"its folder takes no socket: {why_not(error)}"
        self._owner = Owner(listener, self._store_for, self._refusal, self._log)
        self._owner.start()
        return ""

    def _store_for(self, who: str, origin: str) -> Store:
        return Store(Here(self._connection, self._changes), who, origin)

    def _refusal(self, peer: peers.Peer | None) -> str:
        return peers.refusal(peer, self._path.parent)

    def _log(self, peer: peers.Peer | None, why: str) -> None:
        log_refusal(self._path.with_name(REFUSALS_NAME), peer, why)


def _connected(path: Path) -> socket.socket:
    """A connection to who answers for the store; refused where that is a stranger, who would read what is sent."""
    connection = socket_file.connected(path.with_name(SOCKET_NAME))
    if why := peers.refusal(peers.peer_of(connection), path.parent):
        connection.close()
        raise StoreHeld(f"{path}: a stranger answers for the store: {why}.", f"Look at {SOCKET_NAME} in its folder.")
    return connection


def _held(path: Path, holder: Holder | None) -> StoreHeld:
    who = f"process {holder.pid}" if holder else "another process"
    pid = holder.pid if holder and holder.is_here else None
    if holder is not None and not holder.is_here:
        return StoreHeld(
            f"{path}: held by {who} on {holder.host}; only processes of one machine share a store.",
            f"Work on {holder.host}, or close the studio there (Q).",
        )
    if holder is not None and holder.why_alone:
        return StoreHeld(
            f"{path}: held by {who}, which cannot share it: {holder.why_alone}.",
            "Close the studio there (Q), or watch runs meanwhile: Runs and Compare work without the store.",
            pid,
        )
    return StoreHeld(
        f"{path}: held by {who}, which does not answer.",
        "It may be opening a large store, or be suspended (ctrl+z): fg lets it go on.",
        pid,
    )
