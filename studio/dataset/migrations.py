"""The schema as small named steps. A step is never changed once it is in somebody's store: append a new one.

Rows of ``examples`` are never deleted, only marked ``is_removed``; so an ``example_id`` is never given twice, and
``edits`` and ``token_counts`` always speak of the row they spoke of when written. A ``revision`` likewise names one
text of an example for ever: undo goes back to the old number, the next edit takes a number never used.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from studio.errors import StoreTooNew, StudioError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MIGRATIONS: tuple[tuple[str, str], ...] = (
    (
        "0001 examples",
        """
        CREATE TABLE examples (
            example_id BIGINT PRIMARY KEY,
            prompt VARCHAR NOT NULL,
            completion VARCHAR NOT NULL,
            system VARCHAR NOT NULL,
            task VARCHAR NOT NULL,
            label VARCHAR NOT NULL,
            is_marked BOOLEAN NOT NULL,
            note VARCHAR NOT NULL,
            split VARCHAR NOT NULL,
            source VARCHAR NOT NULL,
            source_line BIGINT NOT NULL,
            revision INTEGER NOT NULL,
            is_removed BOOLEAN NOT NULL,
            import_batch_id BIGINT NOT NULL,
            prompt_hash UUID NOT NULL,
            pair_hash UUID NOT NULL,
            import_hash UUID NOT NULL
        )
        """,
    ),
    (
        "0002 edits",
        """
        CREATE SEQUENCE batch_ids;
        CREATE SEQUENCE edit_ids;
        CREATE TABLE batches (
            batch_id BIGINT NOT NULL,
            follows BIGINT NOT NULL,
            kind VARCHAR NOT NULL,
            summary VARCHAR NOT NULL,
            who VARCHAR NOT NULL,
            done_at TIMESTAMP NOT NULL,
            is_undone BOOLEAN NOT NULL
        );
        CREATE TABLE edits (
            edit_id BIGINT NOT NULL,
            batch_id BIGINT NOT NULL,
            example_id BIGINT NOT NULL,
            field VARCHAR NOT NULL,
            old VARCHAR NOT NULL,
            new VARCHAR NOT NULL
        )
        """,
    ),
    (
        "0003 token counts",
        """
        CREATE TABLE fingerprints (fingerprint VARCHAR NOT NULL, used_at TIMESTAMP NOT NULL);
        CREATE TABLE token_counts (
            fingerprint VARCHAR NOT NULL,
            example_id BIGINT NOT NULL,
            revision INTEGER NOT NULL,
            prompt_tokens INTEGER NOT NULL,
            completion_tokens INTEGER NOT NULL
        )
        """,
    ),
    (
        # What the row costs as an example in another row's prompt. NULL in counts of an older studio: counted anew.
        "0004 shot tokens",
        "ALTER TABLE token_counts ADD COLUMN shot_tokens INTEGER",
    ),
)


def migrate(connection: DuckDBPyConnection, path: Path) -> None:
    """Bring the store at ``path`` to this studio's schema, one transaction per step.

    Raises StoreTooNew for a step this studio does not know, StudioError for a database that is no store.
    """
    tables = {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    if tables and "migrations" not in tables:
        raise StudioError(
            f"{path}: a DuckDB database, but not a tune-studio store (it has {', '.join(sorted(tables)[:5])}).",
            "Open another folder, or move this file away.",
        )
    applied = set()
    if tables:
        applied = {name for (name,) in connection.execute("SELECT name FROM migrations").fetchall()}
    known = dict(MIGRATIONS)
    if newer := sorted(applied - known.keys()):
        raise StoreTooNew(
            f"{path}: written by a newer tune-studio: it has the schema step {newer[-1]!r}, "
            f"this one knows up to {MIGRATIONS[-1][0]!r}.",
            "Update this one: pip install -U tune-studio. The store was left as it is.",
        )
    for name, statements in MIGRATIONS:
        if name in applied:
            continue
        connection.execute("BEGIN")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS migrations (name VARCHAR NOT NULL, applied_at TIMESTAMP NOT NULL)"
        )
        connection.execute(statements)
        at = datetime.now(UTC).replace(tzinfo=None)
        connection.execute("INSERT INTO migrations (name, applied_at) VALUES ($1, $2)", [name, at])
        connection.execute("COMMIT")
