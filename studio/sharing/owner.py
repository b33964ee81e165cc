"""The process that has the file answers the others: a thread for each connection, one request at a time on each."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from studio.dataset.host import Act, AlreadyDone, acting
from studio.dataset.store import Store
from studio.errors import StudioError
from studio.sharing import wire
from studio.sharing.calls import KNOWN, PROTOCOL, Known
from studio.sharing.peers import Peer, peer_of
from studio.sharing.wire import BadMessage, Call, Done, Failed, Gone, Hear, HeardNow, Hello, Interrupt, Part, Welcome

MOST_CONNECTIONS = 128
MOST_OF_A_PROCESS = 16
HELLO_SECONDS = 5.0
PIECE_SECONDS = 60.0  # for a message that was begun, and for an answer to be taken
CLOSING_SECONDS = 5.0
_POLL_SECONDS = 1.0

StoreFor = Callable[[str, str], Store]
Refusal = Callable[[Peer | None], str]
Log = Callable[[Peer | None, str], None]


@dataclass
class _Guest:
    """Another open store, of ``connections`` connections, and the store that acts for it here."""

    store: Store
    connections: int = 0


class Owner:
    """Answers on ``listener`` until it is closed.

    ``store_for(who, origin)`` makes the store that acts for one who asks; ``refusal`` says why a peer may not ask;
    ``log`` is told whoever was refused, and why.
    """

    def __init__(self, listener: socket.socket, store_for: StoreFor, refusal: Refusal, log: Log) -> None:
        self._listener, self._store_for, self._refusal, self._log = listener, store_for, refusal, log
        self._lock = threading.Lock()
        self._guests: dict[str, _Guest] = {}
        self._threads: dict[socket.socket, threading.Thread] = {}
        self._of_process: Counter[int] = Counter()
        self._idle: set[socket.socket] = set()
        self._is_closing = False
        self._accepting = threading.Thread(target=self._accept, name="store-accept", daemon=True)

    def start(self) -> None:
        self._accepting.start()

    def close(self) -> None:
        """Take no further request; those under way are answered. Whoever waits for a change is let go."""
        with self._lock:
            self._is_closing = True
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)  # wakes the accepting thread
            self._listener.close()
            for connection in self._idle:
                _shut(connection)
            threads = list(self._threads.values())
        deadline = time.monotonic() + CLOSING_SECONDS
        for thread in [*threads, self._accepting]:
            if thread is not threading.current_thread() and thread.ident is not None:
                thread.join(max(0.0, deadline - time.monotonic()))

    # -- connections

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                if self._is_closing:
                    return
                time.sleep(0.05)  # no descriptor is free: the others are served meanwhile
                continue
            self.admit(connection)

    def admit(self, connection: socket.socket) -> None:
        """Serve this connection in a thread of its own, unless whoever is there may not ask, or asks too much."""
        try:
            peer = peer_of(connection)
            why = self._refusal(peer) or self._too_many(peer)
        except OSError as error:
            peer, why = None, str(error)
        thread = threading.Thread(target=self._serve, args=(connection, peer), name="store-guest", daemon=True)
        with self._lock:
            if not why and not self._is_closing:
                self._threads[connection] = thread
                self._of_process[peer.pid if peer else 0] += 1
                thread.start()
                return
        if why:
            self._log(peer, why)
            connection.settimeout(HELLO_SECONDS)
            with contextlib.suppress(Gone):
                wire.send(connection, Failed("StudioError", f"The store's owner refused this: {why}.", ""))
        connection.close()

    def _too_many(self, peer: Peer | None) -> str:
        with self._lock:
            if len(self._threads) >= MOST_CONNECTIONS:
                return f"{MOST_CONNECTIONS} connections are open"
            if peer is not None and self._of_process[peer.pid] >= MOST_OF_A_PROCESS:
                return f"process {peer.pid} has {MOST_OF_A_PROCESS} connections open"
        return ""

    def _serve(self, connection: socket.socket, peer: Peer | None) -> None:
        origin = ""
        try:
            connection.settimeout(HELLO_SECONDS)
            hello = wire.asked(connection, wire.MOST_HELLO_BYTES)
            if not isinstance(hello, Hello):
                raise BadMessage("the first message is no hello")
            if hello.protocol != PROTOCOL:
                raise BadMessage("another version of tune-studio")
            guest, origin = self._guest(hello), hello.origin
            wire.send(connection, Welcome(peer.pid if peer else 0))
            while self._answer_next(connection, guest.store):
                pass
        except BadMessage as error:
            self._log(peer, str(error))
            with contextlib.suppress(Gone, BadMessage):
                wire.send(connection, Failed("BadMessage", str(error)[:500], ""))
        except TimeoutError:
            self._log(peer, "a message was begun and not ended")
        except Gone:
            pass
        finally:
            self._leave(connection, peer, origin)

    def _guest(self, hello: Hello) -> _Guest:
        with self._lock:
            guest = self._guests.get(hello.origin)
            if guest is None:
                guest = self._guests[hello.origin] = _Guest(self._store_for(hello.who, hello.origin))
            if guest.store.who != hello.who:
                raise BadMessage("this origin is of another person")
            guest.connections += 1
            return guest

    def _leave(self, connection: socket.socket, peer: Peer | None, origin: str) -> None:
        connection.close()
        with self._lock:
            self._threads.pop(connection, None)
            self._idle.discard(connection)
            process = peer.pid if peer else 0
            self._of_process[process] -= 1
            if not self._of_process[process]:
                del self._of_process[process]
            if origin:
                self._guests[origin].connections -= 1
                if not self._guests[origin].connections:
                    del self._guests[origin]

    # -- requests

    def _answer_next(self, connection: socket.socket, store: Store) -> bool:
        """Wait for one request and answer it; whether another may follow. Raises Gone, BadMessage, TimeoutError."""
        with self._lock:
            if self._is_closing:
                return False
            self._idle.add(connection)
        connection.settimeout(None)
        try:
            is_there = connection.recv(1, socket.MSG_PEEK)
        except OSError as error:
            raise Gone(str(error)) from error
        with self._lock:
            self._idle.discard(connection)
            if self._is_closing or not is_there:  # not begun: whoever asked asks the next owner
                return False
        connection.settimeout(PIECE_SECONDS)
        match wire.asked(connection):
            case Call() as call:
                self._carry_out(connection, store, call, {})
            case Part() as part:
                self._carry_out(connection, store, *_with_parts(connection, part))
            case Hear(after=after, seconds=seconds):
                wire.send(connection, HeardNow(store.heard(after, seconds)))
            case Interrupt():
                store.interrupt()
                wire.send(connection, Done(msgspec.Raw(wire.encoded(None))))
            case _:
                raise BadMessage("a hello in the middle")
        return True

    def _carry_out(
        self, connection: socket.socket, store: Store, call: Call, pieces: dict[str, list[msgspec.Raw]]
    ) -> None:
        known = _known(call.name)
        arguments = _arguments(known, call, pieces)
        try:
            result = _result(store, known, call, arguments)
        except StudioError as error:
            wire.send(connection, wire.failed(error))
            return
        except (Gone, BadMessage):
            raise
        except Exception as error:  # a fault of ours, or arguments that only the store finds senseless
            self._log(None, f"{call.name}: {error!r}")
            wire.send(connection, Failed("StudioError", f"The store's owner could not do it: {error!r}"[:2000], ""))
            return
        if isinstance(result, bytes):
            wire.send(connection, Done(msgspec.Raw(result)))
            return
        if known.gives_list:
            for piece in wire.parts_of(known.outward_result(result)):
                wire.send(connection, Part("", piece))
            result = []
        wire.send(connection, Done(msgspec.Raw(known.encoded_result(result))))


def _with_parts(connection: socket.socket, part: Part) -> tuple[Call, dict[str, list[msgspec.Raw]]]:
    """A call whose long lists come before it. What is held of them is bounded."""
    pieces: dict[str, list[msgspec.Raw]] = {}
    held = 0
    message: Any = part
    while isinstance(message, Part):
        pieces.setdefault(message.name, []).append(message.items)
        held += len(bytes(message.items))
        if held > wire.MOST_CALL_BYTES or len(pieces) > 8:
            raise BadMessage("one call of more than is read")
        message = wire.asked(connection)
    if not isinstance(message, Call):
        raise BadMessage("parts of no call")
    return message, pieces


def _known(name: str) -> Known:
    known = KNOWN.get(name)
    if known is None:
        raise BadMessage(f"{name!r} is nothing that can be asked for")
    return known


def _arguments(known: Known, call: Call, pieces: dict[str, list[msgspec.Raw]]) -> dict[str, Any]:
    lists = {name: [item for piece in held for item in known.items_of(name, piece)] for name, held in pieces.items()}
    return known.inward(call.arguments, lists)


def _result(store: Store, known: Known, call: Call, arguments: dict[str, Any]) -> Any:
    """What the call gives; bytes, where it is a write, as they are kept in case the answer is lost."""
    method = getattr(store, known.method.name)
    if not known.method.is_write:
        return method(**arguments)
    replies: list[bytes] = []

    def encoded(result: Any) -> bytes:
        replies.append(known.encoded_result(result))
        return replies[-1]

    try:
        with acting(Act(call.act_id, encoded, call.is_again)):
            method(**arguments)
    except AlreadyDone as done:
        return done.reply
    return replies[-1]


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
