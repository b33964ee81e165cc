"""Importing: which candidates are new, and writing those in one transaction, as one batch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from studio.dataset.candidates import Candidate
from studio.dataset.edits import new_batch
from studio.dataset.examples import Added, ExampleIds
from studio.dataset.texts import pair_hash, prompt_hash
from studio.dataset.transfer import execute_with_rows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_COLUMNS = {
    **dict.fromkeys(("prompt", "completion", "system", "task", "label", "split", "source"), "VARCHAR"),
    **dict.fromkeys(("example_id", "source_line"), "BIGINT"),
    **dict.fromkeys(("prompt_hash", "pair_hash"), "UUID"),
}


def hashes_of(candidates: Sequence[Candidate]) -> list[str]:
    """How each candidate is known to the store: its pair hash, in the order given."""
    return [pair_hash(one.prompt, one.completion, one.system, one.task) for one in candidates]


def new_positions(cursor: DuckDBPyConnection, hashes: list[str]) -> ExampleIds:
    """Positions in ``hashes`` of those not in the store, the first of each, in order.

    A row is known by the text it was imported with as well as by the text it has now, so importing a file again does
    not bring back what was corrected; rows in the trash are known too, rows of an undone import are not.
    """
    found = cursor.execute(
        """WITH parsed AS (SELECT from_json(CAST($1 AS JSON), '["UUID"]') AS hashes),
                staged AS (SELECT unnest(hashes) AS hash, generate_subscripts(hashes, 1) - 1 AS position FROM parsed),
                known AS (SELECT pair_hash, import_hash FROM examples
                          JOIN batches ON batch_id = import_batch_id WHERE NOT is_undone)
           SELECT min(position) AS position FROM staged
           WHERE hash NOT IN (SELECT pair_hash FROM known) AND hash NOT IN (SELECT import_hash FROM known)
           GROUP BY hash ORDER BY position""",
        [json.dumps(hashes)],
    )
    return np.asarray(found.fetchnumpy()["position"], dtype=np.int64)


def add(cursor: DuckDBPyConnection, who: str, candidates: Sequence[Candidate], hashes: list[str], source: str) -> Added:
    """Store the candidates whose ``hashes`` are new, as one batch. ``source`` names the import and rows without one."""
    positions = new_positions(cursor, hashes)
    duplicates = len(candidates) - len(positions)
    if not len(positions):
        return Added(0, 0, duplicates)
    noun = "example" if len(positions) == 1 else "examples"
    summary = f"import {len(positions):,} {noun}" + (f" from {source}" if source else "")
    batch_id = new_batch(cursor, "import", summary, who)
    (first_id,) = cursor.execute("SELECT coalesce(max(example_id), 0) + 1 FROM examples").fetchall()[0]
    rows = (
        _stored(candidates[position], id_, hashes[position], source)
        for id_, position in enumerate(positions.tolist(), start=first_id)
    )
    statement = f"""INSERT INTO examples BY NAME
        SELECT unnest(row), row.pair_hash AS import_hash, {batch_id} AS import_batch_id, 1 AS revision,
               false AS is_marked, '' AS note, false AS is_removed
        FROM {{rows}}"""
    execute_with_rows(cursor, statement, _COLUMNS, rows)
    return Added(batch_id, len(positions), duplicates)


def _stored(one: Candidate, example_id: int, hash_: str, source: str) -> dict[str, str | int]:
    """A value for each of ``_COLUMNS``."""
    return {
        "example_id": example_id,
        "prompt": one.prompt,
        "completion": one.completion,
        "system": one.system,
        "task": one.task,
        "label": one.label,
        "split": one.split,
        "source": one.source or source,
        "source_line": one.line,
        "prompt_hash": prompt_hash(one.prompt),
        "pair_hash": hash_,
    }
