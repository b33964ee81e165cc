"""Acts asked for from outside: kept with their replies, so that one whose reply was lost is not done twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_KEPT = timedelta(hours=1)  # whoever lost a reply asks again within seconds


def keep(cursor: DuckDBPyConnection, act_id: str, reply: bytes) -> None:
    """Say that this act is done, in its own transaction."""
    cursor.execute("INSERT INTO acts (act_id, reply, done_at) VALUES ($1, $2, $3)", [act_id, reply, _now()]).fetchall()


def reply_of(cursor: DuckDBPyConnection, act_id: str) -> bytes | None:
    """What was replied when this act was done; None where it was not."""
    row = cursor.execute("SELECT reply FROM acts WHERE act_id = $1", [act_id]).fetchone()
    return None if row is None else bytes(row[0])


def forget_old(cursor: DuckDBPyConnection) -> None:
    """Drop the replies that nobody waits for any longer."""
    cursor.execute("DELETE FROM acts WHERE done_at < $1", [_now() - _KEPT]).fetchall()


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
