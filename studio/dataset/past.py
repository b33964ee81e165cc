"""The rows as they were: at a moment, or in a version. Nothing was copied; the edit log gives back what has changed.

A *state* is an SQL table of the rows that were there: example_id, revision, label, split, task. A revision names one
text of an example for ever, so a state and the edit log together are the whole dataset of then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from studio.dataset.connection import as_ids, id_condition
from studio.dataset.examples import Example, ExampleIds
from studio.dataset.pages import ever_stored
from studio.dataset.texts import prompt_hash
from studio.dataset.transfer import execute_with_rows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

NOW = """(SELECT example_id, revision, label, split, task FROM examples WHERE NOT is_removed)"""
_TEXTS = ("prompt", "completion", "context")


@dataclass(frozen=True)
class PastTexts:
    """What of a row can be edited, at one of its revisions."""

    prompt: str
    completion: str
    context: str


def state_of_version(version_id: int) -> str:
    """The state that the version holds."""
    return f"""(SELECT example_id, revision, label, split, task FROM version_rows WHERE version_id = {version_id})"""


def state_at(cursor: DuckDBPyConnection, moment: datetime) -> str:
    """The state at ``moment`` (with its time zone), for the life of ``cursor``.

    A field has what was written last by a batch that was done and not undone then; without one, what was there before
    the first. Undos of an older studio, which did not write down when they were, count as long ago.
    """
    at = moment.astimezone(UTC).replace(tzinfo=None)
    cursor.execute(
        """CREATE OR REPLACE TEMP TABLE done_then AS
           SELECT batches.batch_id, coalesce(
               stepped.was_undone, batches.is_undone AND NOT EXISTS (
                   SELECT 1 FROM undo_steps WHERE undo_steps.batch_id = batches.batch_id)) AS was_undone
           FROM batches LEFT JOIN (
               SELECT batch_id, arg_max(is_undone, stepped_at) AS was_undone FROM undo_steps
               WHERE stepped_at <= $1 GROUP BY batch_id) AS stepped USING (batch_id)
           WHERE done_at <= $1""",
        [at],
    ).fetchall()
    cursor.execute(
        """CREATE OR REPLACE TEMP TABLE fields_then AS
           SELECT example_id, field,
                  coalesce(arg_max(new, edit_id) FILTER (NOT was_undone), arg_min(old, edit_id)) AS value
           FROM edits LEFT JOIN done_then AS done USING (batch_id)
           WHERE field IN ('label', 'split', 'task', 'is_removed') GROUP BY example_id, field"""
    ).fetchall()
    _write_revisions_then(cursor, at)
    return """(
        SELECT example_id, coalesce(texts.revision, examples.revision) AS revision,
               coalesce(labels.value, label) AS label, coalesce(splits.value, split) AS split,
               coalesce(tasks.value, task) AS task
        FROM examples
        JOIN done_then ON done_then.batch_id = import_batch_id AND NOT was_undone
        LEFT JOIN revisions_then AS texts USING (example_id)
        LEFT JOIN (FROM fields_then WHERE field = 'label') AS labels USING (example_id)
        LEFT JOIN (FROM fields_then WHERE field = 'split') AS splits USING (example_id)
        LEFT JOIN (FROM fields_then WHERE field = 'task') AS tasks USING (example_id)
        LEFT JOIN (FROM fields_then WHERE field = 'is_removed') AS trash USING (example_id)
        WHERE coalesce(trash.value, 'false') <> 'true')"""


def _write_revisions_then(cursor: DuckDBPyConnection, at: datetime) -> None:
    """The revision that each edited row had then. An undo takes back only a text that is still there, so the steps are
    gone through in their order."""
    cursor.execute("CREATE OR REPLACE TEMP TABLE revisions_then (example_id BIGINT, revision INTEGER)").fetchall()
    steps = cursor.execute(
        """SELECT example_id, old, new, true AS is_on, done_at AS happened, edit_id AS place
           FROM edits JOIN batches USING (batch_id) WHERE field = 'revision'
           UNION ALL
           SELECT example_id, old, new, NOT undo_steps.is_undone, stepped_at, edit_id
           FROM edits JOIN undo_steps USING (batch_id) WHERE field = 'revision'
           UNION ALL
           SELECT example_id, old, new, false, done_at, edit_id
           FROM edits JOIN batches USING (batch_id) WHERE field = 'revision' AND is_undone
           AND batch_id NOT IN (SELECT batch_id FROM undo_steps)
           ORDER BY happened, place"""
    ).fetchall()
    revisions: dict[int, int] = {}
    taken_back: dict[int, dict[int, int]] = {}  # of each row: a revision that is undone, and the one before it
    for example_id, old, new, is_on, when, _ in steps:
        revisions.setdefault(example_id, int(old))
        if when > at:
            continue
        undone = taken_back.setdefault(example_id, {})
        if is_on:
            undone.pop(int(new), None)
            if revisions[example_id] == int(old):
                revisions[example_id] = int(new)
            continue
        undone[int(new)] = int(old)
        while revisions[example_id] in undone:
            revisions[example_id] = undone[revisions[example_id]]
    rows = ({"example_id": example_id, "revision": revision} for example_id, revision in revisions.items())
    columns = {"example_id": "BIGINT", "revision": "INTEGER"}
    execute_with_rows(cursor, "INSERT INTO revisions_then SELECT unnest(row) FROM {rows}", columns, rows)


def ids_in(cursor: DuckDBPyConnection, state: str) -> ExampleIds:
    """The rows of a state, by id."""
    found = cursor.execute(f"SELECT example_id FROM {state} ORDER BY example_id").fetchnumpy()
    return np.asarray(found["example_id"], dtype=np.int64)


def examples_in(cursor: DuckDBPyConnection, state: str, ids: ExampleIds) -> list[Example]:
    """Those of the rows ``ids`` that a state has, whole and as they were in it, by id. Marks and notes are no part."""
    rows = cursor.execute(
        f"SELECT example_id, revision, label, split, task FROM {state} WHERE {id_condition(cursor, as_ids(ids))}"
    ).fetchall()
    then = {example_id: (revision, label, split, task) for example_id, revision, label, split, task in rows}
    stored = [one for one in ever_stored(cursor, as_ids(ids)) if one.example_id in then]
    texts = texts_at(cursor, {one.example_id: then[one.example_id][0] for one in stored})
    found = []
    for one in stored:
        revision, label, split, task = then[one.example_id]
        was = texts[one.example_id]
        found.append(
            replace(
                one,
                prompt=was.prompt,
                completion=was.completion,
                context=was.context,
                revision=revision,
                label=label,
                split=split,
                task=task,
                is_marked=False,
                note="",
                prompt_hash=prompt_hash(was.prompt, was.context, was.completion),
            )
        )
    return found


def texts_at(cursor: DuckDBPyConnection, revisions: Mapping[int, int]) -> dict[int, PastTexts]:
    """The texts of rows (by id, those in the trash too) at these revisions of theirs."""
    ids = as_ids(list(revisions))
    rows = cursor.execute(
        f"SELECT example_id, revision, prompt, completion, context FROM examples WHERE {id_condition(cursor, ids)}"
    ).fetchall()
    now = {example_id: (revision, PastTexts(*texts)) for example_id, revision, *texts in rows}
    others = as_ids([example_id for example_id, (revision, _) in now.items() if revision != revisions[example_id]])
    steps = dict(_steps_of(cursor, others))
    return {
        example_id: _walked(texts, revision, revisions[example_id], steps[example_id]) if example_id in steps else texts
        for example_id, (revision, texts) in now.items()
    }


# Of a revision: the one that it was made from, and for each text that was another one then (before, after).
_Steps = dict[int, tuple[int, dict[str, tuple[str, str]]]]


def _steps_of(cursor: DuckDBPyConnection, ids: ExampleIds) -> Iterator[tuple[int, _Steps]]:
    rows = cursor.execute(
        f"""SELECT example_id, batch_id, field, old, new FROM edits
            WHERE field IN ('revision', 'prompt', 'completion', 'context') AND {id_condition(cursor, ids)}
            ORDER BY example_id, batch_id"""
    ).fetchall()
    by_row: dict[int, dict[int, dict[str, tuple[str, str]]]] = {}
    for example_id, batch_id, field, old, new in rows:
        by_row.setdefault(example_id, {}).setdefault(batch_id, {})[field] = (old, new)
    for example_id, batches in by_row.items():
        yield (
            example_id,
            {
                int(fields["revision"][1]): (int(fields["revision"][0]), fields)
                for fields in batches.values()
                if "revision" in fields
            },
        )


def _walked(texts: PastTexts, here: int, there: int, steps: _Steps) -> PastTexts:
    """From the revision ``here`` down to what both were made from, and up to ``there``."""
    line = [there]
    while line[-1] in steps:
        line.append(steps[line[-1]][0])
    fields = {name: getattr(texts, name) for name in _TEXTS}
    while here not in line:
        here, changed = steps[here]
        fields |= {name: changed[name][0] for name in _TEXTS if name in changed}
    for revision in reversed(line[: line.index(here)]):
        changed = steps[revision][1]
        fields |= {name: changed[name][1] for name in _TEXTS if name in changed}
    return PastTexts(**fields)
