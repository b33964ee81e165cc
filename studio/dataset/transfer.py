"""Rows from Python into DuckDB: as one JSON text per chunk.

Measured with 7,473 rows: list parameters take 0.1 s with DuckDB 2.0 but 4.1 s with 1.5.5, and row-wise executemany is
slower still; a JSON text takes 0.15 s with both, needs neither pandas nor pyarrow, and touches no other file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Row = Mapping[str, Any]

_CHUNK_ROWS = 2_000
_CHUNK_CHARS = 16 * 1024 * 1024


def execute_with_rows(
    cursor: DuckDBPyConnection, statement: str, columns: Mapping[str, str], rows: Iterable[Row]
) -> None:
    """Run ``statement`` over ``rows``, a chunk at a time, in the caller's transaction.

    ``{rows}`` in the statement stands for a table whose one column ``row`` is a struct of ``columns`` (name: SQL type);
    each of ``rows`` has a value for each of them.
    """
    structure = json.dumps([dict(columns)])
    table = f"(SELECT unnest(from_json(CAST($1 AS JSON), '{structure}')) AS row) AS rows"
    for chunk in _chunks(rows):
        text = json.dumps(chunk, ensure_ascii=False)
        cursor.execute(statement.replace("{rows}", table), [text])


def _chunks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    chunk: list[Row] = []
    chars = 0
    for row in rows:
        chunk.append(row)
        chars += sum([len(value) for value in row.values() if isinstance(value, str)])
        if len(chunk) >= _CHUNK_ROWS or chars >= _CHUNK_CHARS:
            yield chunk
            chunk, chars = [], 0
    if chunk:
        yield chunk
