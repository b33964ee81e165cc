"""The locked test set: while it is locked its rows stay what they are, so that every comparison is on the same ones.

Locking and unlocking are written down, with who and why, and are no undo steps. Whatever would change a locked row is
refused as a whole; marks and notes may be changed, no run reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from studio.dataset.connection import id_condition
from studio.dataset.examples import ExampleIds
from studio.dataset.versions import content_of
from studio.errors import AskedWrongly, StudioError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LOCKED = "example_id IN (SELECT example_id FROM locked_rows)"
UNGUARDED = ("is_marked", "note")
_COLUMNS = "is_locked, who, reason, changed_at, row_count, content_hash"


@dataclass(frozen=True)
class Lock:
    """The test set was locked or unlocked: ``row_count`` rows with that content. ``changed_at`` is in UTC."""

    is_locked: bool
    who: str
    reason: str
    changed_at: datetime
    row_count: int
    content_hash: str


def lock(cursor: DuckDBPyConnection, who: str, reason: str) -> Lock:
    """Lock the rows of the test split. Raises AskedWrongly where there are none, or they are locked."""
    if is_locked(cursor):
        raise AskedWrongly("The test set is locked already.", "studio lock --json says since when.")
    count, content_hash = content_of(cursor, "split = 'test'")
    if not count:
        raise AskedWrongly("No row is in the test split, so there is nothing to lock.", "studio split assigns splits.")
    cursor.execute(
        "INSERT INTO locked_rows SELECT example_id FROM examples WHERE split = 'test' AND NOT is_removed"
    ).fetchall()
    return _written(cursor, Lock(True, who, reason, datetime.now(UTC), count, content_hash))


def unlock(cursor: DuckDBPyConnection, who: str, reason: str) -> Lock:
    """Unlock them, which every later comparison shows. Raises AskedWrongly without a reason, or where nothing is."""
    if not reason.strip():
        raise AskedWrongly("The test set stays locked: no reason was given.", "--reason says why; comparisons show it.")
    if not is_locked(cursor):
        raise AskedWrongly("The test set is not locked.", "studio lock locks it.")
    count, content_hash = content_of(cursor, LOCKED)
    cursor.execute("DELETE FROM locked_rows").fetchall()
    return _written(cursor, Lock(False, who, reason.strip(), datetime.now(UTC), count, content_hash))


def history(cursor: DuckDBPyConnection) -> list[Lock]:
    """Every locking and unlocking, oldest first; the last one says how it stands."""
    rows = cursor.execute(f"SELECT {_COLUMNS} FROM test_locks ORDER BY lock_id").fetchall()
    return [
        Lock(is_on, who, reason, changed_at.replace(tzinfo=UTC), count, content_hash)
        for is_on, who, reason, changed_at, count, content_hash in rows
    ]


def is_locked(cursor: DuckDBPyConnection) -> bool:
    """Whether the test set is locked now."""
    ((answer,),) = cursor.execute("SELECT EXISTS (SELECT 1 FROM locked_rows)").fetchall()
    return bool(answer)


def refuse_locked(cursor: DuckDBPyConnection, ids: ExampleIds) -> None:
    """Raise StudioError where one of the rows ``ids`` is locked."""
    if not is_locked(cursor):
        return
    rows = cursor.execute(
        f"""SELECT count(*), min(example_id) FROM locked_rows WHERE {id_condition(cursor, ids, name="asked_ids")}"""
    ).fetchall()
    ((count, first),) = rows
    if count:
        which = f"example {first} is" if count == 1 else f"{count:,} of the rows are, as example {first},"
        raise StudioError(
            f"The test set is locked, and {which} in it. Nothing was changed.",
            "Leave test rows out, or: studio unlock --reason WHY",
        )


def refuse_new_test_rows(cursor: DuckDBPyConnection, splits: list[str]) -> None:
    """Raise StudioError where new rows would come into a locked test set."""
    count = splits.count("test")
    if count and is_locked(cursor):
        raise StudioError(
            f"The test set is locked, and {count:,} new {'row says' if count == 1 else 'rows say'} split=test. "
            "Nothing was imported.",
            "Take the split out of the file, or: studio unlock --reason WHY",
        )


def _written(cursor: DuckDBPyConnection, made: Lock) -> Lock:
    values = [made.is_locked, made.who, made.reason, made.changed_at.replace(tzinfo=None)]
    cursor.execute(
        f"""INSERT INTO test_locks (lock_id, {_COLUMNS})
            SELECT (SELECT coalesce(max(lock_id), 0) + 1 FROM test_locks), $1, $2, $3, $4, $5, $6""",
        [*values, made.row_count, made.content_hash],
    ).fetchall()
    return made
