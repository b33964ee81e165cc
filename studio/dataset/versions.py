"""Versions: named states of the dataset that stay as they are.

A version holds of each row its number, revision, label, split and task, some bytes a row; the texts are in the edit
log, see past.py. Its content hash is that of its rows' exact texts, labels, splits and tasks: equal for equal rows, in
whatever order and by whatever numbers they are stored. It is for telling apart, not for secrecy.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from studio.dataset import past
from studio.dataset.candidates import text_fault
from studio.dataset.connection import as_ids
from studio.dataset.examples import ExampleIds
from studio.errors import AskedWrongly

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

NOW = "now"
NOT_NOW = -1  # ``upto`` of a version that was made of the state of an earlier moment
LONGEST_NAME = 60
_CONTENT = "prompt, completion, system, context, rejected, label, split, task"
_COLUMNS = "version_id, name, note, who, made_at, upto, row_count, content_hash"


@dataclass(frozen=True)
class Version:
    """A named state. ``made_at`` is in UTC; ``upto`` numbers the newest change that it has in it."""

    version_id: int
    name: str
    note: str
    who: str
    made_at: datetime
    upto: int
    row_count: int
    content_hash: str


@dataclass(frozen=True)
class Moved:
    """Rows whose label, split or task was ``before`` and is ``after``."""

    before: str
    after: str
    example_ids: ExampleIds


@dataclass(frozen=True)
class VersionDiff:
    """What differs from one state to another; a row may be edited, relabelled and moved at once.

    ``tasks`` counts the rows that differ at all, by task, the most first; ``names`` are the states', ``now`` one.
    """

    names: tuple[str, str]
    added: ExampleIds
    removed: ExampleIds
    edited: ExampleIds
    relabelled: list[Moved]
    moved: list[Moved]
    retasked: list[Moved]
    tasks: dict[str, int]

    @property
    def count(self) -> int:
        """How many rows differ."""
        return sum(self.tasks.values())


def create(cursor: DuckDBPyConnection, who: str, name: str, note: str, as_of: datetime | None = None) -> Version:
    """Name the present state, or that of a moment; ``v1``, ``v2`` … where no name is given.

    Raises AskedWrongly for a name that is taken or cannot be one, and where there are, or were, no rows.
    """
    _check_name(cursor, name)
    ((last,),) = cursor.execute("SELECT coalesce(max(version_id), 0) FROM versions").fetchall()
    version_id = last + 1
    wanted = past.state_at(cursor, as_of) if as_of else past.NOW
    count, content_hash = _content_then(cursor, wanted) if as_of else content_of(cursor)
    if not count and as_of:
        raise AskedWrongly(f"There were no rows at {as_of:%Y-%m-%d %H:%M}.", "Name a later moment.")
    if not count:
        raise AskedWrongly("There are no rows yet, so there is no version of them.", "studio import FILE adds some.")
    made = Version(
        version_id,
        name or _free_name(cursor, version_id),
        note,
        who,
        datetime.now(UTC),
        NOT_NOW if as_of else upto(cursor),
        count,
        content_hash,
    )
    values = [version_id, made.name, note, who, made.made_at.replace(tzinfo=None), made.upto, count, content_hash]
    places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    cursor.execute(f"INSERT INTO versions ({_COLUMNS}) VALUES ({places})", values).fetchall()
    cursor.execute(
        f"""INSERT INTO version_rows (version_id, example_id, revision, label, split, task)
            SELECT {version_id}, example_id, revision, label, split, task FROM {wanted} ORDER BY example_id"""
    ).fetchall()
    return made


def freeze(cursor: DuckDBPyConnection, who: str, as_of: int, note: str) -> Version | None:
    """The version of the state that ``upto`` said was ``as_of``: the newest, where it has that, else one made now.

    None where a row has changed since then.
    """
    if upto(cursor) != as_of:
        return None
    found = next((one for one in reversed(every(cursor)) if one.upto == as_of), None)
    return found or create(cursor, who, "", note)


def every(cursor: DuckDBPyConnection) -> list[Version]:
    """All versions, oldest first."""
    rows = cursor.execute(f"SELECT {_COLUMNS} FROM versions ORDER BY version_id").fetchall()
    return [_version(row) for row in rows]


def named(cursor: DuckDBPyConnection, name: str) -> Version:
    """The version of this name. Raises AskedWrongly where there is none."""
    row = cursor.execute(f"SELECT {_COLUMNS} FROM versions WHERE name = $1", [name]).fetchone()
    if row is None:
        names = [one.name for one in every(cursor)]
        hint = f"Versions: {', '.join(names[-8:])}." if names else "studio version create NAME makes one."
        raise AskedWrongly(f"There is no version {name!r}.", hint)
    return _version(row)


def upto(cursor: DuckDBPyConnection) -> int:
    """The number of the newest change of any row."""
    ((number,),) = cursor.execute("SELECT coalesce(max(changed), 0) FROM examples").fetchall()
    return int(number)


def state(cursor: DuckDBPyConnection, name: str) -> str:
    """The state of the version ``name``, or the present one of ``now``. Raises AskedWrongly."""
    return past.NOW if name == NOW else past.state_of_version(named(cursor, name).version_id)


def diff(cursor: DuckDBPyConnection, before: str, after: str) -> VersionDiff:
    """What differs from the version ``before`` to ``after``; either may be ``now``. Raises AskedWrongly."""
    found = cursor.execute(
        f"""SELECT coalesce(old.example_id, new.example_id) AS example_id,
                   old.example_id IS NULL AS is_added, new.example_id IS NULL AS is_removed,
                   old.revision AS old_revision, new.revision AS new_revision,
                   old.label AS old_label, new.label AS new_label, old.split AS old_split, new.split AS new_split,
                   old.task AS old_task, coalesce(new.task, old.task) AS new_task
            FROM {state(cursor, before)} AS old FULL JOIN {state(cursor, after)} AS new USING (example_id)
            WHERE old.example_id IS NULL OR new.example_id IS NULL OR old.revision <> new.revision
                OR old.label <> new.label OR old.split <> new.split OR old.task <> new.task
            ORDER BY 1"""
    ).fetchall()
    rows = [_DiffRow(*row) for row in found]
    edited = _really_edited(cursor, [row for row in rows if row.is_edited])
    in_both = [row for row in rows if row.is_in_both]
    relabelled = _moves([(row.example_id, row.old_label, row.new_label) for row in in_both])
    moved = _moves([(row.example_id, row.old_split, row.new_split) for row in in_both])
    retasked = _moves([(row.example_id, row.old_task, row.new_task) for row in in_both])
    same = {row.example_id for row in rows if row.is_edited} - edited
    same -= {id_ for move in (*relabelled, *moved, *retasked) for id_ in move.example_ids.tolist()}
    tasks: dict[str, int] = {}
    for row in rows:
        if row.example_id not in same:
            tasks[row.new_task] = tasks.get(row.new_task, 0) + 1
    return VersionDiff(
        (before, after),
        as_ids([row.example_id for row in rows if row.is_added]),
        as_ids([row.example_id for row in rows if row.is_removed]),
        as_ids(sorted(edited)),
        relabelled,
        moved,
        retasked,
        dict(sorted(tasks.items(), key=lambda pair: (-pair[1], pair[0]))),
    )


@dataclass(frozen=True)
class _DiffRow:
    example_id: int
    is_added: bool
    is_removed: bool
    old_revision: int | None
    new_revision: int | None
    old_label: str
    new_label: str
    old_split: str
    new_split: str
    old_task: str
    new_task: str

    @property
    def is_in_both(self) -> bool:
        return not (self.is_added or self.is_removed)

    @property
    def is_edited(self) -> bool:
        return self.is_in_both and self.old_revision != self.new_revision


def _really_edited(cursor: DuckDBPyConnection, rows: list[_DiffRow]) -> set[int]:
    """Those whose texts differ: what was edited and edited back has another revision and the same text."""
    before = past.texts_at(cursor, {row.example_id: row.old_revision or 0 for row in rows})
    after = past.texts_at(cursor, {row.example_id: row.new_revision or 0 for row in rows})
    return {example_id for example_id, texts in after.items() if texts != before[example_id]}


def _moves(values: list[tuple[int, str, str]]) -> list[Moved]:
    """Rows by what they changed from and to, the most first."""
    by_move: dict[tuple[str, str], list[int]] = {}
    for example_id, before, after in values:
        if before != after:
            by_move.setdefault((before, after), []).append(example_id)
    moves = [Moved(before, after, as_ids(ids)) for (before, after), ids in by_move.items()]
    return sorted(moves, key=lambda move: (-len(move.example_ids), move.before, move.after))


def _check_name(cursor: DuckDBPyConnection, name: str) -> None:
    if not name:
        return
    fault = text_fault(name)
    if fault or len(name) > LONGEST_NAME or name != " ".join(name.split()) or name == NOW:
        why = f"{fault[0]}" if fault else f"is {NOW!r}, has odd spaces or more than {LONGEST_NAME} characters"
        raise AskedWrongly(f"{name[:80]!r} cannot name a version: it {why}.", "A short name on one line, as clean-1.")
    if cursor.execute("SELECT 1 FROM versions WHERE name = $1", [name]).fetchone():
        raise AskedWrongly(f"There is a version {name} already; it stays as it is.", "Choose another name.")


def _free_name(cursor: DuckDBPyConnection, number: int) -> str:
    taken = {one.name for one in every(cursor)}
    while f"v{number}" in taken:
        number += 1
    return f"v{number}"


def content_of(cursor: DuckDBPyConnection, where: str = "true") -> tuple[int, str]:
    """How many rows there are now, and the hash of what is in them: a sum of rows' hashes, which knows no order."""
    ((count, total),) = cursor.execute(
        f"""SELECT count(*), sum(md5_number_lower(concat_ws(chr(0), {_CONTENT}))) FROM examples
            WHERE NOT is_removed AND {where}"""
    ).fetchall()
    return int(count), _digest(count, total or 0)


def _content_then(cursor: DuckDBPyConnection, wanted: str) -> tuple[int, str]:
    """As ``content_of``, of any state: rows whose text is another now are hashed one by one."""
    labels = "was.label, was.split, was.task"
    ((count, total),) = cursor.execute(
        f"""SELECT count(*), sum(md5_number_lower(concat_ws(chr(0), {_CONTENT.replace("label, split, task", labels)})))
            FROM examples JOIN {wanted} AS was USING (example_id) WHERE was.revision = examples.revision"""
    ).fetchall()
    total = int(total or 0)
    for one in past.examples_in(cursor, wanted, _with_other_texts(cursor, wanted)):
        values = (one.prompt, one.completion, one.system, one.context, one.rejected, one.label, one.split, one.task)
        half = hashlib.md5("\0".join(values).encode(), usedforsecurity=False).digest()[8:]
        count, total = count + 1, total + int.from_bytes(half, "little")
    return int(count), _digest(count, total)


def _with_other_texts(cursor: DuckDBPyConnection, wanted: str) -> ExampleIds:
    found = cursor.execute(
        f"""SELECT example_id FROM examples JOIN {wanted} AS was USING (example_id)
            WHERE was.revision <> examples.revision"""
    ).fetchnumpy()
    return as_ids(found["example_id"])


def _digest(count: int, total: int) -> str:
    return hashlib.md5(f"{count}:{total}".encode(), usedforsecurity=False).hexdigest()


def _version(row: tuple[Any, ...]) -> Version:
    version_id, name, note, who, made_at, newest, count, content_hash = row
    return Version(version_id, name, note, who, made_at.replace(tzinfo=UTC), newest, count, content_hash)
