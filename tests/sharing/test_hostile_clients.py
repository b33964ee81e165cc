"""Whoever speaks nonsense at the socket is refused and logged, and nobody else notices."""

from __future__ import annotations

import json
import random
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from studio.dataset.store import Store
from studio.sharing import owner, peers, socket_file, wire
from studio.sharing.calls import PROTOCOL
from studio.sharing.opening import LOCK_NAME, REFUSALS_NAME, SOCKET_NAME, open_store
from studio.sharing.peers import Peer
from studio.sharing.wire import Call, Done, Failed, Gone, Hello, Part, Welcome, encoded


@pytest.fixture
def line(anna: Store, store_path: Path) -> Iterator[socket.socket]:
    """A bare connection to the socket in Anna's folder."""
    with socket_file.connected(store_path.with_name(SOCKET_NAME)) as connection:
        yield connection


def greeted(connection: socket.socket, who: str = "mallory") -> socket.socket:
    wire.send(connection, Hello(PROTOCOL, who, "0123456789abcdef"))
    assert isinstance(wire.answered(connection), Welcome)
    return connection


def is_shut(connection: socket.socket) -> bool:
    try:
        while wire.answered(connection):
            pass
    except (Gone, wire.BadMessage):
        return True
    return False


def refusals(store_path: Path) -> list[str]:
    path = store_path.with_name(REFUSALS_NAME)
    return [json.loads(text)["why"] for text in path.read_text().splitlines()]


def framed(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


NESTED = b"\x91" * 200_000 + b"\x00"
BYTES = [
    b"GET / HTTP/1.1\r\n\r\n",
    b"\xff\xff\xff\xff",
    framed(b""),
    framed(b"\xc1"),
    framed(NESTED[:4_000]),
    framed(encoded({"type": "hello", "protocol": PROTOCOL, "who": "m" * 300, "origin": "0123456789abcdef"})),
    framed(encoded({"type": "hello", "protocol": PROTOCOL, "who": "m", "origin": "../../etc/passwd"})),
    framed(encoded({"type": "hello", "protocol": PROTOCOL, "who": "m", "origin": "0123456789abcdef", "sql": "1"})),
    framed(encoded({"type": "hello", "protocol": "1:old", "who": "m", "origin": "0123456789abcdef"})),
    framed(encoded({"type": "call", "name": "stats", "arguments": {}, "act_id": "0123456789"})),
]


@pytest.mark.parametrize("data", BYTES, ids=range(len(BYTES)))
def test_what_is_no_hello_is_refused_and_logged(
    anna: Store, line: socket.socket, store_path: Path, data: bytes
) -> None:
    line.sendall(data)
    assert is_shut(line) and len(refusals(store_path)) == 1
    assert anna.set_label([1], "accept").count == 1


CALLS = [
    ("close", {}),
    ("host", {}),
    ("__init__", {}),
    ("execute", {"statement": "DROP TABLE examples"}),
    ("stats", {"cursor": 1}),
    ("set_label", {"ids": ["<i8", b"\x01"], "label": "accept"}),
    ("set_label", {"ids": ["<f8", b"\x01" * 8], "label": "accept"}),
    ("set_label", {"ids": ["|O", b"\x01" * 8], "label": "accept"}),
    ("set_label", {"ids": [1, 2], "label": "accept"}),
    ("set_label", {"ids": ["<i8", b"\x01" + b"\x00" * 7], "label": 3}),
    ("view_ids", {"where": {"sql": "1"}}),
    ("values", {"column": "label", "most": "1; DROP TABLE examples"}),
    ("finding", {"check": "no such check"}),
    ("undo", {"who": "anna"}),
]


@pytest.mark.parametrize(("name", "arguments"), CALLS, ids=lambda value: value if isinstance(value, str) else "")
def test_what_cannot_be_asked_for_is_refused_and_changes_nothing(
    anna: Store, line: socket.socket, store_path: Path, name: str, arguments: dict[str, object]
) -> None:
    greeted(line)
    wire.send(line, Call(name, msgspec.Raw(encoded(arguments)), "0123456789"))
    assert is_shut(line) and len(refusals(store_path)) == 1
    assert anna.stats().examples == 6 and anna.stats().labels["accept"] == 0


def test_sql_from_outside_meets_the_same_fence_as_a_filter_that_is_typed(anna: Store, line: socket.socket) -> None:
    greeted(line)
    for where in ("1 IN (SELECT 1)", "true; DROP TABLE examples", "read_text('/etc/passwd') = ''", "(" * 10_000):
        wire.send(line, Call("view_ids", msgspec.Raw(encoded({"where": where})), "0123456789"))
        answer = wire.answered(line)
        assert isinstance(answer, Failed) and answer.kind == "AskedWrongly", where
    assert anna.stats().examples == 6


def test_rows_that_no_reader_gives_are_not_stored(anna: Store, line: socket.socket, store_path: Path) -> None:
    greeted(line)
    rows = [{"prompt": "a\x00b", "completion": "c"}]
    wire.send(line, Part("candidates", msgspec.Raw(encoded(rows))))
    wire.send(line, Part("hashes", msgspec.Raw(encoded(["0" * 32]))))
    wire.send(line, Call("add_hashed", msgspec.Raw(encoded({"source": "x"})), "0123456789"))
    assert is_shut(line) and refusals(store_path) == ["a row that cannot be stored"]
    assert anna.stats().examples == 6


def test_a_call_of_more_than_is_read_ends_before_it_takes_the_memory(
    anna: Store, line: socket.socket, store_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "MOST_CALL_BYTES", 1_000)
    greeted(line)
    with pytest.raises(Gone):
        for _ in range(1_000):
            wire.send(line, Part("hashes", msgspec.Raw(encoded(["0" * 32] * 20))))
        wire.answered(line)
        wire.answered(line)
    assert refusals(store_path) == ["one call of more than is read"]


def test_random_bytes_end_that_connection_and_nothing_else(anna: Store, store_path: Path) -> None:
    chance = random.Random(9)
    arguments = msgspec.Raw(encoded({"ids": ["<i8", b"\x01" * 8], "label": "skip"}))
    whole = encoded(Call("set_label", arguments, "0123456789"))
    for number in range(60):
        data = bytearray(whole)
        for _ in range(chance.randrange(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        with socket_file.connected(store_path.with_name(SOCKET_NAME)) as connection:
            greeted(connection)
            if number % 3:
                connection.sendall(framed(bytes(data)))
            else:
                connection.sendall(chance.randbytes(chance.randrange(1, 2_000)))
            connection.shutdown(socket.SHUT_WR)
            assert is_shut(connection)
    assert anna.stats().examples == 6 and anna.set_label([1], "accept").count == 1


def test_one_who_begins_a_message_and_does_not_end_it_is_let_go(
    anna: Store, store_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, "HELLO_SECONDS", 0.05)
    with socket_file.connected(store_path.with_name(SOCKET_NAME)) as connection:
        connection.sendall(b"\x00")
        assert is_shut(connection)
    assert refusals(store_path) == ["a message was begun and not ended"]


def test_one_process_cannot_take_all_connections(
    anna: Store, store_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, "MOST_OF_A_PROCESS", 3)
    path = store_path.with_name(SOCKET_NAME)
    held = [greeted(socket_file.connected(path)) for _ in range(3)]
    with socket_file.connected(path) as fourth:
        answer = wire.answered(fourth)
        assert isinstance(answer, Failed) and "has 3 connections open" in answer.message
    for connection in held:
        connection.close()


def test_nobody_speaks_as_another_by_the_same_origin(anna: Store, line: socket.socket, store_path: Path) -> None:
    greeted(line, "mallory")
    with socket_file.connected(store_path.with_name(SOCKET_NAME)) as second:
        wire.send(second, Hello(PROTOCOL, "anna", "0123456789abcdef"))
        assert is_shut(second)
    assert refusals(store_path) == ["this origin is of another person"]


class TestWhoMayAsk:
    def test_the_same_user_and_the_folder_s_group_where_it_is_a_group_s(self, tmp_path: Path) -> None:
        own, group = tmp_path.stat().st_uid, tmp_path.stat().st_gid
        tmp_path.chmod(0o700)
        assert peers.refusal(Peer(7, own, frozenset()), tmp_path) == ""
        member, stranger = Peer(7, own + 1, frozenset({group})), Peer(8, own + 2, frozenset({group + 1}))
        assert "process 7 is of user" in peers.refusal(member, tmp_path), "the folder is its owner's alone"
        tmp_path.chmod(0o2770)
        assert peers.refusal(member, tmp_path) == ""
        assert "process 8 is of user" in peers.refusal(stranger, tmp_path)

    def test_the_kernel_says_who_it_is(self) -> None:
        import os

        one, other = socket.socketpair()
        with one, other:
            peer = peers.peer_of(one)
        assert peer is not None and (peer.pid, peer.uid) == (os.getpid(), os.geteuid())
        assert set(os.getgroups()) <= peer.groups

    def test_another_user_is_refused_at_the_socket_before_a_word_is_read(
        self, anna: Store, store_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(owner, "peer_of", lambda connection: Peer(77, 12_345, frozenset({12_345})))
        store_path.parent.chmod(0o700)
        with socket_file.connected(store_path.with_name(SOCKET_NAME)) as connection:
            answer = wire.answered(connection)
        assert isinstance(answer, Failed) and "process 77 is of user 12345" in answer.message
        assert refusals(store_path)[0].startswith("process 77 is of user 12345")

    def test_a_stranger_who_waits_at_the_socket_is_told_nothing(
        self, store_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store_path.parent.chmod(0o700)
        with socket_file.listening(store_path.with_name(SOCKET_NAME)) as fake:
            accepted: list[bytes] = []

            def answer() -> None:
                connection, _ = fake.accept()
                with connection:
                    accepted.append(connection.recv(10))

            thread = threading.Thread(target=answer)
            thread.start()
            monkeypatch.setattr("studio.sharing.peers.peer_of", lambda _: Peer(66, 12_345, frozenset()))
            with pytest.raises(Exception, match="a stranger answers for the store"):
                open_store(store_path, "anna")
            thread.join()
        assert accepted == [b""]

    def test_what_is_made_in_the_folder_is_for_nobody_else(self, anna: Store, store_path: Path) -> None:
        for name in (SOCKET_NAME, LOCK_NAME):
            assert store_path.with_name(name).stat().st_mode & 0o777 == 0o600

    def test_in_a_group_s_folder_the_group_may(self, store_path: Path) -> None:
        store_path.parent.chmod(0o2770)
        with open_store(store_path, "anna"):
            made = store_path.with_name(SOCKET_NAME).stat()
            assert made.st_mode & 0o777 == 0o660 and made.st_gid == store_path.parent.stat().st_gid
            assert store_path.with_name(LOCK_NAME).stat().st_mode & 0o777 == 0o660


def test_the_list_of_refusals_does_not_grow_for_ever(anna: Store, store_path: Path) -> None:
    from studio.sharing.refusals import log_refusal

    path = store_path.with_name(REFUSALS_NAME)
    for number in range(1_500):
        log_refusal(path, Peer(number, 1, frozenset()), "x" * 5_000)
    both = [path, path.with_name(f"{path.name}.1")]
    assert all(one.stat().st_size < 300_000 for one in both)


def test_an_answer_that_is_none_is_a_sentence(anna: Store, bo: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "failed", lambda error: Done(msgspec.Raw(encoded({"batch_id": "one"}))))
    with pytest.raises(Exception, match="said what cannot be read"):
        bo.set_label([99], "accept")
    monkeypatch.undo()
    assert bo.set_label([1], "accept").count == 1
