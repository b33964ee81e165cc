"""The shape of ShareGPT: a conversation of messages, each ``from`` somebody with a ``value``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studio.dataset.candidates import Columns, Place, Problem, Record, kind_of
from studio.dataset.formats.conversation import Said, messages_of, row_of
from studio.dataset.formats.pair import FACTS, facts_of
from studio.dataset.formats.shape import Shape, Texts

if TYPE_CHECKING:
    from studio.dataset.examples import Example

_ROLES = {
    "system": "system",
    "human": "user",
    "user": "user",
    **dict.fromkeys(("gpt", "assistant", "chatgpt", "bard", "bing", "model"), "assistant"),
}
_FROM = {"system": "system", "user": "human", "assistant": "gpt"}
_TOOLS = ("tool", "function", "function_call", "function_response", "observation", "tool_call", "tool_response")


def _needs(columns: Columns) -> frozenset[str]:
    return frozenset({"conversations"})


def _read(record: Record, columns: Columns, place: Place) -> Texts | Problem:
    messages = record["conversations"]
    if not isinstance(messages, list):
        return place.problem("conversations", f"is {kind_of(messages)}; a list of messages is needed")
    said: list[Said] = []
    for number, message in enumerate(messages, start=1):
        if not isinstance(message, dict):
            return place.problem("conversations", f"message {number} is {kind_of(message)}; an object is needed")
        sender = message.get("from", message.get("role"))
        text = message.get("value", message.get("content"))
        if sender in _TOOLS:
            why = f"message {number} is from {sender!r}: tool calls are not read"
            return place.problem("conversations", why, "Write the call and its result as text, or leave the row out.")
        if not isinstance(sender, str) or sender not in _ROLES:
            named = repr(sender[:40]) if isinstance(sender, str) else kind_of(sender)
            return place.problem("conversations", f"message {number} is from {named}; system, human or gpt fits")
        if not isinstance(text, str):
            return place.problem("conversations", f"message {number} has as its value {kind_of(text)}; text is needed")
        said.append(Said(_ROLES[sender], text))
    return row_of(said, "conversations", place)


def _written(example: Example) -> dict[str, object]:
    messages = [{"from": _FROM[one.role], "value": one.text} for one in messages_of(example)]
    facts = {name: value for name, value in facts_of(example).items() if name not in ("system", "context")}
    return {"conversations": messages, **facts}


SHAREGPT = Shape(
    name="ShareGPT",
    about="A list of messages from human and gpt in turns, system before them if there is one, an answer the last.",
    sample='{"conversations": [{"from": "human", "value": "…"}, {"from": "gpt", "value": "…"}]}',
    needs=_needs,
    read=_read,
    has_columns=False,
    write=_written,
    columns=("conversations", *FACTS, "text"),
    word="sharegpt",
)
