"""The open database: cursors for any thread, one transaction at a time, and DuckDB's errors in a person's words.

duckdb is imported when a store is opened, not before: the import takes longer than the screen's first paint.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from studio.dataset.examples import ExampleIds
from studio.dataset.migrations import migrate
from studio.dataset.texts import storable
from studio.errors import AskedWrongly, StoreHeld, StoreTooNew, StudioError
from studio.files import keep_private, writing

if TYPE_CHECKING:
    import duckdb
    from duckdb import DuckDBPyConnection

# Up to here ids are written into the statement, which DuckDB answers from its index; a longer vector is joined.
_LITERAL_IDS = 1_000
_CLOSING_SECONDS = 5.0
_CONFIG = {
    "autoinstall_known_extensions": "false",  # never fetches code
    "autoload_known_extensions": "false",
    "enable_external_access": "false",  # no statement reads or writes any other file
    "storage_compatibility_version": "v1.5.0",  # so that the oldest DuckDB we allow opens it too
}


class Interrupted(StudioError):
    """A running query was stopped by ``Store.interrupt``. Nothing was changed."""


class Connection:
    """One open store file. Public methods may be called from any thread; a cursor stays in its thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writing = threading.RLock()
        self._cursors = threading.Condition()
        self._is_closing = False
        self._reading: dict[DuckDBPyConnection, object] = {}  # a cursor, and for whom it reads
        self._database = _connected(path)
        try:
            with translated(path):
                migrate(self._database, path)
        except StudioError:
            self._database.close()
            raise

    @contextmanager
    def reading(self, reader: object) -> Iterator[DuckDBPyConnection]:
        """A cursor in a read-only transaction; ``interrupt(reader)`` stops it. Raises Interrupted or StudioError."""
        with translated(self.path):
            with self._cursors:
                if self._is_closing:
                    raise Interrupted("Stopped.", "The store is closed.")
                cursor = self._database.cursor()
                self._reading[cursor] = reader
            try:
                cursor.execute("BEGIN TRANSACTION READ ONLY").fetchall()
                yield cursor
            finally:
                with self._cursors:
                    cursor.close()  # ends the transaction
                    self._reading.pop(cursor, None)
                    self._cursors.notify_all()

    @contextmanager
    def writing(self) -> Iterator[DuckDBPyConnection]:
        """A cursor in a transaction that commits at the end; on any error nothing of it is kept.

        When this returns, the change is on disk. Raises StudioError.
        """
        with self._writing, translated(self.path):
            cursor = self._database.cursor()
            try:
                cursor.execute("BEGIN").fetchall()
                yield cursor
                cursor.execute("COMMIT")
            finally:
                cursor.close()  # rolls back what was not committed

    def interrupt(self, reader: object) -> None:
        """Stop what reads for ``reader`` in all threads. Writes are left to finish: they are whole or not at all."""
        with self._cursors:
            for cursor, its_reader in self._reading.items():
                if its_reader is reader:
                    cursor.interrupt()

    def close(self) -> None:
        """Close the file once the write that runs is done; a second time does nothing. Queries are stopped.

        DuckDB refuses to close beneath a cursor that is at work. One that does not stop is left to the end of the
        process: what was done is on disk.
        """
        with self._writing, self._cursors, translated(self.path):
            self._is_closing = True
            deadline = time.monotonic() + _CLOSING_SECONDS
            while self._reading and time.monotonic() < deadline:
                for cursor in self._reading:
                    cursor.interrupt()
                self._cursors.wait(0.02)
            if not self._reading:
                self._database.close()


def stopping(is_cancelled: Callable[[], bool]) -> Callable[[], None]:
    """What long work calls now and then: it raises Interrupted once ``is_cancelled``."""

    def stop() -> None:
        if is_cancelled():
            raise Interrupted("Stopped.", "Nothing was changed.")

    return stop


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn DuckDB's errors into StudioError, saying what became of the work."""
    import duckdb

    try:
        yield
    except duckdb.InterruptException as error:
        raise Interrupted("Stopped.", "Nothing was changed.") from error
    except duckdb.Error as error:
        raise _explained(error, path) from error


def id_condition(
    cursor: DuckDBPyConnection, ids: ExampleIds, column: str = "example_id", name: str = "chosen_ids"
) -> str:
    """An SQL condition that holds for the rows ``ids``; a long vector is registered with ``cursor`` as ``name``.

    DuckDB 2 registers only on a cursor whose last result was fetched, so writing statements are fetched too.
    """
    if len(ids) <= _LITERAL_IDS:
        return f"{column} IN ({', '.join(map(str, ids.tolist()))})" if len(ids) else "false"
    cursor.register(name, {"chosen_id": ids})
    return f"{column} IN (SELECT chosen_id FROM {name})"


def hex_of(column: str) -> str:
    """An SQL expression for a stored hash as texts.py writes it: 32 hex digits."""
    return f"replace(CAST({column} AS VARCHAR), '-', '')"


def as_ids(ids: ExampleIds | Sequence[int]) -> ExampleIds:
    """A vector of ids, each once, in ascending order. Raises AskedWrongly for what is not a vector of whole numbers."""
    vector = np.asarray(ids if isinstance(ids, np.ndarray) else list(ids))
    if vector.ndim != 1 or (len(vector) and vector.dtype.kind not in "iu"):
        raise AskedWrongly(f"{ids!r} is not a list of example ids.", "ExampleIds are whole numbers.")
    return np.unique(vector.astype(np.int64))


def _connected(path: Path) -> DuckDBPyConnection:
    import duckdb

    if not path.parent.is_dir():
        raise AskedWrongly(
            f"{path.parent}: there is no such folder.", f"Make a project there: studio init {path.parent}"
        )
    if storable(str(path)) != str(path):
        raise AskedWrongly(f"{path.parent}: the name is not UTF-8; DuckDB opens no store there.", "Rename the folder.")
    with writing(path):
        keep_private(path.parent)  # DuckDB makes the log beside the store anew, at any time and in any thread
    try:
        return duckdb.connect(str(path), config=dict(_CONFIG))
    except duckdb.Error as error:
        said = str(error)
        if held := re.search(r"[Cc]onflicting lock is held(?: in (?P<program>.*?) \(PID (?P<pid>\d+)\))?", said):
            pid = int(held["pid"]) if held["pid"] else None
            who = f"process {pid}" if pid else "another process"
            raise StoreHeld(
                f"{path}: held by {who}, which does not share it.",
                "It may be an older tune-studio, or DuckDB itself: close it there.",
                pid,
            ) from error
        if "newer version of DuckDB" in said or "newer DuckDB" in said:
            raise StoreTooNew(
                f"{path}: written by a newer DuckDB than the one here ({duckdb.__version__}).",
                "Update it: pip install -U duckdb. The store was left as it is.",
            ) from error
        raise _explained(error, path) from error


def _explained(error: duckdb.Error, path: Path) -> StudioError:
    said = str(error)
    if "No space left on device" in said or "Disk quota exceeded" in said:
        return StudioError(
            f"{path}: the disk is full; this change was not saved.",
            "Make room and do it again. Everything saved before is safe.",
        )
    if "not a valid DuckDB database" in said:
        is_empty = path.exists() and not path.stat().st_size
        return StudioError(
            f"{path}: {'an empty file' if is_empty else 'this file is not a store'}.",
            "Delete it, it holds nothing; a new store is made."
            if is_empty
            else "Move it away, or open another folder.",
        )
    if re.search("checksum|[Cc]orrupt|Could not read enough bytes|[Ss]erialization Error|WAL", said):
        return StudioError(
            f"{path}: the store is damaged: {_first_sentence(said)}",
            f"Put a copy of it back. This one was left as it is; its newest changes are in {path.name}.wal.",
        )
    if "Permission denied" in said or "Read-only file system" in said:
        return StudioError(f"{path}: no permission to write the store.", "It must be yours to change: chmod u+rw FILE")
    return StudioError(f"{path}: {_first_sentence(said)}")


def _first_sentence(said: str) -> str:
    """What DuckDB said, without its error class and the lines that quote the statement."""
    return re.sub(r"^[\w ]+ Error: ", "", said.splitlines()[0] if said else "no reason given")
