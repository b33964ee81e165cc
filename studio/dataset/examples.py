"""What the store hands out and takes back: plain facts, no SQL."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

ExampleIds = NDArray[np.int64]
Counts = NDArray[np.int32]

PREVIEW_CHARS = 200


def _no_ids() -> ExampleIds:
    return np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Example:
    """One stored pair, whole. ``revision`` names its text for ever; ``edit_count`` counts acts not undone.

    ``context`` are the turns before the prompt, as ``studio.turns`` keeps them; ``rejected`` is an answer that was not
    chosen, ``template`` the name of what made the row of columns: empty for none. ``prompt`` is empty for a plain text.
    ``prompt_hash`` (32 hex digits) is equal for prompts that count as the same, see texts.py. ``last_edit_at`` is in
    UTC, and None where nothing was done to the row since its import.
    """

    example_id: int
    prompt: str
    completion: str
    system: str
    task: str
    label: str
    is_marked: bool
    note: str
    split: str
    source: str
    source_line: int
    revision: int
    prompt_hash: str
    edit_count: int
    last_edit_who: str
    last_edit_at: datetime | None
    context: str = ""
    rejected: str = ""
    template: str = ""


@dataclass(frozen=True)
class Preview:
    """A table row: the first ``PREVIEW_CHARS`` characters of the texts; tokens where they are counted.

    ``labelled_by`` and ``labelled_at`` (in UTC) are None without a label, and for one that came with its file; ``loss``
    and ``base_loss`` where no run measured the row.
    """

    example_id: int
    label: str
    is_marked: bool
    task: str
    split: str
    source: str
    source_line: int
    revision: int
    prompt: str
    completion: str
    system: str
    note: str
    prompt_tokens: int | None
    completion_tokens: int | None
    labelled_by: str | None
    labelled_at: datetime | None
    loss: float | None
    base_loss: float | None

    @property
    def total_tokens(self) -> int | None:
        if self.prompt_tokens is None or self.completion_tokens is None:
            return None
        return self.prompt_tokens + self.completion_tokens


# What a column can hold. Times are in UTC, and without saying so.
Value = str | int | float | bool | datetime | None


@dataclass(frozen=True)
class Values:
    """The commonest values of a column, each with how many rows have it, the commonest first.

    ``distinct`` values there are in all, in ``rows`` rows.
    """

    column: str
    found: list[tuple[Value, int]]
    distinct: int
    rows: int


@dataclass(frozen=True)
class Edit:
    """One field of one example changed; ``is_undone`` where that act was taken back. ``at`` is in UTC."""

    edit_id: int
    batch_id: int
    field: str
    old: str
    new: str
    who: str
    at: datetime
    is_undone: bool = False


@dataclass(frozen=True)
class Change:
    """What an act, its undo or its redo did. ``batch_id`` 0 and ``count`` 0: there was nothing to change.

    ``kept`` rows an undo or redo left as they are, for ``kept_by`` (names, for people) have changed them since.
    """

    batch_id: int
    summary: str
    example_ids: ExampleIds = field(default_factory=_no_ids, compare=False)
    count: int = 0
    kept: int = 0
    kept_by: str = ""


@dataclass(frozen=True)
class Added:
    """An import: how many rows were new, and how many were there already (or twice in the file).

    ``of_another_task`` says of how many of the duplicates the pair is there under another task only.
    """

    batch_id: int
    added: int
    duplicates: int
    of_another_task: int = 0


@dataclass(frozen=True)
class Stats:
    """Counts over the examples that are not in the trash; every label and split has its key."""

    examples: int
    labels: dict[str, int]
    splits: dict[str, int]
    tasks: dict[str, int]
