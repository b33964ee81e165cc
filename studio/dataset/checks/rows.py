"""What a check sees of the store: the rows a run would learn from, by SQL, in one read-only transaction.

A check that one pass of SQL can answer asks ``ids`` or ``query``; one that must look at texts in Python narrows them
down by SQL first and goes through them with ``stream``, in bounded memory.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from studio.dataset.connection import id_condition
from studio.dataset.examples import ExampleIds

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# Rejecting or skipping a row is how a person answers a finding: it is left out then.
_IS_CHECKED = "NOT is_removed AND label NOT IN ('reject', 'skip')"
_CHUNK = 2_000
_FEW = 100
_NAMES = itertools.count()


class Need(StrEnum):
    """What the store must know before a check can run."""

    TOKENS = "tokens"  # every row's tokens are counted
    SPLITS = "splits"  # every row has a split
    LOSSES = "losses"  # a run's losses of some rows are kept
    CLUSTERS = "clusters"  # every row's prompt was compared with those that may be near


@dataclass(frozen=True)
class Around:
    """What checks know beside the rows: the tokens that a row may have, 0 where nobody has said."""

    max_length: int = 0


NOTHING_KNOWN = Around()


class Rows:
    """The rows to check. ``table`` is what stands behind FROM: the columns of ``examples``.

    ``stop_if_cancelled`` is called now and then, and raises to stop.
    """

    def __init__(
        self,
        cursor: DuckDBPyConnection,
        stop_if_cancelled: Callable[[], None],
        around: Around = NOTHING_KNOWN,
        condition: str = _IS_CHECKED,
        *,
        are_few: bool = False,
    ) -> None:
        self._cursor = cursor
        self._stop_if_cancelled = stop_if_cancelled
        self._condition = condition
        self.around, self.are_few = around, are_few
        self.table = f"(SELECT * FROM examples WHERE {condition})"

    def only(self, among: ExampleIds) -> Rows:
        """Those of the rows that are ``among`` these."""
        name = f"among_{next(_NAMES)}"  # of its own: conditions may stand in one another
        condition = f"{self._condition} AND {id_condition(self._cursor, among, name=name)}"
        return Rows(self._cursor, self._stop_if_cancelled, self.around, condition, are_few=len(among) <= _FEW)

    def between(self, first: int, last: int) -> Rows:
        """Those whose ids lie between these two, both included."""
        condition = f"{self._condition} AND example_id BETWEEN {first} AND {last}"
        return Rows(self._cursor, self._stop_if_cancelled, self.around, condition)

    def total(self) -> int:
        """How many rows there are."""
        ((count,),) = self.query(f"SELECT count(*) FROM {self.table}")
        return int(count)

    def ids(self, condition: str) -> ExampleIds:
        """The rows for which an SQL condition holds, ascending."""
        return self.ids_of(f"SELECT example_id FROM {self.table} WHERE {condition} ORDER BY example_id")

    def ids_of(self, statement: str) -> ExampleIds:
        """The column ``example_id`` of what a SELECT gives."""
        self._stop_if_cancelled()
        return np.asarray(self._cursor.execute(statement).fetchnumpy()["example_id"], dtype=np.int64)

    def query(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All that a SELECT over ``table`` gives. For counts and groups, not for the texts of many rows."""
        self._stop_if_cancelled()
        return self._cursor.execute(statement, list(parameters)).fetchall()

    def columns(self, statement: str) -> dict[str, Any]:
        """What a SELECT over ``table`` gives, a vector a column."""
        self._stop_if_cancelled()
        return dict(self._cursor.execute(statement).fetchnumpy())

    def stream(self, statement: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """What a SELECT over ``table`` gives, row by row. Ask nothing else before it is at its end."""
        self._stop_if_cancelled()
        found = self._cursor.execute(statement, list(parameters))
        while chunk := found.fetchmany(_CHUNK):
            self._stop_if_cancelled()
            yield from chunk

    def lacks(self, need: Need) -> bool:
        """Whether the store does not know what ``need`` says, of at least one row."""
        lacking = {
            Need.TOKENS: f"""EXISTS (SELECT 1 FROM {self.table} AS rows WHERE NOT EXISTS (
                SELECT 1 FROM token_counts
                WHERE token_counts.example_id = rows.example_id AND token_counts.revision = rows.revision
                AND fingerprint = (SELECT fingerprint FROM fingerprints ORDER BY used_at DESC LIMIT 1)))""",
            Need.SPLITS: f"EXISTS (SELECT 1 FROM {self.table} WHERE split = 'none')",
            Need.LOSSES: "NOT EXISTS (SELECT 1 FROM row_losses)",
            Need.CLUSTERS: f"""EXISTS (SELECT 1 FROM {self.table} AS rows WHERE NOT EXISTS (
                SELECT 1 FROM near_rows WHERE near_rows.example_id = rows.example_id
                AND near_rows.revision = rows.revision AND is_placed))""",
        }[need]
        ((is_lacking,),) = self.query(f"SELECT {lacking}")
        return bool(is_lacking)
