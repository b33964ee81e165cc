"""The host of a store whose file another process has open: every method is asked of that process."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from studio.dataset.changes import Heard
from studio.errors import StoreHeld, StudioError
from studio.sharing import wire
from studio.sharing.calls import PROTOCOL, Known
from studio.sharing.peers import peer_of
from studio.sharing.wire import (
    Answer,
    BadMessage,
    Call,
    Done,
    Failed,
    Gone,
    Hear,
    HeardNow,
    Hello,
    Interrupt,
    Part,
    Welcome,
)

CONNECT_SECONDS = 5.0
ASK_AGAIN_SECONDS = 2.0  # an answer that takes longer: does its process still live?
_MOST_ASKING = 8  # threads at once; who answers lets a process have twice as many connections, for what must not wait
_CANCEL_POLL_SECONDS = 0.1

Connect = Callable[[], socket.socket]


class NotAnswering(StudioError):
    """The process that has the store is there and says nothing: it is stopped, or hangs."""


class There:
    """Asks over connections that ``connect`` makes, each for one request at a time. May be used from any thread.

    Raises Gone from every method once the other process has left; what it did before is on disk.
    """

    def __init__(self, path: Path, connect: Connect, who: str, origin: str) -> None:
        """Raises Gone or OSError where nobody answers, StoreHeld where who answers cannot be understood."""
        self._path, self._connect = path, connect
        self._hello = Hello(PROTOCOL, who, origin)
        self._lock = threading.Lock()
        self._asking = threading.BoundedSemaphore(_MOST_ASKING)
        self._idle: list[socket.socket] = []
        self._busy: set[socket.socket] = set()
        self._is_closed = False
        self._give_back(self._connection())

    @property
    def path(self) -> Path:
        return self._path

    def ask(
        self, known: Known, arguments: tuple[Any, ...], named: dict[str, Any], act_id: str, *, is_again: bool
    ) -> Any:
        """What the method gives there. ``act_id`` is this act's own; ``is_again``: it was asked for before.

        Raises what the method raises, Gone where the process left before it answered.
        """
        bound = known.bound(arguments, named)
        sent, lists = known.outward(bound)
        is_cancelled = bound.get("is_cancelled")  # a function cannot be sent: it is asked here, and then interrupted
        with self._asking, self._borrowed() as connection:
            for name, items in lists.items():
                for piece in wire.parts_of(items):
                    wire.send(connection, Part(name, piece))
            wire.send(connection, Call(known.method.name, sent, act_id, is_again))
            result: list[Any] = []
            while isinstance(answer := self._next(connection, is_cancelled), Part) and known.gives_list:
                result += known.result_of(answer.items)
            if not isinstance(answer, Done):
                raise BadMessage(type(answer).__name__)
            return result if known.gives_list else known.result_of(answer.result)

    def heard(self, after: int, seconds: float) -> Heard:
        with self._borrowed() as connection:
            wire.send(connection, Hear(after, seconds))
            answer = self._next(connection, None, patience=seconds + ASK_AGAIN_SECONDS)
            if not isinstance(answer, HeardNow):
                raise BadMessage(type(answer).__name__)
            return answer.heard

    def interrupt(self) -> None:
        with contextlib.suppress(Gone), self._borrowed() as connection:
            wire.send(connection, Interrupt())
            self._next(connection, None)

    def close(self) -> None:
        """Leave; whoever waits for an answer in another thread gets Gone."""
        with self._lock:
            self._is_closed = True
            for connection in self._busy:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            while self._idle:
                self._idle.pop().close()

    # -- connections

    @contextlib.contextmanager
    def _borrowed(self) -> Any:
        connection = self._taken()
        try:
            yield connection
        except StudioError as error:
            if isinstance(error, NotAnswering):
                self._drop(connection)
            else:
                self._give_back(connection)
            raise
        except BadMessage as error:
            self._drop(connection)
            raise StudioError(f"The process that has the store said what cannot be read: {error}.") from error
        except BaseException:  # Ctrl-C as well: an answer may still be under way on it
            self._drop(connection)
            raise
        else:
            self._give_back(connection)

    def _taken(self) -> socket.socket:
        with self._lock:
            if self._is_closed:
                raise Gone("closed")
            connection = self._idle.pop() if self._idle else None
            if connection is not None:
                self._busy.add(connection)
                return connection
        connection = self._connection()
        with self._lock:
            self._busy.add(connection)
        return connection

    def _connection(self) -> socket.socket:
        """A new connection on which hello was said. Raises Gone, StoreHeld, NotAnswering."""
        try:
            connection = self._connect()
        except TimeoutError as error:
            raise _not_answering(self._path, None) from error
        except OSError as error:
            raise Gone(str(error)) from error
        try:
            connection.settimeout(CONNECT_SECONDS)
            wire.send(connection, self._hello)
            answer = wire.answered(connection)
        except BaseException as error:
            pid = _pid_of(connection)
            connection.close()
            raise (_not_answering(self._path, pid) if isinstance(error, TimeoutError) else error) from error
        if not isinstance(answer, Welcome):
            connection.close()
            words = answer.message if isinstance(answer, Failed) else "no welcome"
            raise StoreHeld(
                f"{self._path}: the process that has it open does not let this one in: {words.rstrip('.')}.",
                "Where another version of tune-studio has it open: close that one, then start again.",
            )
        return connection

    def _give_back(self, connection: socket.socket) -> None:
        with self._lock:
            self._busy.discard(connection)
            if not self._is_closed and len(self._idle) < _MOST_ASKING:
                self._idle.append(connection)
                return
        connection.close()

    def _drop(self, connection: socket.socket) -> None:
        with self._lock:
            self._busy.discard(connection)
        connection.close()

    # -- answers

    def _next(
        self, connection: socket.socket, is_cancelled: Callable[[], bool] | None, patience: float = ASK_AGAIN_SECONDS
    ) -> Answer:
        """The next answer. Raises what it says was raised; Gone; NotAnswering where its process does not even greet."""
        asked_at = time.monotonic()
        is_interrupting = False
        while not _has_come(connection, _CANCEL_POLL_SECONDS if is_cancelled else patience):
            if is_cancelled and is_cancelled() and not is_interrupting:
                is_interrupting = True
                self.interrupt()
            if time.monotonic() - asked_at >= patience:
                with contextlib.suppress(Gone):  # it takes nobody new, as when it closes: what it works on it answers
                    self._connection().close()  # raises NotAnswering
                asked_at = time.monotonic()
        connection.settimeout(CONNECT_SECONDS * 2)
        try:
            answer = wire.answered(connection)
        except TimeoutError as error:
            raise _not_answering(self._path, _pid_of(connection)) from error
        if isinstance(answer, Failed):
            raise wire.raised(answer)
        return answer


def _not_answering(path: Path, pid: int | None) -> NotAnswering:
    who = f"process {pid}" if pid else "the process"
    return NotAnswering(
        f"{path}: {who} has it open and does not answer.",
        f"It may be suspended (ctrl+z): fg lets it go on{f'; ps -p {pid} shows it' if pid else ''}.",
    )


def _has_come(connection: socket.socket, seconds: float) -> bool:
    """Whether anything of an answer is there, or its end, before so many seconds are over. Raises Gone."""
    connection.settimeout(seconds)
    try:
        connection.recv(1, socket.MSG_PEEK)
    except TimeoutError:
        return False
    except OSError as error:
        raise Gone(str(error)) from error
    return True


def _pid_of(connection: socket.socket) -> int | None:
    try:
        peer = peer_of(connection)
    except OSError:
        return None
    return peer.pid if peer else None
