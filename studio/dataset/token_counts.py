"""The cache of token counts, keyed by an example's revision and the fingerprint of tokenizer and template."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from studio.dataset.connection import id_condition
from studio.dataset.examples import Counts, ExampleIds

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# (example_id, revision, prompt, completion, system, context)
Uncounted = tuple[int, int, str, str, str, str]

_UNCOUNTED = """FROM examples WHERE NOT is_removed AND NOT EXISTS (
    SELECT 1 FROM token_counts WHERE fingerprint = $1 AND shot_tokens IS NOT NULL
    AND token_counts.example_id = examples.example_id AND token_counts.revision = examples.revision)"""


def counts(cursor: DuckDBPyConnection, fingerprint: str) -> tuple[ExampleIds, Counts, Counts]:
    """(ids, prompt_tokens, completion_tokens) of the rows whose present text was counted, by id."""
    columns = cursor.execute(
        """SELECT example_id, prompt_tokens, completion_tokens
           FROM examples JOIN token_counts USING (example_id, revision)
           WHERE fingerprint = $1 AND NOT is_removed ORDER BY example_id""",
        [fingerprint],
    ).fetchnumpy()
    return (
        np.asarray(columns["example_id"], dtype=np.int64),
        np.asarray(columns["prompt_tokens"], dtype=np.int32),
        np.asarray(columns["completion_tokens"], dtype=np.int32),
    )


def shot_tokens(cursor: DuckDBPyConnection, fingerprint: str) -> Counts:
    column = cursor.execute(
        """SELECT shot_tokens FROM examples JOIN token_counts USING (example_id, revision)
           WHERE fingerprint = $1 AND NOT is_removed AND shot_tokens IS NOT NULL ORDER BY example_id""",
        [fingerprint],
    ).fetchnumpy()["shot_tokens"]
    return np.asarray(column, dtype=np.int32)


def of_rows(cursor: DuckDBPyConnection, fingerprint: str, condition: str) -> dict[tuple[int, int], tuple[int, int]]:
    """(example_id, revision) → tokens of prompt and completion, of the rows for which ``condition`` holds."""
    rows = cursor.execute(
        f"""SELECT example_id, revision, prompt_tokens, completion_tokens
            FROM token_counts WHERE fingerprint = $1 AND {condition}""",
        [fingerprint],
    ).fetchall()
    return {(example_id, revision): (prompt, completion) for example_id, revision, prompt, completion in rows}


def uncounted_total(cursor: DuckDBPyConnection, fingerprint: str) -> int:
    """How many rows have no count of their present text."""
    row = cursor.execute(f"SELECT count(*) {_UNCOUNTED}", [fingerprint]).fetchone()
    return int(row[0]) if row else 0


def uncounted_ids(cursor: DuckDBPyConnection, fingerprint: str) -> ExampleIds:
    """Which rows have no count of their present text, ascending."""
    found = cursor.execute(f"SELECT example_id {_UNCOUNTED} ORDER BY example_id", [fingerprint])
    return np.asarray(found.fetchnumpy()["example_id"], dtype=np.int64)


def texts(cursor: DuckDBPyConnection, ids: ExampleIds) -> list[Uncounted]:
    """What is to count of the rows ``ids``, by id."""
    rows: list[Uncounted] = cursor.execute(
        f"""SELECT example_id, revision, prompt, completion, system, context FROM examples
            WHERE NOT is_removed AND {id_condition(cursor, ids)} ORDER BY example_id"""
    ).fetchall()
    return rows


def save(
    cursor: DuckDBPyConnection,
    fingerprint: str,
    ids: ExampleIds,
    revisions: Counts,
    prompt: Counts,
    completion: Counts,
    shot: Counts,
) -> None:
    """Keep counts of rows at these revisions; the five vectors go together. What is counted already stays as it is."""
    columns = {
        "example_id": ids,
        "revision": revisions,
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "shot_tokens": shot,
    }
    cursor.register("counted", columns)
    cursor.execute(
        """DELETE FROM token_counts WHERE fingerprint = $1 AND shot_tokens IS NULL
           AND (example_id, revision) IN (SELECT (example_id, revision) FROM counted)""",
        [fingerprint],
    )
    cursor.execute(
        """INSERT INTO token_counts
               (fingerprint, example_id, revision, prompt_tokens, completion_tokens, shot_tokens)
           SELECT $1, example_id, revision, prompt_tokens, completion_tokens, shot_tokens FROM counted
           WHERE NOT EXISTS (SELECT 1 FROM token_counts WHERE fingerprint = $1
           AND token_counts.example_id = counted.example_id AND token_counts.revision = counted.revision)""",
        [fingerprint],
    )


def newest(cursor: DuckDBPyConnection) -> str:
    """The fingerprint counted with last, or nothing."""
    row = cursor.execute("SELECT fingerprint FROM fingerprints ORDER BY used_at DESC LIMIT 1").fetchone()
    return str(row[0]) if row else ""


def make_newest(cursor: DuckDBPyConnection, fingerprint: str) -> None:
    """From now on ``total_tokens`` in filters and sorts is counted with this fingerprint."""
    cursor.execute("DELETE FROM fingerprints WHERE fingerprint = $1", [fingerprint])
    at = datetime.now(UTC).replace(tzinfo=None)
    cursor.execute("INSERT INTO fingerprints (fingerprint, used_at) VALUES ($1, $2)", [fingerprint, at])
