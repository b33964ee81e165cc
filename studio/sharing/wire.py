"""What goes over the socket: messages of a closed set, each in a frame of four bytes of length and MessagePack.

Everything that comes in is bounded before it is read (a frame's length) and typed when it is read (msgspec), so that
random bytes, huge lengths and deep nesting end in a ``BadMessage`` and in nothing else. Nothing is ever unpickled.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Iterator
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta, Raw, Struct

from studio.dataset.changes import Heard
from studio.dataset.connection import Interrupted
from studio.errors import AskedWrongly, StudioError

MOST_BYTES = 64 << 20  # of one message of who asks, a row's texts among them
MOST_REPLY_BYTES = 1 << 30
MOST_CALL_BYTES = 2 << 30  # of one call with all its parts
MOST_HELLO_BYTES = 4 << 10
PART_BYTES = 1 << 20  # a long list goes in parts of about this size
_HEADER = struct.Struct(">I")
_VECTORS = ("<i4", "<i8", "<f8")

Name = Annotated[str, Meta(min_length=1, max_length=64)]
Id = Annotated[str, Meta(min_length=8, max_length=64, pattern="^[0-9a-f-]+$")]


class Hello(Struct, tag="hello", forbid_unknown_fields=True):
    """The first message: whose acts these will be. All connections of one open store name the same ``origin``."""

    protocol: Annotated[str, Meta(max_length=64)]
    who: Annotated[str, Meta(max_length=200)]
    origin: Id


class Part(Struct, tag="part", forbid_unknown_fields=True):
    """A piece of a long list: of the argument ``name`` of the call that follows, or of what a call gave."""

    name: Annotated[str, Meta(max_length=64)]
    items: Raw


class Call(Struct, tag="call", forbid_unknown_fields=True):
    """Carry out a declared method of the store. ``act_id`` is given to no other act; ``is_again``: no reply came."""

    name: Name
    arguments: Raw
    act_id: Id
    is_again: bool = False


class Hear(Struct, tag="hear", forbid_unknown_fields=True):
    """Say what was changed after a number, when there is something."""

    after: int
    seconds: Annotated[float, Meta(ge=0, le=60)]


class Interrupt(Struct, tag="interrupt", forbid_unknown_fields=True):
    """Stop what reads now for this origin, on its other connections."""


class Welcome(Struct, tag="welcome", forbid_unknown_fields=True):
    """The answer to ``Hello``."""

    pid: int


class Done(Struct, tag="done", forbid_unknown_fields=True):
    """What a call gave; of a list, what follows its parts."""

    result: Raw


class HeardNow(Struct, tag="heard", forbid_unknown_fields=True):
    """The answer to ``Hear``."""

    heard: Heard


class Failed(Struct, tag="failed", forbid_unknown_fields=True):
    """What a call raised."""

    kind: Annotated[str, Meta(max_length=64)]
    message: str
    hint: str


Asked = Hello | Part | Call | Hear | Interrupt
Answer = Welcome | Part | Done | HeardNow | Failed


class BadMessage(Exception):
    """Bytes that are no message, or one that cannot stand here."""


class Gone(ConnectionError):
    """The other end has closed, or is no more."""


def encoded(value: Any) -> bytes:
    """Any value that a message may hold, as bytes. Raises BadMessage for what cannot be sent."""
    try:
        return _ENCODER.encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise BadMessage(str(error)) from error


def decoder(type_: Any) -> msgspec.msgpack.Decoder[Any]:
    """What reads a value of this type, strictly."""
    return msgspec.msgpack.Decoder(type_, dec_hook=_vector_of)


def decoded(reader: msgspec.msgpack.Decoder[Any], data: bytes | Raw) -> Any:
    """The value in ``data``. Raises BadMessage where it is none of the reader's type."""
    try:
        return reader.decode(data)
    except (msgspec.MsgspecError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise BadMessage(str(error)) from error


def failed(error: StudioError) -> Failed:
    """What a call raised, to be sent."""
    return Failed(type(error).__name__, error.message, error.hint)


def raised(answer: Failed) -> StudioError:
    """What an answer says was raised, as it was raised there."""
    kinds: dict[str, type[StudioError]] = {"AskedWrongly": AskedWrongly, "Interrupted": Interrupted}
    return kinds.get(answer.kind, StudioError)(answer.message, answer.hint)


def send(connection: socket.socket, message: Asked | Answer) -> None:
    """One message. Raises Gone where nobody takes it, BadMessage for what is too long."""
    data = encoded(message)
    if len(data) > (MOST_REPLY_BYTES if isinstance(message, Answer) and not isinstance(message, Part) else MOST_BYTES):
        raise BadMessage(f"{len(data):,} bytes are more than one message may have")
    try:
        connection.sendall(_HEADER.pack(len(data)) + data)
    except OSError as error:
        raise Gone(str(error)) from error


def asked(connection: socket.socket, most_bytes: int = MOST_BYTES) -> Asked:
    """The next message of who asks. Raises Gone at its end, BadMessage."""
    message: Asked = decoded(_ASKED, _frame(connection, most_bytes))
    return message


def answered(connection: socket.socket) -> Answer:
    """The next message of who answers. Raises Gone at its end, BadMessage, TimeoutError."""
    message: Answer = decoded(_ANSWER, _frame(connection, MOST_REPLY_BYTES))
    return message


def parts_of(items: Iterable[Any]) -> Iterator[Raw]:
    """A long list in pieces of about ``PART_BYTES``, each itself a list."""
    held: list[Raw] = []
    size = 0
    for item in items:
        held.append(Raw(encoded(item)))
        size += len(bytes(held[-1]))
        if size >= PART_BYTES:
            yield Raw(encoded(held))
            held, size = [], 0
    if held:
        yield Raw(encoded(held))


def _frame(connection: socket.socket, most_bytes: int) -> bytes:
    (length,) = _HEADER.unpack(_received(connection, _HEADER.size))
    if length > most_bytes:
        raise BadMessage(f"a message of {length:,} bytes; at most {most_bytes:,} are read")
    return bytes(_received(connection, length))


def _received(connection: socket.socket, length: int) -> bytearray:
    """Exactly so many bytes; memory is taken as they come, not as they are announced."""
    data = bytearray()
    while len(data) < length:
        try:
            piece = connection.recv(min(length - len(data), PART_BYTES))
        except TimeoutError:
            raise
        except OSError as error:
            raise Gone(str(error)) from error
        if not piece:
            raise Gone("the other end has closed")
        data += piece
    return data


def _written(value: Any) -> Any:
    """A vector as the letters of its type and its bytes."""
    if isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype.str in _VECTORS:
        return value.dtype.str, value.tobytes()
    raise TypeError(f"{type(value).__name__} cannot be sent")


def _vector_of(type_: Any, value: Any) -> Any:
    wanted = type_.__args__[1].__args__[0]
    match value:
        case [str(letters), bytes(data)] if letters in _VECTORS and np.dtype(letters) == np.dtype(wanted):
            return np.frombuffer(data, dtype=letters).copy()  # a writable one, as the store itself gives
    raise ValueError("no vector of numbers")


_ENCODER = msgspec.msgpack.Encoder(enc_hook=_written)
_ASKED = decoder(Asked)
_ANSWER = decoder(Answer)
