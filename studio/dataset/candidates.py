"""One record of a file becomes a Candidate, or a Problem that says where it stands and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from studio.dataset.labels import LABELS, SPLITS

FIELDS = ("prompt", "completion", "task", "system", "label", "split")
# Columns of these names may be the data's own; only our words in them are taken as a decision, all else means none.
_DECISIONS = {"label": LABELS, "split": SPLITS}
# Neither white space nor a zero-width space, joiner, word joiner or byte order mark, which make a text look filled.
_VISIBLE = re.compile("[^\\s\u200b\u200c\u200d\u2060\ufeff]")
_SURROGATE = re.compile("[\ud800-\udfff]")

Record = Mapping[str, object]


@dataclass(frozen=True)
class Candidate:
    """A readable row, not yet stored. ``source`` is its file's name, ``line`` where it begins there (from 1)."""

    prompt: str
    completion: str
    task: str = ""
    system: str = ""
    source: str = ""
    line: int = 0
    label: str = "none"
    split: str = "none"


@dataclass(frozen=True)
class Problem:
    """A row that cannot be used: ``field`` is empty where the whole line is at fault."""

    file: str
    line: int
    field: str
    why: str
    hint: str = ""

    def __str__(self) -> str:
        return ": ".join(part for part in (f"{self.file}:{self.line}", self.field, self.why) if part)


@dataclass(frozen=True)
class Columns:
    """Which column of a file holds which field; ``task`` fills in where a row names none."""

    names: Mapping[str, str]
    task: str
    is_mapped: bool


@dataclass(frozen=True)
class Place:
    """Where a record stands: ``file`` as the person named it, ``source`` as it is stored."""

    file: str
    source: str
    line: int

    def problem(self, field: str, why: str, hint: str = "") -> Problem:
        return Problem(self.file, self.line, field, why, hint)


def is_blank(text: str) -> bool:
    """True for text without a visible character: empty, white space, zero-width characters."""
    return not _VISIBLE.search(text)


def text_fault(text: str, *, may_be_empty: bool = False) -> tuple[str, str] | None:
    """Why ``text`` cannot be stored or learned, and a hint; None for a sound text."""
    if "\x00" in text:
        return f"has a NUL byte (character {text.index(chr(0)) + 1})", "Remove it: tr -d '\\000' < FILE > CLEAN"
    if not text.isascii() and (found := _SURROGATE.search(text)):
        code = f"\\u{ord(found.group()):04x}"
        return (
            f"has half of a surrogate pair ({code}, character {found.start() + 1}), which is no character",
            "Whatever wrote the file cut an emoji in two; write it again.",
        )
    if not may_be_empty and is_blank(text):
        why = "is empty" if not text else "is empty: only white space or invisible characters"
        return why, "Write the text, or delete the row."
    return None


def candidate_from(record: object, columns: Columns, place: Place) -> Candidate | Problem:
    """Read the fields of one record, by its columns or, without a mapping, from chat ``messages`` if it has them."""
    if not isinstance(record, dict):
        return place.problem("", f"is {_kind(record)}; an object with prompt and completion is needed")
    if not columns.is_mapped and "messages" in record and "prompt" not in record:
        fields = _fields_of_chat(record["messages"], place)
    else:
        fields = _fields_of_pair(record, columns, place)
    if isinstance(fields, Problem):
        return fields
    for name in ("task", "system"):
        column = columns.names.get(name, name)
        value = record.get(column)
        if value is None or value == "" or name in fields:
            continue
        if not isinstance(value, str):
            return place.problem(column, f"is {_kind(value)}; text is needed")
        fields[name] = value
    return _sound(fields, _decisions(record, columns), columns, place)


def _decisions(record: Record, columns: Columns) -> dict[str, str]:
    found = {name: record.get(columns.names.get(name, name)) for name in _DECISIONS}
    return {name: word for name, word in found.items() if isinstance(word, str) and word in _DECISIONS[name]}


def _sound(fields: dict[str, str], decisions: dict[str, str], columns: Columns, place: Place) -> Candidate | Problem:
    for name, text in fields.items():
        fault = text_fault(text, may_be_empty=name not in ("prompt", "completion"))
        if fault:
            return place.problem(name, *fault)
    return Candidate(
        prompt=fields["prompt"],
        completion=fields["completion"],
        task=fields.get("task") or columns.task,
        system=fields.get("system", ""),
        source=place.source,
        line=place.line,
        **decisions,
    )


def _fields_of_pair(record: Record, columns: Columns, place: Place) -> dict[str, str] | Problem:
    fields: dict[str, str] = {}
    for name in ("prompt", "completion"):
        column = columns.names.get(name, name)
        value = record.get(column)
        if column not in record:
            return place.problem(column, f"is missing; this row has {_listed(record)}", "Add it, or delete the row.")
        if not isinstance(value, str):
            return place.problem(column, f"is {_kind(value)}; text is needed", f'Write it in quotes: "{column}": "…"')
        fields[name] = value
    return fields


def _fields_of_chat(messages: object, place: Place) -> dict[str, str] | Problem:
    if not isinstance(messages, list):
        return place.problem("messages", f"is {_kind(messages)}; a list of messages is needed")
    fields: dict[str, str] = {}
    turns: list[str] = []
    for number, message in enumerate(messages, start=1):
        if not isinstance(message, dict):
            return place.problem("messages", f"message {number} is {_kind(message)}; an object is needed")
        role, content = message.get("role"), message.get("content")
        if role not in ("system", "user", "assistant"):
            return place.problem("messages", f"message {number} has the role {role!r}; system, user or assistant fits")
        if not isinstance(content, str):
            return place.problem("messages", f"the content of message {number} is {_kind(content)}; text is needed")
        turns.append(role)
        fields[{"system": "system", "user": "prompt", "assistant": "completion"}[role]] = content
    expected = ["system", "user", "assistant"]
    if turns in (expected, expected[1:]):
        return fields
    if turns.count("user") > 1 or turns.count("assistant") > 1:
        return place.problem(
            "messages",
            f"has several turns ({turns.count('user')} user, {turns.count('assistant')} assistant); one each is read",
            "Keep the turn to learn: one user message and the assistant's answer.",
        )
    return place.problem(
        "messages", f"has the roles {', '.join(turns) or 'of nobody'}; needed: system?, user, assistant"
    )


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return f"{str(value).lower()}, a truth value"
    if isinstance(value, int | float):
        return f"a number ({value})"[:60]
    if isinstance(value, str):
        return "a text"
    return "a list" if isinstance(value, list) else "an object"


def _listed(record: Record) -> str:
    return ", ".join(record) or "nothing"
