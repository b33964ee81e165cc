"""Changing examples, and taking it back. Every act is one batch: a row in ``batches``, and a row in ``edits`` for each
field of each example it changed (an import instead marks its rows by batch, so that a million rows log nothing).

Batches form a tree: ``follows`` is the newest batch that was done, and not undone, when this one began. Undo steps to
it; redo steps to the newest batch that follows. So a new act puts what was undone out of reach, without a write.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from studio.dataset.candidates import text_fault
from studio.dataset.connection import as_ids, hex_of, id_condition
from studio.dataset.examples import Change, ExampleIds
from studio.dataset.labels import LABELS, SPLITS
from studio.dataset.splits import check_shares, split_of
from studio.dataset.texts import pair_hash, prompt_hash
from studio.dataset.transfer import execute_with_rows
from studio.errors import AskedWrongly

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# The fields that edits log, with the types they have in examples; in the log they are text.
_TYPES = {
    "prompt": "VARCHAR",
    "completion": "VARCHAR",
    "revision": "INTEGER",
    "label": "VARCHAR",
    "is_marked": "BOOLEAN",
    "note": "VARCHAR",
    "split": "VARCHAR",
    "is_removed": "BOOLEAN",
}
_CHUNK = 2_000
_CURRENT = "(SELECT coalesce(max(batch_id), 0) FROM batches WHERE NOT is_undone)"


@dataclass(frozen=True)
class Assignment:
    """``field`` becomes ``value`` (as text) in the rows ``ids``."""

    field: str
    value: str
    ids: ExampleIds


def set_label(cursor: DuckDBPyConnection, who: str, ids: Sequence[int] | ExampleIds, label: str) -> Change:
    """One act: label the rows ``ids`` with one of ``LABELS``. Raises AskedWrongly for another word or a missing row."""
    if label not in LABELS:
        raise AskedWrongly(f"{label!r} is no label.", f"Labels: {', '.join(LABELS)}.")
    act = "clear the label of" if label == "none" else label
    assignment = Assignment("label", label, as_ids(ids))
    return _applied(cursor, who, "label", lambda count: f"{act} {_examples(count)}", [assignment])


def set_mark(
    cursor: DuckDBPyConnection, who: str, ids: Sequence[int] | ExampleIds, is_marked: bool, note: str
) -> Change:
    """One act: mark or unmark the rows ``ids``; a note goes with its mark. Raises AskedWrongly for a missing row."""
    vector = as_ids(ids)
    assignments = [Assignment("is_marked", str(is_marked).lower(), vector)]
    if note or not is_marked:  # the note belongs to the mark: it goes with it, and marking again without one keeps it
        _check_text("note", note, may_be_empty=True)
        assignments.append(Assignment("note", note if is_marked else "", vector))
    act = "mark" if is_marked else "unmark"
    return _applied(cursor, who, "mark", lambda count: f"{act} {_examples(count)}", assignments)


def set_text(
    cursor: DuckDBPyConnection, who: str, example_id: int, prompt: str | None, completion: str | None
) -> Change:
    """One act: replace the texts that are not None, under a revision never used before.

    Raises AskedWrongly for a text that cannot be learned, or a missing row.
    """
    ids = as_ids([example_id])
    wanted = {"prompt": prompt, "completion": completion}
    assignments = []
    for field, text in wanted.items():
        if text is not None:
            _check_text(field, text, may_be_empty=False)
            assignments.append(Assignment(field, text, ids))
    changed = [assignment for assignment in assignments if len(_changed_ids(cursor, assignment))]
    if changed:
        changed.append(Assignment("revision", str(_next_revision(cursor, example_id)), ids))
    fields = " and ".join(assignment.field for assignment in changed[:-1])
    change = _applied(cursor, who, "text", lambda _: f"edit the {fields} of example {example_id}", changed)
    _rehash(cursor, change.example_ids)
    return change


def remove(cursor: DuckDBPyConnection, who: str, ids: Sequence[int] | ExampleIds) -> Change:
    """One act: put the rows ``ids`` in the trash. Raises AskedWrongly for a missing row."""
    assignment = Assignment("is_removed", "true", as_ids(ids))
    return _applied(cursor, who, "remove", lambda count: f"remove {_examples(count)}", [assignment])


def assign_splits(
    cursor: DuckDBPyConnection, who: str, test: float, validation: float, seed: int, keep_assigned: bool
) -> Change:
    """One act: give rows their split, all of them or, with ``keep_assigned``, those without one.

    Raises AskedWrongly for senseless shares.
    """
    check_shares(test, validation)
    condition = "AND split = 'none'" if keep_assigned else ""
    columns = cursor.execute(
        f"""SELECT example_id, {hex_of("prompt_hash")} AS hash FROM examples
            WHERE NOT is_removed {condition}"""
    ).fetchnumpy()
    ids = np.asarray(columns["example_id"], dtype=np.int64)
    kept = _splits_of_prompts(cursor) if keep_assigned else {}
    named = (kept.get(text) or split_of(text, test, validation, seed) for text in map(str, columns["hash"]))
    splits = np.array(list(named), dtype="U10")
    assignments = [Assignment("split", str(name), ids[splits == name]) for name in np.unique(splits)]
    return _applied(cursor, who, "split", lambda count: f"assign splits to {_examples(count)}", assignments)


def _splits_of_prompts(cursor: DuckDBPyConnection) -> dict[str, str]:
    """The split that a prompt has already, by its hash: rows of equal prompts must not stand on both sides.

    Where they do already, the row follows to the side that is never trained on: test, else validation.
    """
    rows = cursor.execute(
        f"""SELECT {hex_of("prompt_hash")}, arg_max(split, list_position($1, split))
           FROM examples WHERE NOT is_removed AND split <> 'none' GROUP BY prompt_hash
           HAVING prompt_hash IN (SELECT prompt_hash FROM examples WHERE NOT is_removed AND split = 'none')""",
        [list(SPLITS)],
    ).fetchall()
    return dict(rows)


def undo(cursor: DuckDBPyConnection) -> Change | None:
    """Take the newest batch back that is not undone."""
    return _stepped(cursor, f"batch_id = {_CURRENT}", to_undone=True)


def redo(cursor: DuckDBPyConnection) -> Change | None:
    """Do the batch again that was undone last."""
    newest = f"(SELECT max(batch_id) FROM batches WHERE follows = {_CURRENT})"
    return _stepped(cursor, f"is_undone AND batch_id = {newest}", to_undone=False)


def new_batch(cursor: DuckDBPyConnection, kind: str, summary: str, who: str) -> int:
    """Begin a batch; what was undone can no longer be done again."""
    row = cursor.execute(
        f"""INSERT INTO batches (batch_id, follows, kind, summary, who, done_at, is_undone)
            SELECT nextval('batch_ids'), {_CURRENT}, $1, $2, $3, $4, false RETURNING batch_id""",
        [kind, summary, who, datetime.now(UTC).replace(tzinfo=None)],
    ).fetchall()
    return int(row[0][0])


def next_change(cursor: DuckDBPyConnection) -> int:
    """The number that rows get which change now; every later change has a higher one."""
    ((number,),) = cursor.execute("SELECT nextval('changes')").fetchall()
    return int(number)


def _applied(
    cursor: DuckDBPyConnection, who: str, kind: str, summary: Callable[[int], str], assignments: list[Assignment]
) -> Change:
    changes = [(assignment, _changed_ids(cursor, assignment)) for assignment in assignments]
    ids = np.unique(np.concatenate([changed for _, changed in changes])) if changes else as_ids([])
    if not len(ids):
        return Change(0, "nothing to change")
    said = summary(len(ids))
    batch_id = new_batch(cursor, kind, said, who)
    for assignment, changed in changes:
        if len(changed):
            _assign(cursor, batch_id, assignment, changed)
    return Change(batch_id, said, ids, len(ids))


def _changed_ids(cursor: DuckDBPyConnection, assignment: Assignment) -> ExampleIds:
    """The rows in which the assignment changes anything. Raises AskedWrongly for an id that is not there."""
    field = assignment.field
    # is_removed is looked at here, for DuckDB 1.5 uses the index only where the id is the whole condition.
    columns = cursor.execute(
        f"""SELECT example_id, NOT is_removed AS is_present, {field} <> CAST($1 AS {_TYPES[field]}) AS is_changed
            FROM examples WHERE {id_condition(cursor, assignment.ids)}""",
        [assignment.value],
    ).fetchnumpy()
    is_present = np.asarray(columns["is_present"], dtype=bool)
    present = np.asarray(columns["example_id"], dtype=np.int64)[is_present]
    if len(present) < len(assignment.ids):
        missing = np.setdiff1d(assignment.ids, present)
        raise no_example(int(missing[0]))
    changed: ExampleIds = present[np.asarray(columns["is_changed"], dtype=bool)[is_present]]
    return changed


def no_example(example_id: int) -> AskedWrongly:
    """What to raise for an id that is not there, or in the trash."""
    return AskedWrongly(f"There is no example {example_id}.", "It may be in the trash; undo brings back the last ones.")


def _assign(cursor: DuckDBPyConnection, batch_id: int, assignment: Assignment, ids: ExampleIds) -> None:
    field, type_ = assignment.field, _TYPES[assignment.field]
    condition = id_condition(cursor, ids)
    cursor.execute(
        f"""INSERT INTO edits (edit_id, batch_id, example_id, field, old, new)
            SELECT nextval('edit_ids'), $1, example_id, $2, CAST({field} AS VARCHAR), $3
            FROM examples WHERE {condition}""",
        [batch_id, field, assignment.value],
    ).fetchall()
    cursor.execute(
        f"UPDATE examples SET {field} = CAST($1 AS {type_}), changed = $2 WHERE {condition}",
        [assignment.value, next_change(cursor)],
    ).fetchall()


def _stepped(cursor: DuckDBPyConnection, which: str, *, to_undone: bool) -> Change | None:
    row = cursor.execute(f"SELECT batch_id, kind, summary FROM batches WHERE {which}").fetchone()
    if row is None:
        return None
    batch_id, kind, summary = row
    if kind == "import":
        ids = _ids(cursor, "SELECT example_id FROM examples WHERE import_batch_id = $1", batch_id)
        cursor.execute(
            "UPDATE examples SET is_removed = $1, changed = $2 WHERE import_batch_id = $3",
            [to_undone, next_change(cursor), batch_id],
        )
    else:
        ids = _ids(cursor, "SELECT DISTINCT example_id FROM edits WHERE batch_id = $1", batch_id)
        _restore(cursor, batch_id, ids, "old" if to_undone else "new")
    cursor.execute("UPDATE batches SET is_undone = $1 WHERE batch_id = $2", [to_undone, batch_id])
    return Change(batch_id, summary, ids, len(ids))


def _restore(cursor: DuckDBPyConnection, batch_id: int, ids: ExampleIds, side: str) -> None:
    fields = cursor.execute("SELECT DISTINCT field FROM edits WHERE batch_id = $1", [batch_id]).fetchall()
    condition = id_condition(cursor, ids, "examples.example_id")
    for (field,) in fields:
        cursor.execute(
            f"""UPDATE examples SET {field} = CAST(edits.{side} AS {_TYPES[field]}), changed = $3 FROM edits
                WHERE edits.batch_id = $1 AND edits.field = $2 AND edits.example_id = examples.example_id
                AND {condition}""",
            [batch_id, field, next_change(cursor)],
        ).fetchall()
    if {("prompt",), ("completion",)} & set(fields):
        _rehash(cursor, ids)


def _rehash(cursor: DuckDBPyConnection, ids: ExampleIds) -> None:
    for start in range(0, len(ids), _CHUNK):
        rows = cursor.execute(
            f"""SELECT example_id, prompt, completion, system FROM examples
                WHERE {id_condition(cursor, ids[start : start + _CHUNK])}"""
        ).fetchall()
        hashed = [
            {"example_id": id_, "prompt_hash": prompt_hash(prompt), "pair_hash": pair_hash(prompt, *others)}
            for id_, prompt, *others in rows
        ]
        columns = {"example_id": "BIGINT", "prompt_hash": "UUID", "pair_hash": "UUID"}
        statement = """UPDATE examples SET prompt_hash = row.prompt_hash, pair_hash = row.pair_hash
            FROM {rows} WHERE row.example_id = examples.example_id"""
        execute_with_rows(cursor, statement, columns, hashed)


def _next_revision(cursor: DuckDBPyConnection, example_id: int) -> int:
    row = cursor.execute(
        "SELECT max(CAST(new AS INTEGER)) FROM edits WHERE field = 'revision' AND example_id = $1", [example_id]
    ).fetchone()
    return (row[0] if row and row[0] else 1) + 1


def _ids(cursor: DuckDBPyConnection, query: str, batch_id: int) -> ExampleIds:
    found = cursor.execute(f"{query} ORDER BY example_id", [batch_id]).fetchnumpy()
    return np.asarray(found["example_id"], dtype=np.int64)


def _check_text(field: str, text: str, *, may_be_empty: bool) -> None:
    if fault := text_fault(text, may_be_empty=may_be_empty):
        raise AskedWrongly(f"The {field} {fault[0]}.", "Nothing was changed.")


def _examples(count: int) -> str:
    return "1 example" if count == 1 else f"{count:,} examples"
