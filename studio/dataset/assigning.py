"""Giving rows their split: by their prompt, by the rows nearly like them, or by the document or person they came from.

What belongs together has one key, and the key's hash decides (splits.py), so adding rows moves no old key. Of nearly
equal rows the key is the prompt of the first one; rows whose numbers differ ask something else, as in checks/near.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from studio.dataset.connection import hex_of, id_condition
from studio.dataset.edits import Assignment, applied, examples_in_words
from studio.dataset.examples import Change, ExampleIds
from studio.dataset.labels import SPLITS
from studio.dataset.locks import LOCKED, is_locked
from studio.dataset.splits import check_shares, split_sql
from studio.errors import AskedWrongly

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

PROMPT, NEAR, SOURCE = "prompt", "near", "source"
BY = (PROMPT, NEAR, SOURCE)
_PROMPT = hex_of("prompt_hash")
_NEAR = f"""(SELECT example_id, first_value({_PROMPT}) OVER (
        PARTITION BY cluster, regexp_replace(prompt, '[^0-9]+', ' ', 'g') ORDER BY example_id) AS near_key
    FROM examples JOIN near_rows USING (example_id) WHERE NOT is_removed)"""

Splits = NDArray[np.str_]


def assign_splits(
    cursor: DuckDBPyConnection,
    who: str,
    test: float,
    validation: float,
    seed: int,
    keep_assigned: bool,
    by: str,
) -> Change:
    """One act: give rows their split, all of them or, with ``keep_assigned``, those without one.

    ``by`` is one of ``BY``, or a column that the rows were made of. Raises AskedWrongly for senseless shares and for a
    column that no row has.
    """
    check_shares(test, validation)
    has_lock = is_locked(cursor)
    wanted = "split = 'none'" if keep_assigned else "true"
    if has_lock:
        wanted += f" AND NOT {LOCKED}"
    parameters = [float(test), float(validation), seed]
    drawn = split_sql("key", 1, 2, 3)
    if keep_assigned:  # where a key is on two sides already, the row follows to the side that is never trained on
        drawn = f"coalesce(kept.split, {drawn})"
    columns = cursor.execute(
        f"""WITH keyed AS ({_keyed(cursor, by)}),
                 kept AS (SELECT key, arg_max(split, list_position({list(SPLITS)}, split)) AS split
                          FROM keyed WHERE split <> 'none' GROUP BY key)
            SELECT example_id, {drawn} AS drawn FROM keyed LEFT JOIN kept USING (key)
            WHERE {wanted.replace("split", "keyed.split")}""",
        parameters,
    ).fetchnumpy()
    ids = np.asarray(columns["example_id"], dtype=np.int64)
    splits = np.asarray(columns["drawn"]).astype("U10")
    if has_lock:
        splits = _beside_the_lock(cursor, ids, splits)
    assignments = [Assignment("split", str(name), ids[splits == name]) for name in np.unique(splits)]
    return applied(cursor, who, "split", lambda count: f"assign splits to {examples_in_words(count)}", assignments)


def _keyed(cursor: DuckDBPyConnection, by: str) -> str:
    """A query for example_id, split and key of every row that is there."""
    if by == PROMPT:
        return f"SELECT example_id, split, {_PROMPT} AS key FROM examples WHERE NOT is_removed"
    if by == NEAR:
        return f"""SELECT example_id, split, coalesce(near_key, {_PROMPT}) AS key
            FROM examples LEFT JOIN {_NEAR} USING (example_id) WHERE NOT is_removed"""
    value = "nullif(source, '')" if by == SOURCE else _column(cursor, by)
    return f"""SELECT example_id, split, coalesce({value}, {_PROMPT}) AS key FROM examples WHERE NOT is_removed"""


def _column(cursor: DuckDBPyConnection, name: str) -> str:
    """An expression for a column that rows were made of by a template. Raises AskedWrongly where no row has it."""
    pointer = "/" + name.replace("~", "~0").replace("/", "~1").replace("'", "''")
    value = f"CASE WHEN raw <> '' THEN json_extract_string(raw, '{pointer}') END"
    ((has_some,),) = cursor.execute(
        f"SELECT count({value}) > 0 FROM examples WHERE NOT is_removed AND raw <> ''"
    ).fetchall()
    if not has_some:
        raise AskedWrongly(
            f"--by {name[:60]}: no row was made of such a column.",
            f"{', '.join(BY)}, or a column of the file that a template made the rows of.",
        )
    return value


def _beside_the_lock(cursor: DuckDBPyConnection, ids: ExampleIds, splits: Splits) -> Splits:
    """Nothing enters a locked test set: what is drawn to it is trained on, and a prompt that it has is in no split."""
    found = cursor.execute(
        f"""SELECT example_id FROM examples WHERE {id_condition(cursor, ids)} AND prompt_hash IN (
                SELECT prompt_hash FROM examples WHERE {LOCKED})"""
    ).fetchnumpy()
    is_in_it = np.isin(ids, np.asarray(found["example_id"], dtype=np.int64))
    return np.where(is_in_it, "none", np.where(splits == "test", "train", splits))
