"""Versions of the dataset: what differs between two, and rows read so that they are of one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from studio.dataset.examples import Example, ExampleIds
from studio.dataset.store import Store
from studio.dataset.versions import VersionDiff
from studio.errors import StudioError

RowsT = TypeVar("RowsT")
FROZEN = "frozen by the start of a run"
_TRIES = 5


@dataclass(frozen=True)
class EditedRow:
    """A row whose texts differ, as it was and as it is."""

    before: Example
    after: Example


@dataclass(frozen=True)
class ShownDiff:
    """A difference, with the texts of the first rows that were added, removed or edited."""

    diff: VersionDiff
    added: list[Example]
    removed: list[Example]
    edited: list[EditedRow]


@dataclass(frozen=True)
class VersionRows:
    """The rows of a version, as those of the store are read."""

    store: Store
    name: str

    def rows_to_write(self, ids: Sequence[int] | ExampleIds) -> list[Example]:
        """Those of ``ids`` that it has, whole, by id."""
        return self.store.version_examples(self.name, ids)

    def unused_columns(self, ids: Sequence[int] | ExampleIds) -> list[str]:
        """As of the rows today; but the earlier turns of a row may have been edited away since."""
        return [name for name in self.store.unused_columns(ids) if name != "context"]


def read_as_version(store: Store, read: Callable[[], RowsT]) -> tuple[RowsT, str]:
    """What ``read`` gives of the store, and the version of exactly these rows, made where there is none.

    What somebody changes meanwhile has it read again. Raises StudioError where that does not end.
    """
    for _ in range(_TRIES):
        as_of = store.newest_change()
        rows = read()
        if version := store.freeze_version(as_of, FROZEN):
            return rows, version.name
    raise StudioError(
        f"The rows were changed by others while they were frozen, {_TRIES} times in a row. Nothing was started.",
        "Start again in a moment.",
    )


def shown_diff(store: Store, before: str, after: str, most: int) -> ShownDiff:
    """What differs from the version ``before`` to ``after`` (``now`` is one too), with the texts of ``most`` rows of a
    kind. Raises AskedWrongly.
    """
    diff = store.version_diff(before, after)
    edited = diff.edited[:most]
    old = {one.example_id: one for one in store.version_examples(before, edited)}
    new = store.version_examples(after, edited)
    return ShownDiff(
        diff,
        store.version_examples(after, diff.added[:most]),
        store.version_examples(before, diff.removed[:most]),
        [EditedRow(old[one.example_id], one) for one in new],
    )
