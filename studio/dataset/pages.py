"""Reading rows: only those of a view that are shown are fetched."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from studio.dataset import row_losses, token_counts
from studio.dataset.connection import as_ids, hex_of, id_condition
from studio.dataset.examples import PREVIEW_CHARS, Counts, Edit, Example, ExampleIds, Preview, Stats
from studio.dataset.filters import asking, checked
from studio.dataset.labels import LABELS, SPLITS
from studio.dataset.texts import prompt_hash
from studio.dataset.views import condition_of, source_of
from studio.errors import AskedWrongly

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# How the summary of an act begins that applied a template to rows.
APPLIED = "apply the template"
_SHORTENED = ("prompt", "completion", "system", "note")
# As the fields of Example are called.
_EXAMPLE_COLUMNS = f"""example_id, prompt, completion, system, context, rejected, template, task, label, is_marked,
    note, split, source, source_line, revision, {hex_of("prompt_hash")} AS prompt_hash"""


def previews(cursor: DuckDBPyConnection, ids: Sequence[int] | ExampleIds, fingerprint: str) -> list[Preview]:
    """Table rows in the order of ``ids``, without those in the trash; see ``Store.previews``."""
    condition = id_condition(cursor, as_ids(ids))
    starts = ", ".join(f"left({text}, {PREVIEW_CHARS}) AS {text}" for text in _SHORTENED)
    rows = _rows(
        cursor,
        f"""SELECT is_removed, revision, example_id, label, is_marked, task, split, source, source_line, {starts}
            FROM examples WHERE {condition}""",
    )
    # DuckDB answers from the index only a statement without a join and (1.5) without a second condition.
    counted = token_counts.of_rows(cursor, fingerprint or token_counts.newest(cursor), condition)
    labelled = _labelled(cursor, condition)
    measured = row_losses.of_rows(cursor, condition)
    by_id = {}
    for row in rows:
        example_id = row["example_id"]
        if not row.pop("is_removed"):
            prompt_tokens, completion_tokens = counted.get((example_id, row["revision"]), (None, None))
            by, at = labelled.get(example_id, (None, None)) if row["label"] != "none" else (None, None)
            loss, base_loss = measured.get(example_id, (None, None))
            by_id[example_id] = Preview(
                **row,
                prompt_tokens=prompt_tokens,
                completion_tokens=completion_tokens,
                labelled_by=by,
                labelled_at=at,
                loss=loss,
                base_loss=base_loss,
            )
    return [by_id[int(id_)] for id_ in ids if int(id_) in by_id]


def examples(cursor: DuckDBPyConnection, ids: Sequence[int] | ExampleIds, *, with_edits: bool = True) -> list[Example]:
    """Whole examples in the order of ``ids``, without those in the trash; without edits as ``Store.rows_to_write``."""
    found = _examples(cursor, "examples", id_condition(cursor, as_ids(ids)), [], with_edits=with_edits)
    by_id = {example.example_id: example for example in found}
    return [by_id[int(id_)] for id_ in ids if int(id_) in by_id]


def ever_stored(cursor: DuckDBPyConnection, ids: ExampleIds) -> list[Example]:
    """Whole examples by id, those in the trash too."""
    return _examples(cursor, "examples", id_condition(cursor, ids), [], with_removed=True)


def made_by(cursor: DuckDBPyConnection, template: str) -> list[tuple[int, str, bool]]:
    """See ``Store.made_by``. What a template was applied to anew is no edit of somebody's."""
    rows: list[tuple[int, str, bool]] = cursor.execute(
        f"""SELECT example_id, raw, example_id IN (
                SELECT example_id FROM edits JOIN batches USING (batch_id)
                WHERE field IN ('prompt', 'completion') AND NOT is_undone
                AND NOT starts_with(summary, '{APPLIED}'))
            FROM examples WHERE template = $1 AND NOT is_removed ORDER BY example_id""",
        [template],
    ).fetchall()
    return rows


def unused_columns(cursor: DuckDBPyConnection, ids: Sequence[int] | ExampleIds) -> list[str]:
    """See ``Store.unused_columns``."""
    needed = {"context": "context <> ''", "rejected": "rejected <> ''", "text": "prompt = ''"}
    counts = ", ".join(f"count(*) FILTER ({condition})" for condition in needed.values())
    found = cursor.execute(f"SELECT {counts} FROM examples WHERE {id_condition(cursor, as_ids(ids))}").fetchall()
    return [name for name, count in zip(needed, found[0], strict=True) if not count]


def rows_for(
    cursor: DuckDBPyConnection, split: str, tasks: Sequence[str], labels: Sequence[str], where: str
) -> list[Example]:
    """Whole examples of a split, tasks, labels and condition, by id; empty means all. Raises AskedWrongly."""
    asked = checked(where)
    condition, parameters = condition_of(asked)
    for column, allowed, known in (("split", [split] if split else [], SPLITS), ("label", labels, LABELS)):
        for name in allowed:
            if name not in known:
                raise AskedWrongly(f"{name!r} is no {column}.", f"One of: {', '.join(known)}.")
    for column, values in (("split", [split] if split else []), ("task", tasks), ("label", labels)):
        if values:
            places = ", ".join(f"${len(parameters) + number}" for number in range(1, len(values) + 1))
            condition += f" AND {column} IN ({places})"
            parameters.extend(values)
    with asking(cursor, asked):
        return _examples(cursor, source_of(asked), condition, parameters)


def examples_asking(cursor: DuckDBPyConnection, prompt: str, context: str) -> list[int]:
    """The ids of the rows, not in the trash, with this very prompt and these turns before it, in order."""
    found = cursor.execute(
        """SELECT example_id FROM examples WHERE prompt_hash = $1 AND prompt = $2 AND context = $3 AND NOT is_removed
           ORDER BY example_id""",
        [prompt_hash(prompt, context), prompt, context],
    )
    return [int(row[0]) for row in found.fetchall()]


def history(cursor: DuckDBPyConnection, example_id: int) -> list[Edit]:
    """All edits of an example, oldest first; its revision numbers are left out, as nobody chose them."""
    rows = _rows(
        cursor,
        """SELECT edit_id, batch_id, field, old, new, who, done_at AS at, is_undone
           FROM edits JOIN batches USING (batch_id)
           WHERE example_id = $1 AND field <> 'revision' ORDER BY edit_id""",
        [example_id],
    )
    return [Edit(**row | {"at": _in_utc(row["at"])}) for row in rows]


def stats(cursor: DuckDBPyConnection) -> Stats:
    """Counts by label, split and task, in one pass."""
    rows = cursor.execute(
        """SELECT label, split, task, count(*) FROM examples WHERE NOT is_removed
           GROUP BY GROUPING SETS ((label), (split), (task), ())"""
    ).fetchall()
    labels, splits = dict.fromkeys(LABELS, 0), dict.fromkeys(SPLITS, 0)
    tasks: dict[str, int] = {}
    total = 0
    for label, split, task, count in rows:
        if label is not None:
            labels[label] = count
        elif split is not None:
            splits[split] = count
        elif task is not None:
            tasks[task] = count
        else:
            total = count
    return Stats(total, labels, splits, dict(sorted(tasks.items(), key=lambda pair: (-pair[1], pair[0]))))


def decisions(cursor: DuckDBPyConnection) -> tuple[ExampleIds, Counts, Counts, list[str]]:
    """Everybody's newest label of each row, as far as it is not undone or taken away; see ``Store.decisions``."""
    found = cursor.execute(
        """SELECT example_id, who, label FROM (
               SELECT example_id, who, arg_max(new, edit_id) AS label
               FROM edits JOIN batches USING (batch_id) JOIN examples USING (example_id)
               WHERE field = 'label' AND NOT is_undone AND NOT is_removed GROUP BY example_id, who)
           WHERE label <> 'none' ORDER BY example_id, who"""
    ).fetchnumpy()
    people, person = np.unique(np.asarray(found["who"], dtype=str), return_inverse=True)
    labels = np.array([LABELS.index(label) for label in found["label"].tolist()], dtype=np.int32)
    return np.asarray(found["example_id"], dtype=np.int64), person.astype(np.int32), labels, people.tolist()


def task_splits(cursor: DuckDBPyConnection) -> dict[str, dict[str, int]]:
    """How many rows that may be used are in each split, by task, the largest task first; "" is in no split."""
    rows = cursor.execute(
        """SELECT task, split, count(*) FROM examples WHERE NOT is_removed AND label IN ('accept', 'none')
           GROUP BY task, split ORDER BY sum(count(*)) OVER (PARTITION BY task) DESC, task, split"""
    ).fetchall()
    found: dict[str, dict[str, int]] = {}
    for task, split, count in rows:
        found.setdefault(task, {})["" if split == "none" else split] = count
    return found


def labelling_times(cursor: DuckDBPyConnection, who: str, seconds: float) -> list[datetime]:
    """When ``who`` decided on labels in the last ``seconds`` (UTC, one time an act), undone acts not counted."""
    since = datetime.now(UTC).replace(tzinfo=None) - timedelta(seconds=seconds)
    rows = cursor.execute(
        """SELECT done_at FROM batches WHERE kind = 'label' AND NOT is_undone AND who = $1 AND done_at >= $2
           ORDER BY done_at""",
        [who, since],
    ).fetchall()
    return [at for (at,) in rows]


def _labelled(cursor: DuckDBPyConnection, condition: str) -> dict[int, tuple[str, datetime]]:
    """Who gave the newest label of these rows, and when, as far as it was given here."""
    rows = cursor.execute(
        f"""SELECT example_id, arg_max(who, edit_id), arg_max(done_at, edit_id)
            FROM edits JOIN batches USING (batch_id)
            WHERE field = 'label' AND NOT is_undone AND {condition} GROUP BY example_id"""
    ).fetchall()
    return {example_id: (who, _in_utc(at)) for example_id, who, at in rows}


def _examples(
    cursor: DuckDBPyConnection,
    source: str,
    condition: str,
    parameters: list[Any],
    *,
    with_removed: bool = False,
    with_edits: bool = True,
) -> list[Example]:
    statement = f"SELECT is_removed, {_EXAMPLE_COLUMNS} FROM {source} WHERE {condition} ORDER BY example_id"
    rows = [row for row in _rows(cursor, statement, parameters) if not row.pop("is_removed") or with_removed]
    # A second statement by ids, not a join: it is twice as fast for one row, and the pane shows one row per key press.
    ids = np.array([row["example_id"] for row in rows], dtype=np.int64)
    if not with_edits:
        return [Example(**row, edit_count=0, last_edit_who="", last_edit_at=None) for row in rows]
    edited = cursor.execute(
        f"""SELECT example_id, count(DISTINCT batch_id), arg_max(who, edit_id), max(done_at)
            FROM edits JOIN batches USING (batch_id)
            WHERE NOT is_undone AND field <> 'revision' AND {id_condition(cursor, ids)} GROUP BY example_id"""
    ).fetchall()
    edits = {example_id: (count, who, _in_utc(at)) for example_id, count, who, at in edited}
    examples = []
    for row in rows:
        count, who, at = edits.get(row["example_id"], (0, "", None))
        examples.append(Example(**row, edit_count=count, last_edit_who=who, last_edit_at=at))
    return examples


def _rows(cursor: DuckDBPyConnection, statement: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
    """What a statement finds, each row by the names of its columns."""
    found = cursor.execute(statement, list(parameters))
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _in_utc(at: datetime) -> datetime:
    """The store keeps times in UTC without saying so; here it is said."""
    return at.replace(tzinfo=UTC)
