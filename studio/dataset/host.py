"""Where the methods of a store are carried out: in the process that has its file open, or by asking that process.

A method of ``Store`` is written as what it does with a cursor, and declared by ``@reads`` or ``@writes``. Who calls it
never sees the cursor: the store's host makes it. So a method is written once, and works from any process.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar

from studio.dataset import acts_done
from studio.dataset.changes import Changes, Heard
from studio.dataset.connection import Connection

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class Method:
    """One declared method: ``body(store, cursor, …)``; one that writes is a transaction of its own."""

    name: str
    body: Callable[..., Any]
    is_write: bool


class Hosted(Protocol):
    """A store as its host sees it. ``origin`` tells it from every other one, also of the same person."""

    @property
    def host(self) -> Host: ...
    @property
    def who(self) -> str: ...
    @property
    def origin(self) -> str: ...


class Host(Protocol):
    """Carries out methods. May be called from any thread."""

    @property
    def path(self) -> Path:
        """The file."""
        ...

    def carry_out(self, method: Method, store: Hosted, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """What the method gives. Raises what its body raises; StudioError where it cannot be carried out."""
        ...

    def heard(self, after: int, seconds: float) -> Heard:
        """What was changed since; see ``Store.heard``."""
        ...

    def interrupt(self) -> None:
        """Stop what reads now for this store, in all threads. Writes are left to finish."""

    def close(self) -> None:
        """End the use of the file; a second time does nothing."""


StoreT = TypeVar("StoreT", bound=Hosted)
P = ParamSpec("P")
ResultT = TypeVar("ResultT")
_Body = Callable[Concatenate[StoreT, "DuckDBPyConnection", P], ResultT]
_Called = Callable[Concatenate[StoreT, P], ResultT]

# Every method that was declared, by name: nothing else can be asked for from outside.
METHODS: dict[str, Method] = {}


def reads(body: _Body[StoreT, P, ResultT]) -> _Called[StoreT, P, ResultT]:
    """A method that looks at the store, in a read-only transaction that ``interrupt`` stops."""
    return _declared(body, is_write=False)


def writes(body: _Body[StoreT, P, ResultT]) -> _Called[StoreT, P, ResultT]:
    """A method that changes the store, in one transaction; when it returns, the change is on disk."""
    return _declared(body, is_write=True)


def _declared(body: _Body[StoreT, P, ResultT], *, is_write: bool) -> _Called[StoreT, P, ResultT]:
    method = METHODS[body.__name__] = Method(body.__name__, body, is_write)

    @functools.wraps(body)
    def carried_out(store: StoreT, /, *arguments: P.args, **named: P.kwargs) -> ResultT:
        result: ResultT = store.host.carry_out(method, store, arguments, named)
        return result

    return carried_out


@dataclass(frozen=True)
class Act:
    """A write that was asked for from outside, under an id that is given once; ``encoded`` makes its reply of bytes."""

    act_id: str
    encoded: Callable[[Any], bytes]
    is_again: bool = False


class AlreadyDone(Exception):
    """This act was done before, when its answer was lost; ``reply`` is what was answered."""

    def __init__(self, reply: bytes) -> None:
        super().__init__("done already")
        self.reply = reply


_ACT: ContextVar[Act | None] = ContextVar("act", default=None)


@contextmanager
def acting(act: Act) -> Iterator[None]:
    """The write of this block is ``act``: it is done once, however often it is asked for.

    Its id and its reply are kept in its own transaction. Raises AlreadyDone where it was done before.
    """
    token = _ACT.set(act)
    try:
        yield
    finally:
        _ACT.reset(token)


class Here:
    """The file is open in this process; several stores, each of another person, may stand on one connection."""

    def __init__(self, connection: Connection, changes: Changes) -> None:
        self._connection, self._changes = connection, changes

    @property
    def path(self) -> Path:
        return self._connection.path

    def carry_out(self, method: Method, store: Hosted, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        if not method.is_write:
            with self._connection.reading(self) as cursor:
                return method.body(store, cursor, *arguments, **named)
        act = _ACT.get()
        with self._connection.writing() as cursor:
            if act is not None and act.is_again and (reply := acts_done.reply_of(cursor, act.act_id)) is not None:
                raise AlreadyDone(reply)
            result = method.body(store, cursor, *arguments, **named)
            if act is not None:
                acts_done.keep(cursor, act.act_id, act.encoded(result))
        self._changes.tell(store.who, store.origin, method.name, result)
        return result

    def heard(self, after: int, seconds: float) -> Heard:
        return self._changes.heard(after, seconds)

    def interrupt(self) -> None:
        self._connection.interrupt(self)

    def close(self) -> None:
        self._changes.close()
        self._connection.close()
