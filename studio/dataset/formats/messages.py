"""The shape of chats as OpenAI has it: a list of messages with roles, of one turn or of many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from studio.dataset.candidates import Columns, Place, Problem, Record, kind_of
from studio.dataset.formats.conversation import Said, messages_of, row_of
from studio.dataset.formats.pair import FACTS, facts_of
from studio.dataset.formats.shape import Shape, Texts

if TYPE_CHECKING:
    from studio.dataset.examples import Example

# developer is what newer OpenAI models call the system.
_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
_CALLS = ("tool_calls", "function_call")
_TOOL_ROLES = ("tool", "function")
_TOOL_HINT = "Write the call and its result as text into the messages, or leave the row out."


def _needs(columns: Columns) -> frozenset[str]:
    return frozenset({"messages"})


def _read(record: Record, columns: Columns, place: Place) -> Texts | Problem:
    return conversation_in("messages", record["messages"], place)


def conversation_in(field: str, messages: object, place: Place) -> Texts | Problem:
    """The texts of a list of OpenAI's messages that stands in the column ``field``."""
    if not isinstance(messages, list):
        return place.problem(field, f"is {kind_of(messages)}; a list of messages is needed")
    said: list[Said] = []
    for number, message in enumerate(messages, start=1):
        if not isinstance(message, dict):
            return place.problem(field, f"message {number} is {kind_of(message)}; an object is needed")
        read = said_in(message)
        if not isinstance(read, Said):
            return place.problem(field, f"message {number} {read[0]}", read[1])
        said.append(read)
    return row_of(said, field, place)


def said_in(message: dict[str, Any]) -> Said | tuple[str, str]:
    """What a message says; or what is wrong with it, and a hint."""
    role, content = message.get("role"), message.get("content")
    if call := next((name for name in _CALLS if message.get(name)), None):
        return f"has {call}, which are not read", _TOOL_HINT
    if role in _TOOL_ROLES:
        return f"has the role {role!r}: what a tool answers is not read", _TOOL_HINT
    if not isinstance(role, str) or role not in _ROLES:
        said = repr(role[:40]) if isinstance(role, str) else kind_of(role)
        return f"has the role {said}; system, user or assistant fits", ""
    if isinstance(content, list):
        return _joined(_ROLES[role], content)
    if not isinstance(content, str):
        return f"has as its content {kind_of(content)}; text is needed", ""
    return Said(_ROLES[role], content)


def _joined(role: str, parts: list[Any]) -> Said | tuple[str, str]:
    """A message written as parts, each ``{"type": "text", "text": …}``."""
    texts = []
    for part in parts:
        if not isinstance(part, dict) or part.get("type") != "text" or not isinstance(part.get("text"), str):
            kind = part.get("type") if isinstance(part, dict) else None
            named = repr(kind[:40]) if isinstance(kind, str) else "no type"
            return f"has a part of {named}; only text is read", ""
        texts.append(part["text"])
    return Said(role, "".join(texts))


def _written(example: Example) -> dict[str, object]:
    messages = [{"role": one.role, "content": one.text} for one in messages_of(example)]
    facts = {name: value for name, value in facts_of(example).items() if name not in ("system", "context")}
    return {"messages": messages, **facts}


MESSAGES = Shape(
    name="chat messages",
    about="A list of messages: a system message if there is one, then user and assistant in turns, an answer the last.",
    sample='{"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}',
    needs=_needs,
    read=_read,
    has_columns=False,
    write=_written,
    columns=("messages", *FACTS, "text"),
    word="messages",
)
