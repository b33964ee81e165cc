"""The shape of preference pairs: a chosen answer, which is learned, and a rejected one, which is kept beside it."""

from __future__ import annotations

from studio.dataset.candidates import Columns, Place, Problem, Record, kind_of
from studio.dataset.formats.conversation import Said, row_of
from studio.dataset.formats.messages import conversation_in, said_in
from studio.dataset.formats.shape import Shape, Texts

# How Anthropic's helpful-harmless data has a whole conversation in one text (arXiv:2204.05862).
_HUMAN, _ASSISTANT = "\n\nHuman:", "\n\nAssistant:"


def _needs(columns: Columns) -> frozenset[str]:
    return frozenset({"chosen", "rejected"})


def _read(record: Record, columns: Columns, place: Place) -> Texts | Problem:
    chosen = _side("chosen", record, columns, place)
    rejected = _side("rejected", record, columns, place)
    for side in (chosen, rejected):
        if isinstance(side, Problem):
            return side
    assert isinstance(chosen, dict) and isinstance(rejected, dict)
    before = ("prompt", "system", "context")
    if [chosen.get(name) for name in before] != [rejected.get(name) for name in before]:
        return place.problem("rejected", "answers another conversation than chosen; only the last answer may differ")
    return {**chosen, "rejected": rejected["completion"]}


def _side(name: str, record: Record, columns: Columns, place: Place) -> Texts | Problem:
    """The texts of one side: an answer to the column prompt, or a conversation that ends with an answer."""
    value, prompt = record[name], record.get(columns.names["prompt"])
    if isinstance(value, str) and isinstance(prompt, str):
        return {"prompt": prompt, "completion": value}
    if isinstance(value, str) and prompt is None and value.startswith(_HUMAN):
        return row_of(_parted(value), name, place)
    if isinstance(value, list) and isinstance(prompt, list):
        return conversation_in(name, [*prompt, *value], place)
    if isinstance(value, list) and isinstance(prompt, str) and _is_answer_alone(value):
        return conversation_in(name, [{"role": "user", "content": prompt}, *value], place)
    if isinstance(value, list):
        return conversation_in(name, value, place)
    if isinstance(value, str):
        return place.problem("prompt", f"is {kind_of(prompt)}; text is needed", "It is what both answers are to.")
    return place.problem(name, f"is {kind_of(value)}; text or a list of messages is needed")


def _is_answer_alone(messages: list[object]) -> bool:
    said = [said_in(message) for message in messages if isinstance(message, dict)]
    return len(messages) == 1 and len(said) == 1 and isinstance(said[0], Said) and said[0].role == "assistant"


def _parted(text: str) -> list[Said]:
    said: list[Said] = []
    for part in text.replace(_ASSISTANT, _HUMAN + "\0").split(_HUMAN)[1:]:
        role = "assistant" if part.startswith("\0") else "user"
        said.append(Said(role, part.removeprefix("\0").strip()))
    return said


PREFERENCE = Shape(
    name="preference pairs",
    about="A prompt with a chosen and a rejected answer, or two conversations; the chosen is learned, the other kept.",
    sample='{"prompt": "…", "chosen": "…", "rejected": "…"}',
    needs=_needs,
    read=_read,
    has_columns=True,
)
