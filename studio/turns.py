"""The turns of a conversation before its prompt, as they are kept everywhere: one text, empty where there are none.

A text and not objects, so that a column of the store, its edit log, a frozen row and a hash hold the same. It is JSON
as chat messages have it, ``[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"}]``, written in one
way only: equal turns are equal texts. Roles take turns, and the last is the assistant's, for the prompt comes next.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from studio.errors import StudioError

ROLES = ("user", "assistant")


class Turn(NamedTuple):
    """What one side said."""

    role: str
    text: str


def written(turns: Sequence[Turn]) -> str:
    """The text that keeps ``turns``; empty for none."""
    if not turns:
        return ""
    messages = [{"role": turn.role, "content": turn.text} for turn in turns]
    return json.dumps(messages, ensure_ascii=False, separators=(",", ":"))


def turns_in(context: str) -> list[Turn]:
    """The turns that ``context`` keeps. Raises StudioError where it is none of ours."""
    if not context:
        return []
    try:
        turns = [Turn(message["role"], message["content"]) for message in json.loads(context)]
    except (ValueError, TypeError, KeyError, RecursionError):
        turns = [Turn("", "")]
    fault = fault_of(turns)
    if fault or not all(isinstance(turn.text, str) for turn in turns):
        raise StudioError(f"These are no turns of a conversation: {context[:60]!r}.", fault)
    return turns


def fault_of(turns: Sequence[Turn]) -> str:
    """Why ``turns`` cannot stand before a prompt; empty where they can."""
    for number, turn in enumerate(turns, start=1):
        if turn.role not in ROLES:
            return f"Turn {number} is of {str(turn.role)[:40]!r}; a turn is of the user or of the assistant."
    for number, (one, other) in enumerate(pairwise(turns), start=1):
        if one.role == other.role:
            return f"Turns {number} and {number + 1} are both of the {one.role}; they must take turns."
    if turns and turns[-1].role != "assistant":
        return "The last turn before a prompt must be of the assistant."
    return ""
