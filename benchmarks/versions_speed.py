"""Measure versions: making one, what it costs on disk, the diff of two with 1,000 changes, and the rows as of a moment.

    python benchmarks/versions_speed.py                # 10,000, 100,000 and 1,000,000 rows
    python benchmarks/versions_speed.py --rows 100000

Rows are as long as those of GSM8K (about 530 characters). The store is made anew in a temporary folder for each size.
Wanted of 1,000,000 rows: a version in 2 s and 30 MB, a diff in 2 s.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import numpy as np

from studio.dataset.candidates import Candidate
from studio.dataset.changes import Changes
from studio.dataset.connection import Connection
from studio.dataset.host import Here
from studio.dataset.rewriting import Rewrite, rewrite
from studio.dataset.store import Store

ResultT = TypeVar("ResultT")
CHANGES = 1_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="*", default=[10_000, 100_000, 1_000_000])
    arguments = parser.parse_args()
    print(f"{'rows':>10} {'version':>9} {'size':>9} {'again':>9} {'diff':>9} {'as of':>9}")
    for count in arguments.rows:
        with tempfile.TemporaryDirectory() as folder:
            measure(Path(folder) / "studio.duckdb", count)


def measure(path: Path, count: int) -> None:
    connection = Connection(path)
    with Store(Here(connection, Changes()), "anna") as store:
        fill(store, connection, count)
        before = size_of(path, connection)
        made = timed(lambda: store.create_version("before"))
        size = size_of(path, connection) - before
        again = timed(lambda: store.freeze_version(store.newest_change()))
        moment = datetime.now(UTC)
        change(store, connection, count)
        diff = timed(lambda: store.version_diff("before"))
        as_of = timed(lambda: store.create_version("then", as_of=moment))
    print(f"{count:>10,} {made:>8.2f}s {size / 1e6:>7.1f}MB {again:>8.3f}s {diff:>8.2f}s {as_of:>8.2f}s")


def fill(store: Store, connection: Connection, count: int) -> None:
    """One row by the studio, which gives the import its batch, the others by SQL: a million take seconds so."""
    store.add([Candidate("Where is my parcel?", "On its way.", "tickets")], "rows.jsonl")
    with connection.writing() as cursor:
        cursor.execute(
            """INSERT INTO examples BY NAME
               SELECT examples.* REPLACE (
                   n AS example_id, prompt || n || ': ' || repeat(md5(n::VARCHAR), 6) AS prompt,
                   completion || ' ' || repeat(md5((n * 7)::VARCHAR), 9) AS completion,
                   CASE WHEN n % 3 = 0 THEN 'tone' ELSE 'tickets' END AS task, md5('p' || n)::UUID AS prompt_hash,
                   md5('a' || n)::UUID AS pair_hash, md5('a' || n)::UUID AS import_hash,
                   CASE hash(n) % 10 WHEN 0 THEN 'test' WHEN 1 THEN 'validation' ELSE 'train' END AS split,
                   CASE hash(n * 3) % 3 WHEN 0 THEN 'accept' WHEN 1 THEN 'reject' ELSE 'none' END AS label)
               FROM examples, range(2, $1 + 1) AS numbers(n) WHERE example_id = 1""",
            [count],
        ).fetchall()


def change(store: Store, connection: Connection, count: int) -> None:
    """A thousand changes of all kinds, spread over the rows."""
    chosen = np.linspace(2, count, CHANGES, dtype=np.int64)
    edited, relabelled, removed = chosen[:500], chosen[500:900], chosen[900:]
    rewrites = [
        Rewrite(row.example_id, row.prompt, row.completion, row.prompt, f"{row.completion} Thanks.")
        for row in store.examples(edited)
    ]
    with connection.writing() as cursor:
        rewrite(cursor, "anna", "thank", rewrites)
    store.set_label(relabelled, "skip")
    store.remove(removed)


def size_of(path: Path, connection: Connection) -> int:
    """Bytes of the store in use, with everything written into it."""
    with connection.writing() as cursor:
        cursor.execute("COMMIT")
        cursor.execute("CHECKPOINT")
        ((used, block),) = cursor.execute("SELECT used_blocks, block_size FROM pragma_database_size()").fetchall()
        cursor.execute("BEGIN")
    return int(used * block)


def timed(ask: Callable[[], ResultT]) -> float:
    start = time.perf_counter()
    ask()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
