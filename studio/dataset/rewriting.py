"""Other texts for many rows, each its own: one act, one undo step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from studio.dataset.connection import as_ids
from studio.dataset.edits import new_batch, next_change, rehash
from studio.dataset.examples import Change
from studio.dataset.locks import refuse_locked
from studio.dataset.transfer import execute_with_rows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_COLUMNS = {"example_id": "BIGINT", "prompt": "VARCHAR", "completion": "VARCHAR"}
# The next revision never used of each rewritten row.
_REVISIONS = """(SELECT rewritten.example_id, coalesce(max(CAST(new AS INTEGER)), 1) + 1 AS next
    FROM rewritten LEFT JOIN edits ON edits.example_id = rewritten.example_id AND field = 'revision'
    GROUP BY rewritten.example_id)"""


@dataclass(frozen=True)
class Rewrite:
    """A row's texts as they are and as they shall be."""

    example_id: int
    prompt: str
    completion: str
    new_prompt: str
    new_completion: str


def rewrite(cursor: DuckDBPyConnection, who: str, summary: str, rewrites: Sequence[Rewrite]) -> Change:
    """Give every row its new texts, under revisions never used before. The texts must be such as can be learned."""
    if not rewrites:
        return Change(0, "nothing to change")
    refuse_locked(cursor, as_ids([one.example_id for one in rewrites]))
    batch_id, change = new_batch(cursor, "text", summary, who), next_change(cursor)
    cursor.execute("CREATE TEMP TABLE rewritten (example_id BIGINT, prompt VARCHAR, completion VARCHAR)").fetchall()
    rows = (
        {"example_id": one.example_id, "prompt": one.new_prompt, "completion": one.new_completion} for one in rewrites
    )
    execute_with_rows(cursor, "INSERT INTO rewritten SELECT unnest(row) FROM {rows}", _COLUMNS, rows)
    for field in ("prompt", "completion"):
        cursor.execute(
            f"""INSERT INTO edits (edit_id, batch_id, example_id, field, old, new)
                SELECT nextval('edit_ids'), $1, example_id, '{field}', examples.{field}, rewritten.{field}
                FROM examples JOIN rewritten USING (example_id) WHERE examples.{field} <> rewritten.{field}""",
            [batch_id],
        ).fetchall()
    cursor.execute(
        f"""INSERT INTO edits (edit_id, batch_id, example_id, field, old, new)
            SELECT nextval('edit_ids'), $1, example_id, 'revision', CAST(revision AS VARCHAR), CAST(next AS VARCHAR)
            FROM examples JOIN {_REVISIONS} USING (example_id)""",
        [batch_id],
    ).fetchall()
    cursor.execute(
        """UPDATE examples SET prompt = rewritten.prompt, completion = rewritten.completion, changed = $1,
               revision = CAST(edits.new AS INTEGER)
           FROM rewritten JOIN edits ON edits.example_id = rewritten.example_id
           WHERE rewritten.example_id = examples.example_id AND edits.batch_id = $2 AND edits.field = 'revision'""",
        [change, batch_id],
    ).fetchall()
    cursor.execute("DROP TABLE rewritten").fetchall()
    ids = np.sort(np.array([one.example_id for one in rewrites], dtype=np.int64))
    rehash(cursor, ids)
    return Change(batch_id, summary, ids, len(ids))
