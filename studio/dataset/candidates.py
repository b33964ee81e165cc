"""What reading a file gives: a Candidate, or a Problem that says where it stands and what is wrong with it."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

from studio.dataset.labels import LABELS, SPLITS
from studio.turns import Turn, fault_of, written

FIELDS = ("prompt", "completion", "task", "system", "label", "split")
# Neither white space nor a zero-width space, joiner, word joiner or byte order mark, which make a text look filled.
_VISIBLE = re.compile("[^\\s\u200b\u200c\u200d\u2060\ufeff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_NAMED = 30
_NAME_CHARS = 60

Record = Mapping[str, object]


@dataclass(frozen=True)
class Candidate:
    """A readable row, not yet stored. ``source`` is its file's name, ``line`` where it begins there (from 1).

    ``context`` are the turns before the prompt, as ``studio.turns`` keeps them; ``rejected`` is an answer that was not
    chosen. Both are empty for none; ``prompt`` is empty for a plain text. ``template`` made its texts of the columns
    that ``raw`` keeps as JSON. ``shape`` is how its record was read.
    """

    prompt: str
    completion: str
    task: str = ""
    system: str = ""
    source: str = ""
    line: int = 0
    label: str = "none"
    split: str = "none"
    context: str = ""
    rejected: str = ""
    template: str = ""
    raw: str = ""
    shape: str = dataclasses.field(default="", compare=False)


@dataclass(frozen=True)
class Problem:
    """A row that cannot be used, or lines that cannot: ``field`` is empty where the whole line is at fault.

    ``last_line`` is ``line`` unless the problem takes more than one line with it. ``shape`` is how the record was read,
    empty where it was none.
    """

    file: str
    line: int
    field: str
    why: str
    hint: str = ""
    last_line: int = 0
    shape: str = dataclasses.field(default="", compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "last_line", max(self.line, self.last_line))

    def __str__(self) -> str:
        lines = f"{self.line}-{self.last_line}" if self.last_line > self.line else f"{self.line}"
        return ": ".join(part for part in (f"{self.file}:{lines}", self.field, self.why) if part)


@dataclass(frozen=True)
class Columns:
    """Which column of a file holds which field, for each of ``FIELDS``; ``task`` fills in where a row names none.

    ``mapping`` are those that a person named, ``said`` the texts that a person gave for all rows in place of a column.
    """

    names: Mapping[str, str]
    task: str
    mapping: Mapping[str, str]
    said: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def mapped(self) -> frozenset[str]:
        """The columns that a person named."""
        return frozenset(self.mapping.values())

    @property
    def has_mapped_texts(self) -> bool:
        """Whether a person said in which column prompt or completion stands."""
        return not self.mapping.keys().isdisjoint(("prompt", "completion"))


@dataclass(frozen=True)
class Place:
    """Where a record stands: ``file`` as the person named it, ``source`` as it is stored."""

    file: str
    source: str
    line: int

    def problem(self, field: str, why: str, hint: str = "") -> Problem:
        """The problem of ``field``, or of the whole record where that is empty, at this place."""
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


def candidate_of(
    texts: dict[str, str], record: Record, columns: Columns, place: Place, shape: str = ""
) -> Candidate | Problem:
    """Add to a record's ``texts`` what any shape may have beside them, and check that all of it can be stored."""
    for name in ("task", "system", "rejected"):
        column = columns.names.get(name, name)
        value = record.get(column)
        if value is None or value == "" or name in texts:
            continue
        if not isinstance(value, str):
            return place.problem(column, f"is {kind_of(value)}; text is needed")
        texts[name] = value
    for name, text in texts.items():
        if name == "context":  # turns, looked at one by one where they were read
            continue
        is_needed = name in ("completion", "rejected") or (name == "prompt" and shape != "plain text")
        if fault := text_fault(text, may_be_empty=not is_needed):
            return place.problem(name, *fault)
    return Candidate(
        prompt=texts["prompt"],
        completion=texts["completion"],
        task=texts.get("task") or columns.said.get("task") or columns.task,
        system=texts.get("system") or columns.said.get("system", ""),
        source=place.source,
        line=place.line,
        label=_decision(record.get(columns.names["label"]), LABELS),
        split=_decision(record.get(columns.names["split"]), SPLITS),
        context=texts.get("context") or _turns(record.get("context")),
        rejected=texts.get("rejected", ""),
        template=texts.get("template", ""),
        raw=texts.get("raw", ""),
        shape=shape,
    )


def named(columns: Iterable[str]) -> str:
    """Names of columns on one line of a sentence, however many a file has, and however long they are."""
    names = [" ".join(name.split()) for name in islice(columns, _NAMED + 1)]
    said = [name if len(name) <= _NAME_CHARS else f"{name[: _NAME_CHARS - 1]}…" for name in names[:_NAMED]]
    return ", ".join(said) + (", and others" if len(names) > _NAMED else "")


def _decision(value: object, words: tuple[str, ...]) -> str:
    """``value`` where it is one of our ``words``; any other is the data's own, which decides nothing."""
    return value if isinstance(value, str) and value in words else "none"


def _turns(value: object) -> str:
    """``value`` where it is turns as an export of ours has them; any other ``context`` is the data's own column."""
    if value is None or value == "":
        return ""
    try:
        messages = json.loads(value) if isinstance(value, str) and value[:2] == "[{" else value
        said = [(one["role"], one["content"]) for one in messages] if isinstance(messages, list) else []
    except (ValueError, TypeError, KeyError, RecursionError):
        return ""
    turns = [Turn(role, text) for role, text in said if isinstance(role, str) and isinstance(text, str)]
    is_sound = len(turns) == len(said) and not fault_of(turns) and not any(text_fault(turn.text) for turn in turns)
    return written(turns) if is_sound else ""


def kind_of(value: object) -> str:
    """What a JSON value is, in words: ``a number (42)``, ``a list``."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return f"{str(value).lower()}, a truth value"
    if isinstance(value, int | float):
        return f"a number ({value})"[:60]
    if isinstance(value, str):
        return "a text"
    return "a list" if isinstance(value, list) else "an object"
