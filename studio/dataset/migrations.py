"""The schema as small named steps. A step is never changed once it is in somebody's store: append a new one.

Rows of ``examples`` are never deleted, only marked ``is_removed``; so an ``example_id`` is never given twice, and
``edits`` and ``token_counts`` always speak of the row they spoke of when written. A ``revision`` likewise names one
text of an example for ever: undo goes back to the old number, the next edit takes a number never used.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from studio.dataset.texts import pair_hash
from studio.dataset.transfer import execute_with_rows
from studio.errors import StoreTooNew, StudioError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_CHUNK = 20_000


def _hash_pairs_without_their_task(connection: DuckDBPyConnection) -> None:
    """Pairs were told apart by their task as well; now by what a model sees of them (see texts.py).

    What an edited row was imported with is what the first edit of each text replaced.
    """
    connection.execute("CREATE TEMP TABLE hashed (example_id BIGINT, pair_hash UUID, import_hash UUID)")
    first = "(SELECT arg_min(old, edit_id) FROM edits WHERE field = '{0}' AND edits.example_id = examples.example_id)"
    reader = connection.cursor()  # of what is committed, which this step has not changed
    reader.execute(
        f"""SELECT example_id, prompt, completion, system, coalesce({first.format("prompt")}, prompt),
                   coalesce({first.format("completion")}, completion) FROM examples"""
    )
    while rows := reader.fetchmany(_CHUNK):
        hashes = (
            {
                "example_id": example_id,
                "pair_hash": pair_hash(prompt, completion, system),
                "import_hash": pair_hash(first_prompt, first_completion, system),
            }
            for example_id, prompt, completion, system, first_prompt, first_completion in rows
        )
        columns = {"example_id": "BIGINT", "pair_hash": "UUID", "import_hash": "UUID"}
        execute_with_rows(connection, "INSERT INTO hashed SELECT unnest(row) FROM {rows}", columns, hashes)
    reader.close()
    connection.execute(
        """UPDATE examples SET pair_hash = hashed.pair_hash, import_hash = hashed.import_hash FROM hashed
           WHERE hashed.example_id = examples.example_id"""
    )
    connection.execute("DROP TABLE hashed")


def _give_each_person_a_line_of_undo(connection: DuckDBPyConnection) -> None:
    """A batch followed the newest one of anybody; now the newest of the same person, which is found by way of it."""
    rows = connection.execute("SELECT batch_id, follows, who FROM batches ORDER BY batch_id").fetchall()
    followed = {batch_id: (follows, who) for batch_id, follows, who in rows}
    for batch_id, (follows, who) in list(followed.items()):
        own = follows
        while own in followed and followed[own][1] != who:
            own = followed[own][0]
        if own != follows:
            connection.execute("UPDATE batches SET follows = $1 WHERE batch_id = $2", [own, batch_id])


Step = str | Callable[["DuckDBPyConnection"], None]

MIGRATIONS: tuple[tuple[str, Step], ...] = (
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
    ("0005 pairs without their task", _hash_pairs_without_their_task),
    (
        "0006 row losses",
        "CREATE TABLE row_losses (example_id BIGINT NOT NULL, loss DOUBLE NOT NULL, base_loss DOUBLE)",
    ),
    (
        # Every change of a row, and its undo, gives it a new number: what was computed before that is stale.
        "0007 check results",
        """
        CREATE SEQUENCE changes;
        ALTER TABLE examples ADD COLUMN changed BIGINT DEFAULT 0;
        CREATE TABLE check_results (
            check_name VARCHAR NOT NULL,
            version INTEGER NOT NULL,
            is_found BOOLEAN NOT NULL,
            sentence VARCHAR NOT NULL,
            example_ids BIGINT[] NOT NULL,
            group_sizes INTEGER[] NOT NULL,
            checked_at TIMESTAMP NOT NULL,
            seen BIGINT NOT NULL,
            facts VARCHAR NOT NULL,
            row_count BIGINT NOT NULL,
            count_before BIGINT
        );
        CREATE TABLE waivers (
            batch_id BIGINT NOT NULL,
            check_name VARCHAR NOT NULL,
            version INTEGER NOT NULL,
            reason VARCHAR NOT NULL,
            example_ids BIGINT[] NOT NULL
        )
        """,
    ),
    (
        # The turns before the prompt, as studio.turns keeps them.
        "0008 context",
        "ALTER TABLE examples ADD COLUMN context VARCHAR DEFAULT ''",
    ),
    (
        "0009 acts asked for from outside",
        "CREATE TABLE acts (act_id VARCHAR NOT NULL, reply BLOB NOT NULL, done_at TIMESTAMP NOT NULL)",
    ),
    ("0010 a line of undo for each person", _give_each_person_a_line_of_undo),
    (
        # MinHash bands of each row's prompt, and its cluster; see near/clusters.py. ``is_placed``: the cluster holds.
        "0011 near rows",
        f"""
        CREATE TABLE near_rows (
            example_id BIGINT NOT NULL,
            revision INTEGER NOT NULL,
            skipped INTEGER NOT NULL,
            cluster BIGINT NOT NULL,
            is_placed BOOLEAN NOT NULL,
            {", ".join(f"band_{number} UINTEGER NOT NULL" for number in range(20))}
        )
        """,
    ),
    (
        # The answer of a preference pair that was not chosen.
        "0012 rejected",
        "ALTER TABLE examples ADD COLUMN rejected VARCHAR DEFAULT ''",
    ),
    (
        # The name of the instruction template that made a row, and the columns that it was made of, as JSON.
        "0013 templates",
        """
        ALTER TABLE examples ADD COLUMN template VARCHAR DEFAULT '';
        ALTER TABLE examples ADD COLUMN raw VARCHAR DEFAULT ''
        """,
    ),
    (
        # What a version holds of a row; its texts are in the edit log under its revision. ``upto``: the highest number
        # that a changed row had. When a batch was undone or redone, which ``is_undone`` does not say.
        "0014 versions",
        """
        CREATE TABLE versions (
            version_id INTEGER NOT NULL,
            name VARCHAR NOT NULL,
            note VARCHAR NOT NULL,
            who VARCHAR NOT NULL,
            made_at TIMESTAMP NOT NULL,
            upto BIGINT NOT NULL,
            row_count BIGINT NOT NULL,
            content_hash VARCHAR NOT NULL
        );
        CREATE TABLE version_rows (
            version_id INTEGER NOT NULL,
            example_id BIGINT NOT NULL,
            revision INTEGER NOT NULL,
            label VARCHAR NOT NULL,
            split VARCHAR NOT NULL,
            task VARCHAR NOT NULL
        );
        CREATE TABLE undo_steps (batch_id BIGINT NOT NULL, is_undone BOOLEAN NOT NULL, stepped_at TIMESTAMP NOT NULL)
        """,
    ),
    (
        # ``locked_rows`` are those of the test set while it is locked; ``test_locks`` says when it was, and is not.
        "0015 locked test set",
        """
        CREATE TABLE locked_rows (example_id BIGINT NOT NULL);
        CREATE TABLE test_locks (
            lock_id INTEGER NOT NULL,
            is_locked BOOLEAN NOT NULL,
            who VARCHAR NOT NULL,
            reason VARCHAR NOT NULL,
            changed_at TIMESTAMP NOT NULL,
            row_count BIGINT NOT NULL,
            content_hash VARCHAR NOT NULL
        )
        """,
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
    for name, step in MIGRATIONS:
        if name in applied:
            continue
        connection.execute("BEGIN")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS migrations (name VARCHAR NOT NULL, applied_at TIMESTAMP NOT NULL)"
        )
        if callable(step):
            step(connection)
        else:
            connection.execute(step)
        at = datetime.now(UTC).replace(tzinfo=None)
        connection.execute("INSERT INTO migrations (name, applied_at) VALUES ($1, $2)", [name, at])
        connection.execute("COMMIT")
