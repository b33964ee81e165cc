"""The shape of chats: a list of messages with roles, of which one turn is read."""

from __future__ import annotations

from studio.dataset.candidates import Columns, Place, Problem, Record, kind_of
from studio.dataset.formats.shape import Shape, Texts

_FIELD_OF_ROLE = {"system": "system", "user": "prompt", "assistant": "completion"}
_TURN = ["system", "user", "assistant"]


def _needs(columns: Columns) -> frozenset[str]:
    return frozenset({"messages"})


def _read(record: Record, columns: Columns, place: Place) -> Texts | Problem:
    messages = record["messages"]
    if not isinstance(messages, list):
        return place.problem("messages", f"is {kind_of(messages)}; a list of messages is needed")
    texts: Texts = {}
    roles: list[str] = []
    for number, message in enumerate(messages, start=1):
        if not isinstance(message, dict):
            return place.problem("messages", f"message {number} is {kind_of(message)}; an object is needed")
        role, content = message.get("role"), message.get("content")
        if not isinstance(role, str) or role not in _FIELD_OF_ROLE:
            said = repr(role[:40]) if isinstance(role, str) else kind_of(role)
            return place.problem("messages", f"message {number} has the role {said}; system, user or assistant fits")
        if not isinstance(content, str):
            return place.problem("messages", f"the content of message {number} is {kind_of(content)}; text is needed")
        roles.append(role)
        texts[_FIELD_OF_ROLE[role]] = content
    return texts if roles in (_TURN, _TURN[1:]) else _wrong_turns(roles, place)


def _wrong_turns(roles: list[str], place: Place) -> Problem:
    if roles.count("user") > 1 or roles.count("assistant") > 1:
        return place.problem(
            "messages",
            f"has several turns ({roles.count('user')} user, {roles.count('assistant')} assistant); one each is read",
            "Keep the turn to learn: one user message and the assistant's answer.",
        )
    return place.problem(
        "messages", f"has the roles {', '.join(roles) or 'of nobody'}; needed: system?, user, assistant"
    )


MESSAGES = Shape(
    name="chat messages",
    about="A list of messages: a system message if there is one, one of the user, one of the assistant.",
    sample='{"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}',
    needs=_needs,
    read=_read,
    has_columns=False,
)
