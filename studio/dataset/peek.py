"""A look into a store that nobody is to notice: read-only, nothing is migrated, and it is over in a moment."""

from __future__ import annotations

from pathlib import Path

NAMES_LISTED = 200


def tasks_in(path: Path) -> list[str]:
    """The names of its tasks, the commonest first, at most ``NAMES_LISTED``; none where it cannot be read now.

    So it is where another process has it open, where it was made by another version, and where it is not there.
    """
    return _names_in(
        path,
        """SELECT task FROM examples WHERE NOT is_removed AND task <> ''
           GROUP BY task ORDER BY count(*) DESC, task LIMIT $1""",
    )


def versions_in(path: Path) -> list[str]:
    """The names of its versions, newest first, under the conditions of ``tasks_in``."""
    return _names_in(path, "SELECT name FROM versions ORDER BY version_id DESC LIMIT $1")


def _names_in(path: Path, query: str) -> list[str]:
    import duckdb

    if not path.exists():
        return []
    try:
        with duckdb.connect(str(path), read_only=True, config={"enable_external_access": "false"}) as database:
            rows = database.execute(query, [NAMES_LISTED]).fetchall()
    except (duckdb.Error, UnicodeEncodeError):  # the latter: a path that is not UTF-8
        return []
    return [name for (name,) in rows]
