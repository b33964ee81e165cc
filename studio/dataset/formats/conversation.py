"""What said one after the other makes a row: the last answer is its completion, what it answers its prompt, and the
turns before are its context.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from studio.dataset.candidates import Place, Problem, text_fault
from studio.dataset.formats.shape import Texts
from studio.turns import Turn, fault_of, turns_in, written

if TYPE_CHECKING:
    from studio.dataset.examples import Example


class Said(NamedTuple):
    """One message: ``role`` is system, user or assistant."""

    role: str
    text: str


def row_of(said: Sequence[Said], field: str, place: Place) -> Texts | Problem:
    """The texts of a conversation; ``field`` is where it stands in its record. Messages are counted from 1."""
    roles = [one.role for one in said]
    begins = 1 if roles[:1] == ["system"] else 0
    if "system" in roles[begins:]:
        number = roles.index("system", begins) + 1
        return place.problem(field, f"message {number} is of the system; only the first may be")
    if roles[-2:] != ["user", "assistant"]:
        return _without_answer(roles, field, place)
    for number, one in enumerate(said, start=1):
        if fault := text_fault(one.text, may_be_empty=one.role == "system"):
            return place.problem(field, f"message {number} ({one.role}) {fault[0]}", fault[1])
    turns = [Turn(*one) for one in said[begins:-2]]
    if len(turns) % 2 and turns[-1].role == "user":  # two of the user side by side, just before the answer
        number = len(said) - 2
        return _side_by_side(number, "user", field, place)
    if fault_of(turns):
        number = next(n for n in range(begins + 1, len(said)) if roles[n] == roles[n - 1])
        return _side_by_side(number, roles[number], field, place)
    texts = {"prompt": said[-2].text, "completion": said[-1].text}
    if begins:
        texts["system"] = said[0].text
    if turns:
        texts["context"] = written(turns)
    return texts


def messages_of(example: Example) -> list[Said]:
    """An example as the conversation that ``row_of`` reads it from."""
    system = [Said("system", example.system)] if example.system else []
    turns = [Said(*turn) for turn in turns_in(example.context)]
    return [*system, *turns, Said("user", example.prompt), Said("assistant", example.completion)]


def _without_answer(roles: Sequence[str], field: str, place: Place) -> Problem:
    if roles and roles[-1] == "user":
        return place.problem(field, "ends with the user: there is no answer to learn", "Leave the last message out.")
    shown = ", ".join(roles[:6]) + (", …" if len(roles) > 6 else "")
    return place.problem(field, f"has the roles {shown or 'of nobody'}; needed: system?, user, assistant, …")


def _side_by_side(number: int, role: str, field: str, place: Place) -> Problem:
    why = f"messages {number} and {number + 1} are both of the {role}; user and assistant take turns"
    return place.problem(field, why, "Make one message of them.")
