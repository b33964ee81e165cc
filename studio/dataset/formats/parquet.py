"""Parquet files, read a stretch at a time by DuckDB, in this process, and written by it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from studio.dataset.formats.container import Container, Evidence, Records, WrittenRecord
from studio.dataset.formats.lines import OnBytes
from studio.errors import AskedWrongly

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_MAGIC = b"PAR1"
_ROWS = 2_000
_CHARS = 16 * 1024 * 1024
# What a column holds that is no text: the messages of a conversation, as each shape names their parts.
_MESSAGES = [{"role": "VARCHAR", "content": "VARCHAR"}]
_NESTED: dict[str, object] = {
    "messages": _MESSAGES,
    "context": _MESSAGES,
    "conversations": [{"from": "VARCHAR", "value": "VARCHAR"}],
}


def _evidence(head: bytes, ending: str) -> Evidence:
    return Evidence.CERTAIN if head[:4] == _MAGIC else Evidence.NONE


def _records(raw: BinaryIO, file: str, on_bytes: OnBytes | None) -> Records:
    """The rows; the number of a row stands for its line."""
    size = raw.seek(0, 2)
    with _asking(raw, file, "SELECT count(*) FROM read_parquet($1)") as cursor:
        total = cursor.fetchall()[0][0]
    with _asking(raw, file, "SELECT * FROM read_parquet($1)") as cursor:
        names = [column[0] for column in cursor.description]
        number = 0
        while rows := cursor.fetchmany(_ROWS):
            for row in rows:
                number += 1
                yield number, dict(zip(names, row, strict=True))
            if on_bytes:
                on_bytes(size * number // total)


@contextmanager
def _asking(raw: BinaryIO, file: str, statement: str) -> Iterator[DuckDBPyConnection]:
    """A statement over the file, of which ``$1`` is the path. Raises AskedWrongly where DuckDB cannot read it."""
    import duckdb

    with _path_of(raw) as path, _connected() as connection:
        try:
            yield connection.execute(statement, [path])
        except duckdb.Error as error:
            said = str(error).splitlines()[0].partition(": ")[2].replace(path, "it") or "no reason given"
            raise AskedWrongly(f"{file}: not a Parquet file that can be read: {said}", "Copy it again.") from error


@contextmanager
def _path_of(raw: BinaryIO) -> Iterator[str]:
    """Where DuckDB finds what is open here: a pipe's copy has no name of its own, and gets one for as long."""
    if isinstance(raw.name, str | Path):
        yield str(raw.name)
        return
    with tempfile.NamedTemporaryFile(suffix=".parquet") as named:
        raw.seek(0)
        while chunk := raw.read(1 << 20):
            named.write(chunk)
        named.flush()
        yield named.name


def _connected() -> DuckDBPyConnection:
    """A database of its own, in memory and never in the store: this one may look at files."""
    import duckdb

    return duckdb.connect(
        config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false", "memory_limit": "1GB"}
    )


def _write_to(path: Path, records: Iterable[WrittenRecord], columns: tuple[str, ...]) -> None:
    """Through a table that goes to the disk where it is large, so that memory stays bounded.

    A text that a record lacks is empty.
    """
    types = {name: _NESTED.get(name, "VARCHAR") for name in columns}
    structure = json.dumps([types])
    with tempfile.TemporaryDirectory(prefix="studio-parquet-") as scratch, _connected() as connection:
        connection.execute("SET temp_directory = $1", [scratch])
        rows = f"(SELECT unnest(from_json('[]'::JSON, '{structure}')) AS row)"
        connection.execute(f"CREATE TABLE written AS SELECT unnest(row) FROM {rows}")
        insert = (
            f"INSERT INTO written SELECT unnest(row) FROM (SELECT unnest(from_json($1::JSON, '{structure}')) AS row)"
        )
        iterator = iter(records)
        while chunk := list(islice(iterator, _ROWS)):
            whole = [{name: record.get(name, None if name in _NESTED else "") for name in columns} for record in chunk]
            connection.execute(insert, [json.dumps(whole, ensure_ascii=False)])
        escaped = str(path).replace("'", "''")
        connection.execute(f"COPY written TO '{escaped}' (FORMAT parquet, COMPRESSION zstd)")


PARQUET = Container(
    name="Parquet",
    about="columns, compressed",
    evidence=_evidence,
    records=_records,
    write_to=_write_to,
    endings=(".parquet",),
)
