"""A look into a store that nobody is to notice: read-only, nothing is migrated, and it is over in a moment."""

from __future__ import annotations

from pathlib import Path

TASKS_LISTED = 200


def tasks_in(path: Path) -> list[str]:
    """The names of its tasks, the commonest first, at most ``TASKS_LISTED``; none where it cannot be read now.

    So it is where another process has it open, where it was made by another version, and where it is not there.
    """
    import duckdb

    if not path.exists():
        return []
    try:
        with duckdb.connect(str(path), read_only=True, config={"enable_external_access": "false"}) as database:
            rows = database.execute(
                """SELECT task FROM examples WHERE NOT is_removed AND task <> ''
                   GROUP BY task ORDER BY count(*) DESC, task LIMIT $1""",
                [TASKS_LISTED],
            ).fetchall()
    except (duckdb.Error, UnicodeEncodeError):  # the latter: a path that is not UTF-8
        return []
    return [task for (task,) in rows]
