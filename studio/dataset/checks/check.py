"""What a check is: a kind of harm in the data, how it is found, and example rows with and without it.

There are three kinds, by what a finding is about: each row by itself (``RowCheck``, an SQL condition), rows that are at
fault together (``GroupCheck``), the rows as a whole (``DatasetCheck``). After an edit the first two are computed again
only for the rows that it can change.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import ClassVar, NamedTuple

import numpy as np

from studio.dataset.candidates import Candidate
from studio.dataset.checks.rows import Need, Rows
from studio.dataset.examples import Counts, ExampleIds


class Severity(StrEnum):
    """How bad what a check finds is, worst first."""

    ERROR = "error"  # what is learned from these rows is wrong: no run begins with one that is not waived
    WARNING = "warning"  # it is worse, or its scores mean less
    INFO = "info"  # good to know

    def is_at_least(self, other: Severity) -> bool:
        """Whether this is as bad as ``other`` or worse."""
        order = list(Severity)
        return order.index(self) <= order.index(other)


class Scope(StrEnum):
    """What a finding is about."""

    ROW = "row"  # each of its rows by itself
    GROUP = "group"  # rows that are at fault together
    DATASET = "dataset"  # the rows as a whole; it names those that stand out, or none


@dataclass(frozen=True)
class Finding:
    """What one check found: the rows, and one sentence about them, which quotes no text of the data.

    A group check's rows stand group after group, and ``group_sizes`` says how many belong to each; else it is empty.
    """

    check: str
    example_ids: ExampleIds
    sentence: str
    group_sizes: Counts = field(default_factory=lambda: np.empty(0, dtype=np.int32))

    @property
    def groups(self) -> Iterator[ExampleIds]:
        """The rows of each group."""
        ends = np.cumsum(self.group_sizes).tolist()
        for start, end in pairwise([0, *ends]):
            yield self.example_ids[start:end]

    @property
    def rows(self) -> ExampleIds:
        """The rows, each once, ascending."""
        return np.unique(self.example_ids)


class Texts(NamedTuple):
    """The texts of a row."""

    prompt: str
    completion: str
    system: str = ""


@dataclass(frozen=True)
class Spot:
    """Where in a row the offending part stands: the first match of ``pattern`` (RE2) in ``column``."""

    column: str
    pattern: str


@dataclass(frozen=True)
class Rewriting:
    """A fix that gives a row other texts. ``rewrite`` says which; those that it gives back as they were stay."""

    about: str
    rewrite: Callable[[Texts], Texts]


@dataclass(frozen=True)
class Thinning:
    """A fix that puts rows in the trash: all of each group but the first."""

    about: str


Fix = Rewriting | Thinning


@dataclass(frozen=True, kw_only=True)
class Check:
    """One kind of harm.

    ``about`` says in one sentence what is found, ``harms`` why a model fine-tuned on it is worse. ``needs`` is what
    the store must know before it can run. ``version`` grows when it finds something else than before, so that older
    findings and waivers count no longer. In a store of the ``bad`` rows alone it finds all of them; in one of the
    ``good`` rows it finds none: those are its test and its page in docs/checks.md.

    ``fix`` is offered where a mechanical one is safe. What an ``is_private`` check finds is shown masked.
    """

    scope: ClassVar[Scope]

    name: str
    about: str
    harms: str
    severity: Severity
    version: int
    bad: tuple[Candidate, ...]
    good: tuple[Candidate, ...]
    needs: tuple[Need, ...] = ()
    spots: tuple[Spot, ...] = ()
    fix: Fix | None = None
    is_private: bool = False


@dataclass(frozen=True, kw_only=True)
class RowCheck(Check):
    """Looks at each row by itself: ``where`` is an SQL condition over the columns of ``examples``.

    Where SQL cannot tell, ``confirm`` looks at the texts of the rows for which ``where`` holds, or ``confirm_part`` at
    what the ``spots`` match in them: one that it confirms is enough. Both must take no longer than their text is long.
    ``said`` goes on after the number of rows; ``[has|have]`` in it is the first for one row and the second for more.
    """

    scope: ClassVar[Scope] = Scope.ROW

    where: str
    said: str
    confirm: Callable[[Texts], bool] | None = None
    confirm_part: Callable[[str], bool] | None = None

    def finding(self, example_ids: ExampleIds) -> Finding | None:
        """What is said of these rows; nothing where there are none."""
        if not len(example_ids):
            return None
        return Finding(self.name, example_ids, said_of(len(example_ids), self.said))


@dataclass(frozen=True, kw_only=True)
class GroupCheck(Check):
    """Looks at rows that are at fault together: ``groups`` gives the ids of each group, two or more.

    ``around`` names all rows that could be in a group with one of these. ``say`` makes the sentence; it sees all rows.
    """

    scope: ClassVar[Scope] = Scope.GROUP

    groups: Callable[[Rows], Iterable[Sequence[int]]]
    say: Callable[[Rows, Finding], str]
    around: Callable[[Rows, ExampleIds], ExampleIds]


@dataclass(frozen=True, kw_only=True)
class DatasetCheck(Check):
    """Looks at the rows as a whole, and is computed anew after every change.

    The ``bad`` rows are found where they stand with sound ones ``beside`` them.
    """

    scope: ClassVar[Scope] = Scope.DATASET

    beside: tuple[Candidate, ...] = ()
    find: Callable[[Rows], Finding | None]


def said_of(count: int, words: str) -> str:
    """A sentence about so many rows; ``[is|are]`` in ``words`` is the first for one and the second for more."""
    chosen = re.sub(r"\[([^|\]]*)\|([^|\]]*)\]", r"\1" if count == 1 else r"\2", words)
    return f"{rows_in_words(count)} {chosen}"


def rows_in_words(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def groups_in_words(count: int) -> str:
    return "1 group" if count == 1 else f"{count:,} groups"
