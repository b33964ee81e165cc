"""What a store does with rows whose prompts are nearly the same: finds them, and keeps their clusters up to date."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from studio.dataset.connection import stopping
from studio.dataset.examples import ExampleIds
from studio.dataset.host import Host, reads, writes
from studio.dataset.near import clusters

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_BATCH = 2_000


class NearOfStore:
    """A part of ``Store``."""

    host: Host
    who: str
    origin: str
    _finding_near: threading.Lock

    def find_near(
        self, progress: Callable[[int, int], None] | None = None, is_cancelled: Callable[[], bool] = lambda: False
    ) -> None:
        """Bring the clusters of rows with nearly equal prompts up to date; only what changed is computed.

        ``progress`` hears how many of how many rows are done. What is computed before it is cancelled stays. Raises
        Interrupted once ``is_cancelled``.
        """
        stop = stopping(is_cancelled)
        with self._finding_near:
            waiting, are_gone = self.rows_without_bands()
            if are_gone:
                self.forget_bands_of_removed()
            for start in range(0, len(waiting), _BATCH):
                stop()
                self.keep_bands(waiting[start : start + _BATCH])
                if progress:
                    progress(min(start + _BATCH, len(waiting)), len(waiting))
            ids, of_rows = self.near_clusters(is_cancelled)
            if len(ids):
                self.keep_clusters(ids, of_rows)

    @reads
    def near(self, cursor: DuckDBPyConnection, example_id: int) -> ExampleIds:
        """The rows whose prompts are near that of this one, itself among them, as ``find_near`` left them."""
        return clusters.cluster_of(cursor, example_id)

    @reads
    def rows_without_bands(self, cursor: DuckDBPyConnection) -> tuple[ExampleIds, bool]:
        """The rows whose present prompt has no bands yet, and whether removed rows still have some."""
        return clusters.unsigned(cursor), clusters.has_removed(cursor)

    @writes
    def forget_bands_of_removed(self, cursor: DuckDBPyConnection) -> None:
        """Rows in the trash leave their clusters."""
        clusters.forget_removed(cursor)

    @writes
    def keep_bands(self, cursor: DuckDBPyConnection, ids: ExampleIds) -> None:
        """Compute and keep the bands of these rows. No undo step."""
        clusters.sign(cursor, ids)

    @reads
    def near_clusters(
        self, cursor: DuckDBPyConnection, is_cancelled: Callable[[], bool] = lambda: False
    ) -> tuple[ExampleIds, ExampleIds]:
        """(rows, the cluster of each) where what changed may have made another; nothing is kept of it yet."""
        return clusters.clusters_to_make(cursor, stopping(is_cancelled))

    @writes
    def keep_clusters(self, cursor: DuckDBPyConnection, ids: ExampleIds, of_rows: ExampleIds) -> None:
        """Keep what ``near_clusters`` gave. No undo step."""
        clusters.place(cursor, ids, of_rows)
