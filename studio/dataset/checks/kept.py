"""What the checks found, kept in the store, and the waivers that people gave.

Every change of a row, and its undo, gives the row a new number from one sequence (``examples.changed``); a result
keeps the newest number that it has seen. So rows changed since are counted, and found, without looking at a text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from studio.dataset.checks.check import Check, Finding, GroupCheck, RowCheck
from studio.dataset.checks.rows import Need
from studio.dataset.connection import as_ids
from studio.dataset.edits import new_batch
from studio.dataset.examples import Change, Counts, ExampleIds
from studio.errors import AskedWrongly

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_LITERAL = 1_000


@dataclass(frozen=True)
class Waiver:
    """Somebody looked at what a check found and lets it be. It speaks of the rows that were found then, no others."""

    reason: str
    who: str
    at: datetime
    example_ids: ExampleIds


@dataclass(frozen=True)
class Result:
    """A check and what it found when it ran last.

    ``finding`` is None where all was well. ``checked_at`` (UTC) is None where it never ran in this version, and
    ``lacking`` says what the store lacks for it to run. ``changed_rows`` were edited, added or removed since.
    ``count_before`` is what the run before found.
    """

    check: Check
    finding: Finding | None = None
    lacking: tuple[Need, ...] = ()
    checked_at: datetime | None = None
    count_before: int | None = None
    changed_rows: int = 0
    waiver: Waiver | None = None

    @property
    def count(self) -> int:
        """How many rows were found, each counted once."""
        return len(self.finding.rows) if self.finding else 0

    @property
    def unwaived(self) -> ExampleIds:
        """The rows found that no waiver speaks of."""
        found = self.finding.rows if self.finding else np.empty(0, dtype=np.int64)
        return np.setdiff1d(found, self.waiver.example_ids) if self.waiver else found

    @property
    def is_open(self) -> bool:
        """Whether something was found that is not waived."""
        return bool(self.finding) and (self.waiver is None or bool(len(self.unwaived)))


def among(result: Result, example_ids: ExampleIds) -> Result:
    """What of a result concerns these rows: of a group check the groups with one of them, with all of their rows.

    A finding that names no row concerns all.
    """
    finding = result.finding
    if finding is None or not len(finding.example_ids) or not isinstance(result.check, RowCheck | GroupCheck):
        return result
    if isinstance(result.check, RowCheck):
        return replace(result, finding=result.check.finding(np.intersect1d(finding.example_ids, example_ids)))
    groups = [group for group in finding.groups if np.isin(group, example_ids).any()]
    if not groups:
        return replace(result, finding=None)
    sizes = np.array(list(map(len, groups)), dtype=np.int32)
    return replace(result, finding=replace(finding, example_ids=np.concatenate(groups), group_sizes=sizes))


@dataclass(frozen=True)
class Kept:
    """A stored result, as it was computed; ``seen`` is the newest change of a row that it knows."""

    finding: Finding | None
    checked_at: datetime
    seen: int
    facts: str
    count: int
    count_before: int | None


def newest_change(cursor: DuckDBPyConnection) -> int:
    """The number of the newest change of any row; 0 where there is none."""
    ((number,),) = cursor.execute("SELECT coalesce(max(changed), 0) FROM examples").fetchall()
    return int(number)


def changed_since(cursor: DuckDBPyConnection, seen: int) -> ExampleIds:
    """The rows that were edited, labelled, added or removed since the change ``seen``, ascending."""
    found = cursor.execute(f"SELECT example_id FROM examples WHERE changed > {seen} ORDER BY example_id").fetchnumpy()
    return np.asarray(found["example_id"], dtype=np.int64)


def kept_results(cursor: DuckDBPyConnection, checks: Sequence[Check]) -> dict[str, Kept]:
    """The stored results of ``checks`` in their present version, by name."""
    versions = {check.name: check.version for check in checks}
    rows = cursor.execute(
        """SELECT check_name, version, is_found, sentence, example_ids, group_sizes, checked_at, seen, facts,
                  row_count, count_before FROM check_results"""
    ).fetchall()
    kept = {}
    for name, version, is_found, sentence, ids, sizes, at, seen, facts, count, before in rows:
        if versions.get(name) == version:
            vectors = np.array(ids, dtype=np.int64), np.array(sizes, dtype=np.int32)
            finding = Finding(name, vectors[0], sentence, vectors[1]) if is_found else None
            kept[name] = Kept(finding, at.replace(tzinfo=UTC), seen, facts, count, before)
    return kept


def keep(cursor: DuckDBPyConnection, check_name: str, version: int, kept: Kept) -> None:
    """Put a result in the place of the one before."""
    finding = kept.finding
    cursor.execute("DELETE FROM check_results WHERE check_name = $1", [check_name]).fetchall()
    ids = finding.example_ids if finding else np.empty(0, dtype=np.int64)
    sizes = finding.group_sizes if finding else np.empty(0, dtype=np.int32)
    cursor.execute(
        f"""INSERT INTO check_results BY NAME SELECT
               $1 AS check_name, $2 AS version, $3 AS is_found, $4 AS sentence, $5 AS checked_at, $6 AS seen,
               $7 AS facts, $8 AS row_count, $9 AS count_before,
               {_vector(cursor, "found_ids", ids)} AS example_ids,
               {_vector(cursor, "found_sizes", sizes)} AS group_sizes""",
        [
            *(check_name, version, finding is not None, finding.sentence if finding else ""),
            *(kept.checked_at.replace(tzinfo=None), kept.seen, kept.facts, kept.count, kept.count_before),
        ],
    ).fetchall()


def keep_as_it_is(cursor: DuckDBPyConnection, check_names: Sequence[str], seen: int) -> None:
    """The results of these checks still hold after the change ``seen``."""
    cursor.execute(
        "UPDATE check_results SET seen = $1, checked_at = $2 WHERE list_contains($3, check_name)",
        [seen, now().replace(tzinfo=None), list(check_names)],
    ).fetchall()


def _vector(cursor: DuckDBPyConnection, name: str, vector: ExampleIds | Counts) -> str:
    """A list in SQL; a long one is registered with ``cursor`` as ``name``."""
    if len(vector) <= _LITERAL:
        return f"[{', '.join(map(str, vector.tolist()))}]"
    cursor.register(name, {"position": np.arange(len(vector)), "value": vector})
    return f"(SELECT list(value ORDER BY position) FROM {name})"


def waivers(cursor: DuckDBPyConnection, checks: Sequence[Check]) -> dict[str, Waiver]:
    """The waivers that hold for ``checks`` in their present version, by name; one without a reason took it back."""
    versions = {check.name: check.version for check in checks}
    rows = cursor.execute(
        """SELECT check_name, version, reason, who, done_at, example_ids FROM waivers JOIN batches USING (batch_id)
           WHERE NOT is_undone ORDER BY batch_id"""
    ).fetchall()
    held: dict[str, Waiver] = {}
    for name, version, reason, who, at, ids in rows:
        if versions.get(name) == version:
            held.pop(name, None)
            if reason:
                held[name] = Waiver(reason, who, at.replace(tzinfo=UTC), np.array(ids, dtype=np.int64))
    return held


def waive(cursor: DuckDBPyConnection, who: str, check: Check, example_ids: ExampleIds, reason: str) -> Change:
    """One act: let what ``check`` found in these rows be, for a reason; without one an earlier waiver is taken back.

    Raises AskedWrongly where there is no waiver to take back.
    """
    if not reason and check.name not in waivers(cursor, [check]):
        raise AskedWrongly(f"{check.name} is not waived.", "studio check lists the waivers.")
    summary = f"waive {check.name}" if reason else f"no longer waive {check.name}"
    batch_id = new_batch(cursor, "waive", summary, who)
    cursor.execute(
        f"""INSERT INTO waivers BY NAME SELECT $1 AS batch_id, $2 AS check_name, $3 AS version, $4 AS reason,
               {_vector(cursor, "waived", as_ids(example_ids))} AS example_ids""",
        [batch_id, check.name, check.version, reason],
    ).fetchall()
    return Change(batch_id, summary, count=len(example_ids))


def now() -> datetime:
    return datetime.now(UTC)
