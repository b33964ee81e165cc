"""The part of the store that looks back: versions, and the rows as they were. See past.py and versions.py."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from studio.dataset import locks, past, versions
from studio.dataset.connection import as_ids
from studio.dataset.examples import Example, ExampleIds
from studio.dataset.host import Host, reads, writes
from studio.dataset.locks import Lock
from studio.dataset.texts import storable
from studio.dataset.versions import Version, VersionDiff

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class PastOfStore:
    """Methods of ``Store``."""

    host: Host
    who: str
    origin: str

    @writes
    def create_version(
        self, cursor: DuckDBPyConnection, name: str = "", note: str = "", as_of: datetime | None = None
    ) -> Version:
        """Name the present state of the rows, or that of a moment; ``v1``, ``v2`` … by itself. No row is another then.

        Raises AskedWrongly for a name that is taken or cannot be one, and where there are no rows.
        """
        return versions.create(cursor, self.who, name, storable(note), as_of)

    @writes
    def freeze_version(self, cursor: DuckDBPyConnection, as_of: int, note: str = "") -> Version | None:
        """The version of the state at the change ``as_of``: the newest one where it has it, else one that is made.

        None where a row has changed since; then what was read meanwhile may be of either state.
        """
        return versions.freeze(cursor, self.who, as_of, storable(note))

    @writes
    def lock_test_set(self, cursor: DuckDBPyConnection, reason: str = "") -> Lock:
        """Let no row of the test split be edited, relabelled or removed, and none enter it. Raises AskedWrongly."""
        return locks.lock(cursor, self.who, storable(reason))

    @writes
    def unlock_test_set(self, cursor: DuckDBPyConnection, reason: str) -> Lock:
        """Let them be changed again; who and why is kept. Raises AskedWrongly without a reason."""
        return locks.unlock(cursor, self.who, storable(reason))

    @reads
    def test_locks(self, cursor: DuckDBPyConnection) -> list[Lock]:
        """Every locking and unlocking of the test set, oldest first."""
        return locks.history(cursor)

    @reads
    def all_versions(self, cursor: DuckDBPyConnection) -> list[Version]:
        """All versions, oldest first."""
        return versions.every(cursor)

    @reads
    def version(self, cursor: DuckDBPyConnection, name: str) -> Version:
        """The version of this name. Raises AskedWrongly."""
        return versions.named(cursor, name)

    @reads
    def newest_change(self, cursor: DuckDBPyConnection) -> int:
        """The number of the newest change of any row: what has the same number is the same."""
        return versions.upto(cursor)

    @reads
    def version_diff(self, cursor: DuckDBPyConnection, before: str, after: str = versions.NOW) -> VersionDiff:
        """What differs from one version to another; either may be ``now``. Raises AskedWrongly."""
        return versions.diff(cursor, before, after)

    @reads
    def version_ids(self, cursor: DuckDBPyConnection, name: str) -> ExampleIds:
        """The rows of a version, or of ``now``, by id. Raises AskedWrongly."""
        return past.ids_in(cursor, versions.state(cursor, name))

    @reads
    def version_examples(self, cursor: DuckDBPyConnection, name: str, ids: Sequence[int] | ExampleIds) -> list[Example]:
        """Those of the rows ``ids`` that a version has, whole and as they were, by id. Raises AskedWrongly."""
        return past.examples_in(cursor, versions.state(cursor, name), as_ids(ids))

    @reads
    def examples_as_of(
        self, cursor: DuckDBPyConnection, moment: datetime, ids: Sequence[int] | ExampleIds
    ) -> list[Example]:
        """Those of the rows ``ids`` that were there at a moment, whole and as they were then, by id."""
        return past.examples_in(cursor, past.state_at(cursor, moment), as_ids(ids))
