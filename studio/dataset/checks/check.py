"""What a check is: a kind of harm in the data, how it is found, and example rows with and without it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise

import numpy as np

from studio.dataset.candidates import Candidate
from studio.dataset.checks.rows import Need, Rows
from studio.dataset.examples import Counts, ExampleIds


class Severity(StrEnum):
    """How bad what a check finds is, worst first."""

    ERROR = "error"  # what is learned from these rows is wrong
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
    DATASET = "dataset"  # all rows; it names none


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


@dataclass(frozen=True)
class Check:
    """One kind of harm.

    ``about`` says in one sentence what is found, ``harms`` why a model fine-tuned on it is worse. ``needs`` is what
    the store must know before it can run. ``find`` looks at the rows and gives what it finds, nothing where all is
    well. ``version`` grows when it finds something else than before, so that older findings are stale. In a store of
    the ``bad`` rows alone it finds all of them; in one of the ``good`` rows it finds none: those are its test and its
    page in docs/checks.md.
    """

    name: str
    about: str
    harms: str
    severity: Severity
    scope: Scope
    version: int
    find: Callable[[Rows], Iterable[Finding]]
    bad: tuple[Candidate, ...]
    good: tuple[Candidate, ...]
    needs: tuple[Need, ...] = ()
