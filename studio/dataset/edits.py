"""Changing examples. An act is one batch: a row in ``batches``, and a row in ``edits`` for each field of each example
it changed (an import instead marks its rows by batch, so that a million rows log nothing). undoing.py takes it back.

The batches of each person form a tree: ``follows`` is that person's newest batch that was done, and not undone, when
this one began. Undo steps to it; redo steps to the newest batch that follows. So a new act puts what was undone out of
reach, without a write, and nobody takes back what another did.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from studio.dataset.candidates import text_fault
from studio.dataset.connection import as_ids, id_condition
from studio.dataset.examples import Change, ExampleIds
from studio.dataset.labels import LABELS
from studio.dataset.locks import UNGUARDED, refuse_locked
from studio.dataset.texts import pair_hash, prompt_hash
from studio.dataset.transfer import execute_with_rows
from studio.errors import AskedWrongly
from studio.turns import turns_in

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# The fields that edits log, with the types they have in examples; in the log they are text.
TYPES = {
    "prompt": "VARCHAR",
    "completion": "VARCHAR",
    "context": "VARCHAR",
    "revision": "INTEGER",
    "label": "VARCHAR",
    "is_marked": "BOOLEAN",
    "note": "VARCHAR",
    "split": "VARCHAR",
    "task": "VARCHAR",
    "is_removed": "BOOLEAN",
}
_CHUNK = 2_000
# The newest batch of the person $1 that is done, and not undone.
CURRENT = "(SELECT coalesce(max(batch_id), 0) FROM batches WHERE NOT is_undone AND who = $1)"


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
    vector = as_ids(ids)
    also = _confirmed_ids(cursor, who, vector, label)
    assignments = [Assignment("label", label, vector)]
    return applied(cursor, who, "label", lambda count: f"{act} {examples_in_words(count)}", assignments, also)


def labelled_anew(cursor: DuckDBPyConnection, who: str, ids: Sequence[int] | ExampleIds, label: str) -> int:
    """How many of these rows ``set_label`` would change or confirm. Raises AskedWrongly for a missing row."""
    vector = as_ids(ids)
    changed = _changed_ids(cursor, Assignment("label", label, vector))
    return len(np.union1d(changed, _confirmed_ids(cursor, who, vector, label)))


def _confirmed_ids(cursor: DuckDBPyConnection, who: str, ids: ExampleIds, label: str) -> ExampleIds:
    """The rows that another has labelled so, and ``who`` has not yet: to agree is a decision too, and is kept."""
    if label == "none" or not len(ids):
        return as_ids([])
    rows = cursor.execute(
        f"""SELECT example_id FROM edits JOIN batches USING (batch_id)
            WHERE field = 'label' AND NOT is_undone AND {id_condition(cursor, ids)} GROUP BY example_id
            HAVING arg_max(new, edit_id) = $2
            AND coalesce(arg_max(new, edit_id) FILTER (who = $1), '') <> $2 ORDER BY example_id""",
        [who, label],
    ).fetchall()
    return as_ids([example_id for (example_id,) in rows])


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
    return applied(cursor, who, "mark", lambda count: f"{act} {examples_in_words(count)}", assignments)


def send_back(cursor: DuckDBPyConnection, who: str, notes: Mapping[int, str]) -> Change:
    """One act: mark rows, each with the note that says why. Raises AskedWrongly for a missing row."""
    by_note: dict[str, list[int]] = {}
    for example_id, note in notes.items():
        _check_text("note", note, may_be_empty=True)
        by_note.setdefault(note, []).append(example_id)
    assignments = [Assignment("is_marked", "true", as_ids(list(notes)))]
    assignments += [Assignment("note", note, as_ids(ids)) for note, ids in by_note.items()]
    return applied(cursor, who, "mark", lambda count: f"send {examples_in_words(count)} back", assignments)


def set_text(
    cursor: DuckDBPyConnection,
    who: str,
    example_id: int,
    prompt: str | None,
    completion: str | None,
    context: str | None = None,
) -> Change:
    """One act: replace the texts that are not None, under a revision never used before.

    Raises AskedWrongly for a text that cannot be learned, turns that are none, or a missing row.
    """
    ids = as_ids([example_id])
    wanted = {"prompt": prompt, "completion": completion, "context": context}
    assignments = []
    for field, text in wanted.items():
        if text is not None:
            _check_row_text(field, text)
            assignments.append(Assignment(field, text, ids))
    changed = [assignment for assignment in assignments if len(_changed_ids(cursor, assignment))]
    if changed:
        changed.append(Assignment("revision", str(_next_revision(cursor, example_id)), ids))
    names = {"context": "earlier turns"}
    fields = " and ".join(names.get(assignment.field, assignment.field) for assignment in changed[:-1])
    change = applied(cursor, who, "text", lambda _: f"edit the {fields} of example {example_id}", changed)
    rehash(cursor, change.example_ids)
    return change


def rename_task(cursor: DuckDBPyConnection, who: str, old: str, new: str) -> Change:
    """One act: the rows of the task ``old`` become of ``new``. Raises AskedWrongly where there is no such task."""
    _check_text("task", new, may_be_empty=True)
    ids = as_ids([])
    if old != new:
        found = cursor.execute("SELECT example_id FROM examples WHERE task = $1 AND NOT is_removed", [old]).fetchnumpy()
        ids = np.asarray(found["example_id"], dtype=np.int64)
    if old != new and not len(ids):
        rows = cursor.execute(
            """SELECT task FROM examples WHERE NOT is_removed AND task <> '' GROUP BY task
               ORDER BY jaro_winkler_similarity(task, $1) DESC, task LIMIT 5""",
            [old],
        ).fetchall()
        there = ", ".join(task for (task,) in rows) or "none"
        raise AskedWrongly(f"There is no task {old!r}.", f"Tasks: {there}.")
    named = f"{old or '(none)'} to {new or '(none)'}"
    return applied(
        cursor,
        who,
        "task",
        lambda count: f"rename the task {named} of {examples_in_words(count)}",
        [Assignment("task", new, ids)],
    )


def replace_texts(
    cursor: DuckDBPyConnection, who: str, kind: str, act: str, rows: Sequence[tuple[int, str, str]]
) -> Change:
    """One act: other prompts and completions, by (example_id, prompt, completion); ``act`` goes before the count.

    Rows that have these texts already are left out. Raises AskedWrongly for a text that cannot be learned.
    """
    for _, prompt, completion in rows:
        _check_row_text("prompt", prompt)
        _check_row_text("completion", completion)
    cursor.execute("CREATE OR REPLACE TEMP TABLE wanted (example_id BIGINT, prompt VARCHAR, completion VARCHAR)")
    columns = {"example_id": "BIGINT", "prompt": "VARCHAR", "completion": "VARCHAR"}
    staged = (dict(zip(columns, row, strict=True)) for row in rows)
    execute_with_rows(cursor, "INSERT INTO wanted SELECT unnest(row) FROM {rows}", columns, staged)
    cursor.execute(
        """CREATE OR REPLACE TEMP TABLE replacing AS
           SELECT wanted.*, greatest(revision, coalesce(newest, 1)) + 1 AS revision
           FROM wanted JOIN examples USING (example_id)
           LEFT JOIN (SELECT example_id, max(CAST(new AS INTEGER)) AS newest FROM edits WHERE field = 'revision'
                      GROUP BY example_id) USING (example_id)
           WHERE NOT is_removed AND (wanted.prompt <> examples.prompt OR wanted.completion <> examples.completion)"""
    ).fetchall()
    found = cursor.execute("SELECT example_id FROM replacing ORDER BY example_id").fetchnumpy()
    ids = np.asarray(found["example_id"], dtype=np.int64)
    if not len(ids):
        return Change(0, "nothing to change")
    refuse_locked(cursor, ids)
    said = f"{act} {examples_in_words(len(ids))}"
    batch_id = new_batch(cursor, kind, said, who)
    for field in ("prompt", "completion", "revision"):
        cursor.execute(
            f"""INSERT INTO edits (edit_id, batch_id, example_id, field, old, new)
                SELECT nextval('edit_ids'), $1, example_id, $2, CAST(examples.{field} AS VARCHAR),
                       CAST(replacing.{field} AS VARCHAR)
                FROM replacing JOIN examples USING (example_id) WHERE examples.{field} <> replacing.{field}""",
            [batch_id, field],
        ).fetchall()
    cursor.execute(
        """UPDATE examples SET prompt = replacing.prompt, completion = replacing.completion,
               revision = replacing.revision, changed = $1 FROM replacing
           WHERE replacing.example_id = examples.example_id""",
        [next_change(cursor)],
    ).fetchall()
    rehash(cursor, ids)
    return Change(batch_id, said, ids, len(ids))


def remove(cursor: DuckDBPyConnection, who: str, ids: Sequence[int] | ExampleIds) -> Change:
    """One act: put the rows ``ids`` in the trash. Raises AskedWrongly for a missing row."""
    assignment = Assignment("is_removed", "true", as_ids(ids))
    return applied(cursor, who, "remove", lambda count: f"remove {examples_in_words(count)}", [assignment])


def new_batch(cursor: DuckDBPyConnection, kind: str, summary: str, who: str) -> int:
    """Begin a batch; what was undone can no longer be done again."""
    row = cursor.execute(
        f"""INSERT INTO batches (batch_id, follows, kind, summary, who, done_at, is_undone)
            SELECT nextval('batch_ids'), {CURRENT}, $2, $3, $1, $4, false RETURNING batch_id""",
        [who, kind, summary, datetime.now(UTC).replace(tzinfo=None)],
    ).fetchall()
    return int(row[0][0])


def next_change(cursor: DuckDBPyConnection) -> int:
    """The number that rows get which change now; every later change has a higher one."""
    ((number,),) = cursor.execute("SELECT nextval('changes')").fetchall()
    return int(number)


def applied(
    cursor: DuckDBPyConnection,
    who: str,
    kind: str,
    summary: Callable[[int], str],
    assignments: list[Assignment],
    also: ExampleIds | None = None,
) -> Change:
    """``also`` are rows of the first assignment that are logged though it changes nothing in them."""
    changes = [(assignment, _changed_ids(cursor, assignment)) for assignment in assignments]
    if also is not None and len(also):
        changes[0] = (assignments[0], np.union1d(changes[0][1], also))
    ids = np.unique(np.concatenate([changed for _, changed in changes])) if changes else as_ids([])
    if not len(ids):
        return Change(0, "nothing to change")
    if any(assignment.field not in UNGUARDED for assignment, changed in changes if len(changed)):
        refuse_locked(cursor, ids)
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
        f"""SELECT example_id, NOT is_removed AS is_present, {field} <> CAST($1 AS {TYPES[field]}) AS is_changed
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
    field, type_ = assignment.field, TYPES[assignment.field]
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


def rehash(cursor: DuckDBPyConnection, ids: ExampleIds) -> None:
    """Make the hashes of rows anew, whose texts are others now."""
    for start in range(0, len(ids), _CHUNK):
        rows = cursor.execute(
            f"""SELECT example_id, prompt, completion, system, context FROM examples
                WHERE {id_condition(cursor, ids[start : start + _CHUNK])}"""
        ).fetchall()
        hashed = [
            {
                "example_id": id_,
                "prompt_hash": prompt_hash(prompt, context, completion),
                "pair_hash": pair_hash(prompt, completion, system, context),
            }
            for id_, prompt, completion, system, context in rows
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


def _check_row_text(field: str, text: str) -> None:
    """Raise AskedWrongly for what a row may not have."""
    if field == "context":
        for turn in turns_in(text):
            _check_text("earlier turn", turn.text, may_be_empty=False)
    else:
        _check_text(field, text, may_be_empty=False)


def _check_text(field: str, text: str, *, may_be_empty: bool) -> None:
    if fault := text_fault(text, may_be_empty=may_be_empty):
        raise AskedWrongly(f"The {field} {fault[0]}.", "Nothing was changed.")


def examples_in_words(count: int) -> str:
    return "1 example" if count == 1 else f"{count:,} examples"
