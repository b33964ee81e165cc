"""The clusters of the store: each row in a table with the bands of its prompt, and the cluster that it is in.

Bands are computed once for each text of a row. What is computed again after an edit is the clusters that the row was
in and those that it could join. A cluster is what is reached from one row by steps from near to near (union-find), so
its ends may differ more than its neighbours. Its number is its smallest id.

What all prompts of a task begin with says nothing of a row and is left out: an instruction before short texts would
make them all alike. Of a row that a template made only those of its columns are compared that stand in its prompt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from studio.dataset.connection import id_condition
from studio.dataset.examples import ExampleIds
from studio.dataset.near.shingles import BANDS, NEAR, Bands, bands_of, jaccard, shingles

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_CHUNK = 2_000
_MOST_CHARS = 20_000  # of a longer prompt the beginning is compared: as sets of pieces a megabyte takes a hundred
_LEAST_ROWS_TO_SHARE = 20
# In a larger bucket a row is compared with at most this many others, of which no two are near: a linear bound. Two rows
# that share one band of 20 are rarely near; they must share two, as 98 % of those do whose similarity is 0.8.
_MOST_COMPARED, _LEAST_SHARED_BANDS = 24, 2
_BAND_NAMES = [f"band_{number}" for number in range(BANDS)]
_REMOVED = "example_id IN (SELECT example_id FROM examples WHERE is_removed)"

Texts = dict[int, str]
Stop = Callable[[], None]


def unsigned(cursor: DuckDBPyConnection) -> ExampleIds:
    """The rows whose present prompt has no bands yet, ascending."""
    found = cursor.execute(
        f"""SELECT example_id FROM examples JOIN {_skips(cursor)} USING (task) WHERE NOT is_removed
            AND NOT EXISTS (SELECT 1 FROM near_rows AS near WHERE near.example_id = examples.example_id
                AND near.revision = examples.revision AND near.skipped = skips.skipped) ORDER BY example_id"""
    ).fetchnumpy()
    return np.asarray(found["example_id"], dtype=np.int64)


def sign(cursor: DuckDBPyConnection, ids: ExampleIds) -> None:
    """Compute and keep the bands of the rows ``ids``, which are in no cluster then."""
    rows = cursor.execute(
        f"""SELECT example_id, revision, skips.skipped, {_compared("skips")}
            FROM examples JOIN {_skips(cursor)} USING (task)
            WHERE {id_condition(cursor, ids)} ORDER BY example_id"""
    ).fetchall()
    bands = bands_of([prompt for *_, prompt in rows])
    columns = {
        name: np.array([row[place] for row in rows], dtype=np.int64)
        for place, name in enumerate(("example_id", "revision", "skipped"))
    }
    _part(cursor, id_condition(cursor, ids))
    cursor.register("signed", columns | {name: bands[:, place].copy() for place, name in enumerate(_BAND_NAMES)})
    cursor.execute("INSERT INTO near_rows BY NAME SELECT *, example_id AS cluster, false AS is_placed FROM signed")


def has_removed(cursor: DuckDBPyConnection) -> bool:
    """Whether rows in the trash have bands still."""
    ((has_some,),) = cursor.execute(f"SELECT EXISTS (SELECT 1 FROM near_rows WHERE {_REMOVED})").fetchall()
    return bool(has_some)


def forget_removed(cursor: DuckDBPyConnection) -> None:
    """Rows in the trash leave their clusters, which are made anew."""
    _part(cursor, _REMOVED)


def clusters_to_make(cursor: DuckDBPyConnection, stop: Stop) -> tuple[ExampleIds, ExampleIds]:
    """(ids, the cluster of each) of all rows that an unplaced row may concern. Nothing is written."""
    total, waiting = _total(cursor), _unplaced(cursor)
    if not waiting:
        nothing = np.empty(0, dtype=np.int64)
        return nothing, nothing
    scope = "true" if waiting > total // 4 else _concerned()
    found = cursor.execute(
        f"SELECT example_id, {', '.join(_BAND_NAMES)} FROM near_rows WHERE {scope} ORDER BY example_id"
    ).fetchnumpy()
    ids = np.asarray(found["example_id"], dtype=np.int64)
    bands = np.stack([np.asarray(found[name], dtype=np.uint32) for name in _BAND_NAMES], axis=1)
    return ids, ids[_clustered(ids, bands, lambda some: _prompts(cursor, some), stop)]


def place(cursor: DuckDBPyConnection, ids: ExampleIds, clusters: ExampleIds) -> None:
    """Keep the clusters of rows."""
    cursor.register("placed", {"example_id": ids, "cluster": clusters})
    cursor.execute(
        """UPDATE near_rows SET cluster = placed.cluster, is_placed = true FROM placed
           WHERE placed.example_id = near_rows.example_id"""
    ).fetchall()


def cluster_of(cursor: DuckDBPyConnection, example_id: int) -> ExampleIds:
    """The rows in the cluster of this one, itself included; it alone where none is near, or it was not looked at."""
    found = cursor.execute(
        """SELECT example_id FROM near_rows WHERE cluster =
           (SELECT cluster FROM near_rows WHERE example_id = $1) ORDER BY example_id""",
        [example_id],
    ).fetchnumpy()
    ids = np.asarray(found["example_id"], dtype=np.int64)
    return ids if len(ids) else np.array([example_id], dtype=np.int64)


def _part(cursor: DuckDBPyConnection, condition: str) -> None:
    """Rows leave; those that were in a cluster with one are to be placed anew."""
    cursor.execute(
        f"""UPDATE near_rows SET is_placed = false WHERE cluster IN (SELECT cluster FROM near_rows WHERE {condition})"""
    ).fetchall()
    cursor.execute(f"DELETE FROM near_rows WHERE {condition}").fetchall()


def _total(cursor: DuckDBPyConnection) -> int:
    ((count,),) = cursor.execute("SELECT count(*) FROM near_rows").fetchall()
    return int(count)


def _unplaced(cursor: DuckDBPyConnection) -> int:
    ((count,),) = cursor.execute("SELECT count(*) FROM near_rows WHERE NOT is_placed").fetchall()
    return int(count)


def _concerned() -> str:
    """The condition of the rows that share a band with an unplaced one, and of all in their clusters."""
    shares = " OR ".join(f"{name} IN (SELECT {name} FROM near_rows WHERE NOT is_placed)" for name in _BAND_NAMES)
    return f"(NOT is_placed OR cluster IN (SELECT cluster FROM near_rows WHERE {shares}))"


def _prompts(cursor: DuckDBPyConnection, ids: ExampleIds) -> Texts:
    rows = cursor.execute(
        f"""SELECT example_id, {_compared("near_rows")} FROM examples JOIN near_rows USING (example_id)
            WHERE {id_condition(cursor, ids, "examples.example_id")}"""
    ).fetchall()
    return dict(rows)


def _compared(skipped_in: str) -> str:
    """What of a prompt is compared."""
    columns = "list_filter(json_extract_string(raw, '$.*'), lambda text: text <> '' AND contains(prompt, text))"
    rest = f"prompt[{skipped_in}.skipped + 1 :]"
    own = f"coalesce(nullif(array_to_string({columns}, ' '), ''), {rest})"
    return f"left(CASE WHEN template = '' THEN {rest} ELSE {own} END, {_MOST_CHARS})"


def _skips(cursor: DuckDBPyConnection) -> str:
    """A table of tasks with the number of characters that all of a task's prompts begin with alike."""
    tasks = cursor.execute(
        "SELECT task, count(*), min(prompt), max(prompt) FROM examples WHERE NOT is_removed GROUP BY task ORDER BY task"
    ).fetchall()
    rows = [
        f"({number}, {_alike(first, last) if count >= _LEAST_ROWS_TO_SHARE else 0})"
        for number, (_, count, first, last) in enumerate(tasks)
    ]
    values = ", ".join(rows) or "(-1, 0)"
    return f"""(SELECT task, skipped FROM (
            SELECT task, row_number() OVER (ORDER BY task) - 1 AS number
            FROM examples WHERE NOT is_removed GROUP BY task)
        JOIN (VALUES {values}) AS shared(number, skipped) USING (number)) AS skips"""


def _alike(one: str, other: str) -> int:
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _clustered(ids: ExampleIds, bands: Bands, prompts: Callable[[ExampleIds], Texts], stop: Stop) -> list[int]:
    """The position of each row's cluster: that of its first row."""
    clusters = _Clusters(len(ids))
    for band in range(bands.shape[1]):
        for buckets in _portions(_buckets(bands[:, band])):
            stop()
            _prove(ids, bands, buckets, clusters, prompts)
    return [clusters.of(position) for position in range(len(ids))]


def _buckets(column: Bands) -> Iterator[list[int]]:
    """The positions that have the same number, where two or more have it."""
    order = np.argsort(column, kind="stable")
    ends = np.flatnonzero(np.diff(column[order])) + 1
    for bucket in np.split(order, ends):
        if len(bucket) > 1:
            yield bucket.tolist()


def _portions(buckets: Iterable[list[int]]) -> Iterator[list[list[int]]]:
    """Buckets that together have about ``_CHUNK`` rows."""
    portion: list[list[int]] = []
    size = 0
    for bucket in buckets:
        portion.append(bucket)
        size += len(bucket)
        if size >= _CHUNK:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


def _prove(
    ids: ExampleIds,
    bands: Bands,
    buckets: list[list[int]],
    clusters: _Clusters,
    prompts: Callable[[ExampleIds], Texts],
) -> None:
    """Join what is near in these buckets."""
    open_ones = [bucket for bucket in buckets if len({clusters.of(position) for position in bucket}) > 1]
    positions = sorted({position for bucket in open_ones for position in bucket})
    if not positions:
        return
    texts = prompts(ids[positions])
    sets: dict[int, set[str]] = {}

    def set_of(position: int) -> set[str]:
        if position not in sets:
            sets[position] = shingles(texts[int(ids[position])])
        return sets[position]

    for bucket in open_ones:
        others: list[int] = []
        for position in bucket:
            rivals = [other for other in others if clusters.of(other) != clusters.of(position)]
            shared = (bands[rivals] == bands[position]).sum(axis=1) if rivals else ()
            near = next(
                (
                    other
                    for other, count in zip(rivals, shared, strict=True)
                    if count >= _LEAST_SHARED_BANDS and jaccard(set_of(other), set_of(position)) >= NEAR
                ),
                None,
            )
            if near is not None:
                clusters.join(near, position)
            is_small = len(bucket) <= _MOST_COMPARED
            if is_small or (near is None and len(others) < _MOST_COMPARED):
                others.append(position)


class _Clusters:
    """Union-find with path halving; a cluster is known by its smallest position."""

    def __init__(self, count: int) -> None:
        self._parents = list(range(count))

    def of(self, position: int) -> int:
        parents = self._parents
        while parents[position] != position:
            parents[position] = parents[parents[position]]
            position = parents[position]
        return position

    def join(self, one: int, other: int) -> None:
        first, last = sorted((self.of(one), self.of(other)))
        self._parents[last] = first
