"""What a check sees of the store: the rows a run would learn from, by SQL, in one read-only transaction.

A check that one pass of SQL can answer asks ``ids`` or ``query``; one that must look at texts in Python narrows them
down by SQL first and goes through them with ``stream``, in bounded memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from studio.dataset.examples import ExampleIds

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# The table to write behind FROM. Rejecting or skipping a row is how a person answers a finding: it is left out then.
ROWS = "(SELECT * FROM examples WHERE NOT is_removed AND label NOT IN ('reject', 'skip'))"
_CHUNK = 2_000


class Need(StrEnum):
    """What the store must know before a check can run."""

    TOKENS = "tokens"  # every row's tokens are counted
    SPLITS = "splits"  # every row has a split


class Rows:
    """The rows to check. ``stop_if_cancelled`` is called now and then, and raises to stop."""

    def __init__(self, cursor: DuckDBPyConnection, stop_if_cancelled: Callable[[], None]) -> None:
        self._cursor = cursor
        self._stop_if_cancelled = stop_if_cancelled

    def total(self) -> int:
        """How many rows there are."""
        ((count,),) = self.query(f"SELECT count(*) FROM {ROWS}")
        return int(count)

    def ids(self, condition: str) -> ExampleIds:
        """The rows for which an SQL condition holds, ascending."""
        self._stop_if_cancelled()
        found = self._cursor.execute(f"SELECT example_id FROM {ROWS} WHERE {condition} ORDER BY example_id")
        return np.asarray(found.fetchnumpy()["example_id"], dtype=np.int64)

    def query(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All that a SELECT over ``ROWS`` gives. For counts and groups, not for the texts of many rows."""
        self._stop_if_cancelled()
        return self._cursor.execute(statement, list(parameters)).fetchall()

    def stream(self, statement: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """What a SELECT over ``ROWS`` gives, row by row. Ask nothing else before it is at its end."""
        self._stop_if_cancelled()
        found = self._cursor.execute(statement, list(parameters))
        while chunk := found.fetchmany(_CHUNK):
            self._stop_if_cancelled()
            yield from chunk

    def lacks(self, need: Need) -> bool:
        """Whether the store does not know what ``need`` says, of at least one row."""
        condition = {
            Need.TOKENS: """NOT EXISTS (SELECT 1 FROM token_counts
                WHERE token_counts.example_id = rows.example_id AND token_counts.revision = rows.revision
                AND fingerprint = (SELECT fingerprint FROM fingerprints ORDER BY used_at DESC LIMIT 1))""",
            Need.SPLITS: "split = 'none'",
        }[need]
        ((is_lacking,),) = self.query(f"SELECT count(*) > 0 FROM {ROWS} AS rows WHERE {condition}")
        return bool(is_lacking)
