"""Taking acts back and doing them again, each person their own; what another has changed since stays as it is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from studio.dataset.connection import as_ids, id_condition
from studio.dataset.edits import CURRENT, TYPES, next_change, rehash
from studio.dataset.examples import Change, ExampleIds
from studio.dataset.locks import LOCKED, UNGUARDED, refuse_locked

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# A text and its revision change together: a revision names one text of an example for ever.
_TEXT = ("prompt", "completion", "context", "revision")


def undo(cursor: DuckDBPyConnection, who: str) -> Change | None:
    """Take the newest batch of ``who`` back that is not undone; what others have changed since stays as it is."""
    return _stepped(cursor, who, f"batch_id = {CURRENT}", to_undone=True)


def redo(cursor: DuckDBPyConnection, who: str) -> Change | None:
    """Do the batch again that ``who`` took back last; what others have changed since stays as it is."""
    newest = f"(SELECT max(batch_id) FROM batches WHERE who = $1 AND follows = {CURRENT})"
    return _stepped(cursor, who, f"is_undone AND batch_id = {newest}", to_undone=False)


def _stepped(cursor: DuckDBPyConnection, who: str, which: str, *, to_undone: bool) -> Change | None:
    row = cursor.execute(f"SELECT batch_id, kind, summary FROM batches WHERE {which}", [who]).fetchone()
    if row is None:
        return None
    batch_id, kind, summary = row
    cursor.execute("UPDATE batches SET is_undone = $1 WHERE batch_id = $2", [to_undone, batch_id]).fetchall()
    stepped_at = [batch_id, to_undone, datetime.now(UTC).replace(tzinfo=None)]
    cursor.execute(
        "INSERT INTO undo_steps (batch_id, is_undone, stepped_at) VALUES ($1, $2, $3)", stepped_at
    ).fetchall()
    _refuse_locked_step(cursor, batch_id)
    if kind == "import":
        ids = _ids(cursor, "SELECT example_id FROM examples WHERE import_batch_id = $1", batch_id)
        kept = _taken_up(cursor, batch_id)
        condition = id_condition(cursor, np.setdiff1d(ids, kept))
        cursor.execute(
            f"UPDATE examples SET is_removed = $1, changed = $2 WHERE {condition}", [to_undone, next_change(cursor)]
        ).fetchall()
    else:
        ids = _ids(cursor, "SELECT DISTINCT example_id FROM edits WHERE batch_id = $1", batch_id)
        kept = _restore(cursor, batch_id, ids, to_undone=to_undone)
    stepped = np.setdiff1d(ids, kept)
    return Change(batch_id, summary, stepped, len(stepped), len(kept), _others_since(cursor, batch_id, kept))


def _refuse_locked_step(cursor: DuckDBPyConnection, batch_id: int) -> None:
    """Raise StudioError where the batch brought, or changed more than the mark of, a row of the locked test set."""
    fields = ", ".join(f"'{field}'" for field in UNGUARDED)
    ids = _ids(
        cursor,
        f"""SELECT example_id FROM (
                SELECT example_id FROM edits WHERE batch_id = $1 AND field NOT IN ({fields})
                UNION SELECT example_id FROM examples WHERE import_batch_id = $1) WHERE {LOCKED}""",
        batch_id,
    )
    refuse_locked(cursor, ids)


def _taken_up(cursor: DuckDBPyConnection, batch_id: int) -> ExampleIds:
    """Rows of an import that another person has done something to since, which is not undone."""
    return _ids(
        cursor,
        """SELECT DISTINCT example_id FROM edits JOIN batches USING (batch_id)
           WHERE NOT is_undone AND who <> (SELECT who FROM batches WHERE batch_id = $1)
           AND example_id IN (SELECT example_id FROM examples WHERE import_batch_id = $1)""",
        batch_id,
    )


def _restore(cursor: DuckDBPyConnection, batch_id: int, ids: ExampleIds, *, to_undone: bool) -> ExampleIds:
    """Give the rows ``ids`` what they have now that the batch is undone, or is not; those that another has changed
    since, which keep what they have.
    """
    found = cursor.execute("SELECT DISTINCT field FROM edits WHERE batch_id = $1", [batch_id]).fetchall()
    fields = {field for (field,) in found}
    kept = [_restore_text(cursor, batch_id, ids, to_undone=to_undone)] if fields & set(_TEXT) else []
    for field in sorted(fields - set(_TEXT)):
        _restore_field(cursor, field, ids)
        kept.append(
            _ids(
                cursor,
                f"""SELECT DISTINCT example_id FROM edits AS own JOIN edits AS later USING (example_id, field)
                    JOIN batches ON batches.batch_id = later.batch_id
                    WHERE own.batch_id = $1 AND field = '{field}' AND later.edit_id > own.edit_id AND NOT is_undone""",
                batch_id,
            )
        )
    return np.unique(np.concatenate(kept)) if kept else as_ids([])


def _restore_field(cursor: DuckDBPyConnection, field: str, ids: ExampleIds) -> None:
    """What was written last by a batch that is not undone; without one, what was there before the first."""
    type_ = TYPES[field]
    cursor.execute(
        f"""UPDATE examples SET {field} = CAST(found.value AS {type_}), changed = $2 FROM (
                SELECT example_id,
                       coalesce(arg_max(new, edit_id) FILTER (NOT is_undone), arg_min(old, edit_id)) AS value
                FROM edits JOIN batches USING (batch_id)
                WHERE field = $1 AND {id_condition(cursor, ids)} GROUP BY example_id) AS found
            WHERE found.example_id = examples.example_id""",
        [field, next_change(cursor)],
    ).fetchall()


def _restore_text(cursor: DuckDBPyConnection, batch_id: int, ids: ExampleIds, *, to_undone: bool) -> ExampleIds:
    """Step the texts of the rows that are as the batch left them (or found them) back (or on); the other rows.

    Where the text that a row comes back to was taken back itself meanwhile, by another, it steps back further.
    """
    kept = _step_text(cursor, [batch_id], ids, "new" if to_undone else "old")
    stepped = np.setdiff1d(ids, kept)
    while to_undone and (undone := _undone_texts(cursor, stepped)):
        _step_text(cursor, undone, stepped, "new")
    rehash(cursor, stepped)
    return kept


def _step_text(cursor: DuckDBPyConnection, batch_ids: list[int], ids: ExampleIds, side: str) -> ExampleIds:
    """From one ``side`` of these batches' edits to the other, in rows whose revision is on it; the rest of ``ids``."""
    other = "old" if side == "new" else "new"
    batches = ", ".join(map(str, batch_ids))
    here = f"""SELECT edits.example_id, edits.batch_id FROM edits JOIN examples USING (example_id)
        WHERE field = 'revision' AND batch_id IN ({batches}) AND CAST({side} AS INTEGER) = revision
        AND {id_condition(cursor, ids, "edits.example_id")}"""
    pairs = cursor.execute(here).fetchnumpy()
    stepped = np.unique(np.asarray(pairs["example_id"], dtype=np.int64))
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE stepping AS {here}").fetchall()
    for field in _TEXT:
        cursor.execute(
            f"""UPDATE examples SET {field} = CAST(edits.{other} AS {TYPES[field]}), changed = $2 FROM edits
                JOIN stepping USING (example_id, batch_id)
                WHERE edits.field = $1 AND edits.example_id = examples.example_id""",
            [field, next_change(cursor)],
        ).fetchall()
    cursor.execute("DROP TABLE stepping").fetchall()
    return np.setdiff1d(ids, stepped)


def _undone_texts(cursor: DuckDBPyConnection, ids: ExampleIds) -> list[int]:
    """The batches, all undone, whose texts these rows have now."""
    rows = cursor.execute(
        f"""SELECT DISTINCT batch_id FROM edits JOIN batches USING (batch_id) JOIN examples USING (example_id)
            WHERE field = 'revision' AND is_undone AND CAST(new AS INTEGER) = revision
            AND {id_condition(cursor, ids, "examples.example_id")}"""
    ).fetchall()
    return [batch_id for (batch_id,) in rows]


def _others_since(cursor: DuckDBPyConnection, batch_id: int, ids: ExampleIds) -> str:
    """Who has changed these rows since the batch, for people."""
    if not len(ids):
        return ""
    names = cursor.execute(
        f"""SELECT DISTINCT who FROM edits JOIN batches USING (batch_id) WHERE NOT is_undone AND batch_id > $1
            AND who <> (SELECT who FROM batches WHERE batch_id = $1) AND {id_condition(cursor, ids)} ORDER BY who""",
        [batch_id],
    ).fetchall()
    return ", ".join(who for (who,) in names) or "somebody"


def _ids(cursor: DuckDBPyConnection, query: str, batch_id: int) -> ExampleIds:
    found = cursor.execute(f"{query} ORDER BY example_id", [batch_id]).fetchnumpy()
    return np.asarray(found["example_id"], dtype=np.int64)
