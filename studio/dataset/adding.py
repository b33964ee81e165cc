"""Importing: which candidates are new, and writing those in one transaction, as one batch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from studio.dataset.candidates import Candidate
from studio.dataset.edits import new_batch, next_change
from studio.dataset.examples import Added, ExampleIds
from studio.dataset.locks import refuse_new_test_rows
from studio.dataset.texts import pair_hash, prompt_hash
from studio.dataset.transfer import execute_with_rows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_COLUMNS = {
    **dict.fromkeys(("prompt", "completion", "system", "context", "rejected", "template", "raw"), "VARCHAR"),
    **dict.fromkeys(("task", "label", "split", "source"), "VARCHAR"),
    **dict.fromkeys(("example_id", "source_line"), "BIGINT"),
    **dict.fromkeys(("prompt_hash", "pair_hash"), "UUID"),
}


@dataclass(frozen=True)
class Plan:
    """What adding candidates will do: the ``positions`` of those that are new, the first of each pair, in order."""

    positions: ExampleIds
    duplicates: int
    of_another_task: int


def hashes_of(candidates: Sequence[Candidate]) -> list[str]:
    """How each candidate is known to the store: its pair hash, in the order given."""
    return [pair_hash(one.prompt, one.completion, one.system, one.context) for one in candidates]


def plan(cursor: DuckDBPyConnection, hashes: Sequence[str], tasks: Sequence[str]) -> Plan:
    """Which of the candidates that have these ``hashes`` and ``tasks`` are not in the store. Nothing is written.

    A row is known by the text it was imported with as well as by the text it has now, so importing a file again does
    not bring back what was corrected; rows in the trash are known too, rows of an undone import are not.
    """
    numbers = {task: number for number, task in enumerate(dict.fromkeys(tasks))}
    staged = (hashes, [numbers[task] for task in tasks], list(numbers))
    found = cursor.execute(
        """WITH columns AS (SELECT from_json(CAST($1 AS JSON), '["UUID"]') AS hashes,
                                   from_json(CAST($2 AS JSON), '["INTEGER"]') AS tasks,
                                   from_json(CAST($3 AS JSON), '["VARCHAR"]') AS names),
                rows AS (SELECT unnest(hashes) AS hash, unnest(tasks) AS task,
                                generate_subscripts(hashes, 1) - 1 AS position FROM columns),
                tasks AS (SELECT unnest(names) AS name, generate_subscripts(names, 1) - 1 AS task FROM columns),
                there AS (SELECT pair_hash, import_hash, task FROM examples
                          JOIN batches ON batch_id = import_batch_id WHERE NOT (is_undone AND is_removed)),
                known AS (SELECT pair_hash AS hash, task FROM there UNION SELECT import_hash, task FROM there),
                taken AS (SELECT hash, min(position) AS position, arg_min(task, position) AS task FROM rows
                          WHERE hash NOT IN (SELECT hash FROM known) GROUP BY hash)
           SELECT (SELECT list(position ORDER BY position) FROM taken),
                  (SELECT count(*) FROM rows JOIN tasks USING (task)
                   WHERE (hash, name) NOT IN (SELECT (hash, task) FROM known)
                   AND (hash, task) NOT IN (SELECT (hash, task) FROM taken))""",
        [json.dumps(column) for column in staged],
    ).fetchall()
    positions, of_another_task = found[0]
    vector = np.asarray(positions or [], dtype=np.int64)
    return Plan(vector, len(hashes) - len(vector), of_another_task)


def add(cursor: DuckDBPyConnection, who: str, candidates: Sequence[Candidate], hashes: list[str], source: str) -> Added:
    """Store the candidates whose ``hashes`` are new, as one batch. ``source`` names the import and rows without one."""
    planned = plan(cursor, hashes, [one.task for one in candidates])
    positions = planned.positions
    if not len(positions):
        return Added(0, 0, planned.duplicates, planned.of_another_task)
    refuse_new_test_rows(cursor, [candidates[position].split for position in positions.tolist()])
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
               false AS is_marked, '' AS note, false AS is_removed, {next_change(cursor)} AS changed
        FROM {{rows}}"""
    execute_with_rows(cursor, statement, _COLUMNS, rows)
    return Added(batch_id, len(positions), planned.duplicates, planned.of_another_task)


def _stored(one: Candidate, example_id: int, hash_: str, source: str) -> dict[str, str | int]:
    """A value for each of ``_COLUMNS``."""
    return {
        "example_id": example_id,
        "prompt": one.prompt,
        "completion": one.completion,
        "system": one.system,
        "context": one.context,
        "rejected": one.rejected,
        "template": one.template,
        "raw": one.raw,
        "task": one.task,
        "label": one.label,
        "split": one.split,
        "source": one.source or source,
        "source_line": one.line,
        "prompt_hash": prompt_hash(one.prompt, one.context, one.completion),
        "pair_hash": hash_,
    }
