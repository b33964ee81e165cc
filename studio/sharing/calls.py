"""What may be asked for over the socket: the methods that ``Store`` declares, each with the types of what it takes.

The types are those of the methods' own signatures, so a method is declared once and can be called from anywhere; what
does not fit its types never reaches the store.
"""

from __future__ import annotations

import hashlib
import inspect
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cached_property
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
import numpy as np
from msgspec import Raw, Struct

import studio
from studio.dataset.candidates import Candidate, text_fault
from studio.dataset.checks import CHECKS
from studio.dataset.checks.check import Check, Finding
from studio.dataset.checks.kept import Result, Waiver
from studio.dataset.checks.rows import Need
from studio.dataset.examples import Value, Values
from studio.dataset.host import METHODS, Method
from studio.dataset.labels import LABELS, SPLITS
from studio.dataset.migrations import MIGRATIONS
from studio.dataset.store import Store
from studio.errors import AskedWrongly, StudioError
from studio.sharing.wire import BadMessage, decoded, decoder, encoded
from studio.turns import turns_in


@dataclass(frozen=True)
class _SentAs:
    """How a type goes over the wire that cannot go as it is."""

    type_: Any
    outward: Callable[[Any], Any]
    inward: Callable[[Any], Any]


class _Moment(Struct, tag="moment"):
    """A time among other values, where a text could not be told from it."""

    at: datetime


class _SentValues(Struct):
    column: str
    found: list[tuple[_Moment | str | int | float | bool | None, int]]
    distinct: int
    rows: int


def _outward_values(values: Values) -> _SentValues:
    found = [(_Moment(value) if isinstance(value, datetime) else value, count) for value, count in values.found]
    return _SentValues(values.column, found, values.distinct, values.rows)


def _inward_values(sent: _SentValues) -> Values:
    found: list[tuple[Value, int]] = [
        (value.at if isinstance(value, _Moment) else value, count) for value, count in sent.found
    ]
    return Values(sent.column, found, sent.distinct, sent.rows)


def _check_named(name: str) -> Check:
    found = next((check for check in CHECKS if check.name == name), None)
    if found is None:
        raise BadMessage(f"{name!r} is no check")
    return found


class _SentResult(Struct):
    check: str
    finding: Finding | None
    lacking: tuple[Need, ...]
    checked_at: datetime | None
    count_before: int | None
    changed_rows: int
    waiver: Waiver | None


def _outward_result(result: Result) -> _SentResult:
    values = {one.name: getattr(result, one.name) for one in fields(result)}
    return _SentResult(**values | {"check": result.check.name})


def _inward_result(sent: _SentResult) -> Result:
    values = {one.name: getattr(sent, one.name) for one in fields(Result)}
    return Result(**values | {"check": _check_named(sent.check)})


_SENT_AS: dict[Any, _SentAs] = {
    Check: _SentAs(str, lambda check: check.name, _check_named),
    Result: _SentAs(_SentResult, _outward_result, _inward_result),
    Values: _SentAs(_SentValues, _outward_values, _inward_values),
}


def _sent_as(hint: Any) -> _SentAs | None:
    """How a value of this type is sent, or a list of such, where it cannot go as it is."""
    if get_origin(hint) in (list, Sequence) and (one := _SENT_AS.get(get_args(hint)[0])):
        listed: Any = types.GenericAlias(list, (one.type_,))
        return _SentAs(listed, lambda items: list(map(one.outward, items)), lambda items: list(map(one.inward, items)))
    return _SENT_AS.get(hint)


@dataclass(frozen=True)
class Parameter:
    """One argument of a method. ``item`` is the type of what it lists, where it may be long: then it goes in parts."""

    name: str
    type_: Any
    default: Any
    sent_as: _SentAs | None = None
    item: Any = None


class Known:
    """A method that may be called, with what reads and writes its arguments and its result."""

    def __init__(self, method: Method) -> None:
        self.method = method
        # The cursor's type, which nobody needs to know here, is not imported at run time.
        self._hints = get_type_hints(method.body, localns={"DuckDBPyConnection": object})
        self._signature = inspect.signature(method.body)
        self._result = self._hints["return"]

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        """By name; not the store, not the cursor, and no function, which cannot be sent."""
        names = list(self._signature.parameters)[2:]
        return {name: self._parameter(name) for name in names if get_origin(self._hints[name]) is not _CALLABLE}

    def _parameter(self, name: str) -> Parameter:
        hint = self._hints[name]
        given = self._signature.parameters[name].default
        default = msgspec.NODEFAULT if given is inspect.Parameter.empty else given
        sent_as = _sent_as(hint)
        item = get_args(hint)[0] if get_origin(hint) is list else None
        return Parameter(name, sent_as.type_ if sent_as else _wire_type(hint), default, sent_as, item)

    @cached_property
    def _struct(self) -> type[Struct]:
        fields = [(one.name, one.type_, one.default) for one in self.parameters.values() if one.item is None]
        return msgspec.defstruct(self.method.name, fields, forbid_unknown_fields=True)

    @cached_property
    def _reader(self) -> msgspec.msgpack.Decoder[Any]:
        return decoder(self._struct)

    @cached_property
    def _item_readers(self) -> dict[str, msgspec.msgpack.Decoder[Any]]:
        lists = [one for one in self.parameters.values() if one.item is not None]
        return {one.name: decoder(types.GenericAlias(list, (one.item,))) for one in lists}

    # -- at the side that asks

    def bound(self, arguments: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
        """The arguments by name, without those that were not given."""
        return self._signature.bind(None, None, *arguments, **named).arguments

    def outward(self, bound: dict[str, Any]) -> tuple[Raw, dict[str, list[Any]]]:
        """The arguments to send, and the lists that go in parts. Raises AskedWrongly for what cannot be sent."""
        lists, values = {}, {}
        for one in self.parameters.values():
            if one.item is not None:
                lists[one.name] = list(bound[one.name])
            elif one.name in bound:
                value = bound[one.name]
                values[one.name] = one.sent_as.outward(value) if one.sent_as else _outward(one.type_, value)
        try:
            return Raw(encoded(self._struct(**values))), lists
        except BadMessage as error:
            raise AskedWrongly(f"This cannot be asked of the store: {error}.", "Nothing was changed.") from error

    @property
    def gives_list(self) -> bool:
        """Whether the result is a list: it goes in parts, which ``result_of`` reads too."""
        return get_origin(self._result) is list

    @cached_property
    def _result_reader(self) -> msgspec.msgpack.Decoder[Any]:
        return decoder(self._sent_result.type_ if self._sent_result else self._result)

    @cached_property
    def _sent_result(self) -> _SentAs | None:
        return _sent_as(self._result)

    def result_of(self, data: Raw) -> Any:
        """The result in an answer, or a part of it. Raises BadMessage."""
        value = decoded(self._result_reader, data)
        return self._sent_result.inward(value) if self._sent_result else value

    # -- at the side that answers

    def items_of(self, name: str, data: Raw) -> list[Any]:
        """A piece of the list ``name``. Raises BadMessage for one that it has not, or rows that no reader gives."""
        reader = self._item_readers.get(name)
        if reader is None:
            raise BadMessage(f"{self.method.name} takes no list {name!r}")
        items: list[Any] = decoded(reader, data)
        for item in items:
            if isinstance(item, Candidate):
                _check_candidate(item)
        return items

    def inward(self, data: Raw, lists: dict[str, list[Any]]) -> dict[str, Any]:
        """The arguments to call the method with. Raises BadMessage."""
        sent = decoded(self._reader, data)
        values = {name: lists.get(name, []) for name in self._item_readers}
        for one in self.parameters.values():
            if one.item is None:
                value = getattr(sent, one.name)
                values[one.name] = one.sent_as.inward(value) if one.sent_as else value
        return values

    def outward_result(self, result: Any) -> Any:
        """A result as it is sent."""
        return self._sent_result.outward(result) if self._sent_result else result

    def encoded_result(self, result: Any) -> bytes:
        """A result as ``result_of`` reads it."""
        return encoded(self.outward_result(result))


def _wire_type(hint: Any) -> Any:
    """As which type a parameter is sent: where a vector will do, as a vector."""
    if get_origin(hint) in (Union, types.UnionType):
        vectors = [one for one in get_args(hint) if get_origin(one) is np.ndarray]
        if vectors:
            return vectors[0] | None if type(None) in get_args(hint) else vectors[0]
    return hint


def _outward(type_: Any, value: Any) -> Any:
    vectors = [one for one in (type_, *get_args(type_)) if get_origin(one) is np.ndarray]
    if not vectors or value is None:
        return value
    vector = np.asarray(value if isinstance(value, np.ndarray) else list(value))
    if vector.ndim != 1 or (len(vector) and vector.dtype.kind not in "iuf"):
        raise AskedWrongly(f"{value!r} is not a list of example ids.", "ExampleIds are whole numbers.")
    return vector.astype(get_args(get_args(vectors[0])[1])[0])


def _check_candidate(one: Candidate) -> None:
    try:
        needed = [one.prompt, one.completion, *(turn.text for turn in turns_in(one.context))]
    except StudioError as error:
        raise BadMessage(error.message) from error
    others = [one.task, one.system, one.source]
    faults = [*map(text_fault, needed), *(text_fault(text, may_be_empty=True) for text in others)]
    if any(faults) or one.label not in LABELS or one.split not in SPLITS:
        raise BadMessage("a row that cannot be stored")


_CALLABLE = get_origin(Callable[[], bool])
KNOWN: dict[str, Known] = {name: Known(method) for name, method in METHODS.items() if hasattr(Store, name)}


def _protocol() -> str:
    """A name that two processes share only where each understands the other."""
    signatures = [f"{name}{method.body.__annotations__}" for name, method in sorted(METHODS.items())]
    steps = [name for name, _ in MIGRATIONS]
    said = "\n".join([studio.__version__, *signatures, *steps])
    return f"1:{hashlib.md5(said.encode(), usedforsecurity=False).hexdigest()}"


PROTOCOL = _protocol()
