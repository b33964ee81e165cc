"""Which rows a view has, as a vector of ids; and which values a column has among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from studio.dataset.connection import as_ids, id_condition
from studio.dataset.examples import ExampleIds, Values
from studio.dataset.filters import COLUMNS, Filter, asking, checked
from studio.dataset.texts import writings
from studio.errors import AskedWrongly

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Sort = Sequence[tuple[str, bool]]

_SEARCHED = ("prompt", "completion", "system", "context", "task", "note")
# Columns that other tables have: a word that names them, what is selected, what is joined. A join costs more than the
# rest, so each is made only where its columns may be asked for.
_JOINED = (
    (
        "tokens",
        "prompt_tokens, completion_tokens, prompt_tokens + completion_tokens AS total_tokens",
        """LEFT JOIN token_counts
           ON token_counts.example_id = examples.example_id AND token_counts.revision = examples.revision
           AND fingerprint = (SELECT fingerprint FROM fingerprints ORDER BY used_at DESC LIMIT 1)""",
    ),
    (
        "labelled_",
        "labelled_by, labelled_at",
        """LEFT JOIN (SELECT example_id, arg_max(who, edit_id) AS labelled_by, arg_max(done_at, edit_id) AS labelled_at
                      FROM edits JOIN batches USING (batch_id)
                      WHERE field = 'label' AND NOT is_undone GROUP BY example_id) AS labelled
           ON labelled.example_id = examples.example_id AND label <> 'none'""",
    ),
    (
        "loss",
        "loss, base_loss",
        "LEFT JOIN row_losses ON row_losses.example_id = examples.example_id",
    ),
)


def view_ids(cursor: DuckDBPyConnection, where: str, search: str, sort: Sort) -> ExampleIds:
    """The rows of a view, by ``sort`` and then by id; see ``Store.view_ids``."""
    asked = checked(where)
    condition, parameters = condition_of(asked, search)
    order = ", ".join([*map(_order, sort), "example_id"])
    source = source_of(asked, [column for column, _ in sort])
    with asking(cursor, asked):
        found = cursor.execute(f"SELECT example_id FROM {source} WHERE {condition} ORDER BY {order}", parameters)
        return np.asarray(found.fetchnumpy()["example_id"], dtype=np.int64)


def values(
    cursor: DuckDBPyConnection,
    column: str,
    where: str,
    among: Sequence[int] | ExampleIds | None,
    containing: str,
    most: int,
) -> Values:
    """What ``column`` has in the rows of a view; see ``Store.values``."""
    asked = checked(where)
    condition, parameters = condition_of(asked)
    if column not in COLUMNS:
        raise AskedWrongly(f"{column!r} is no column.", f"Columns: {', '.join(COLUMNS)}.")
    if among is not None:
        condition += f" AND {id_condition(cursor, as_ids(among))}"
    if containing:
        parameters.append(containing)
        condition += f" AND contains(lower(CAST({column} AS VARCHAR)), lower(${len(parameters)}))"
    with asking(cursor, asked):
        rows = cursor.execute(
            f"""SELECT value, number, count(*) OVER (), sum(number) OVER () FROM (
                    SELECT {column} AS value, count(*) AS number FROM {source_of(asked, [column])}
                    WHERE {condition} GROUP BY value)
                ORDER BY number DESC, value NULLS LAST LIMIT {most}""",
            parameters,
        ).fetchall()
    distinct, total = (int(rows[0][2]), int(rows[0][3])) if rows else (0, 0)
    return Values(column, [(value, int(number)) for value, number, _, _ in rows], distinct, total)


def condition_of(asked: Filter, search: str = "") -> tuple[str, list[Any]]:
    """The WHERE clause of rows that are not in the trash, and its parameters."""
    parts = ["NOT is_removed"]
    parameters: list[Any] = []
    if asked.text:
        parts.append(f"(\n{asked.text}\n)")  # on lines of its own, so that a comment in it ends there
    if search:
        # The same letters can be written composed or decomposed (Vietnamese); both are found.
        forms = writings(search)
        parameters.extend(form.encode("utf-8", "replace").decode() for form in forms)
        hits = (
            f"contains(lower({column}), lower(${number}))"
            for column in _SEARCHED
            for number in range(1, len(forms) + 1)
        )
        parts.append(f"({' OR '.join(hits)})")
    return " AND ".join(parts), parameters


def source_of(asked: Filter, columns: Sequence[str] = ()) -> str:
    """The table that has the columns a filter may name, and ``columns``."""
    words = " ".join([asked.text.lower(), *columns])
    joined = [(selected, join) for word, selected, join in _JOINED if word in words]
    if not joined:
        return "examples"
    selected, joins = (", ".join(one for one, _ in joined), " ".join(one for _, one in joined))
    return f"(SELECT examples.*, {selected} FROM examples {joins})"


def _order(key: tuple[str, bool]) -> str:
    column, is_descending = key
    if column not in COLUMNS:
        raise AskedWrongly(f"{column!r} is no column to sort by.", f"Columns: {', '.join(COLUMNS)}.")
    return f"{column} {'DESC' if is_descending else 'ASC'} NULLS LAST"
