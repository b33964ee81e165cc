"""The store: one DuckDB file with the examples, their labels, every edit, and the token counts.

Importing this module does not load DuckDB; opening a store does. One process holds a store at a time. Each act of a
person is one method, one transaction and one undo step; when the method returns, the act is on disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np

from studio.dataset import adding, edits, pages, row_losses, token_counts, views
from studio.dataset.candidates import Candidate
from studio.dataset.checks import current, kept
from studio.dataset.checks.check import Check, Finding
from studio.dataset.checks.kept import Result
from studio.dataset.checks.rows import Around, Need, Rows
from studio.dataset.checks.running import findings_of
from studio.dataset.connection import Connection, Interrupted
from studio.dataset.examples import (
    PREVIEW_CHARS,
    Added,
    Change,
    Counts,
    Edit,
    Example,
    ExampleIds,
    Preview,
    Stats,
    Values,
)
from studio.dataset.labels import LABELS, SPLITS
from studio.dataset.texts import storable
from studio.dataset.token_counts import Uncounted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = [
    "LABELS",
    "PREVIEW_CHARS",
    "SPLITS",
    "Added",
    "Change",
    "Edit",
    "Example",
    "Interrupted",
    "Preview",
    "Stats",
    "Store",
    "Values",
]

_BATCH = 2_000


class Store:
    """An open store. Public methods may be called from any thread; writes wait for each other, reads never wait."""

    def __init__(self, connection: Connection, who: str) -> None:
        self._connection = connection
        self.who = storable(who)

    @classmethod
    def open(cls, path: Path, who: str) -> Store:
        """Open the store at ``path``, or make it; ``who`` is written into the edit log.

        Raises StoreHeld when another process has it open, StoreTooNew when a newer studio wrote it, AskedWrongly when
        its folder is missing, StudioError when it is damaged, no store at all, or the disk refuses.
        """
        return cls(Connection(Path(path)), who)

    @property
    def path(self) -> Path:
        """The file."""
        return self._connection.path

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        self._connection.close()

    def interrupt(self) -> None:
        """Stop reading queries that run in other threads; they raise Interrupted. Writes are left to finish."""
        self._connection.interrupt()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- reading

    def view_ids(self, where: str = "", search: str = "", sort: Sequence[tuple[str, bool]] = ()) -> ExampleIds:
        """ExampleIds of the rows for which ``where`` (see filters.py) holds and in which ``search`` occurs, int64.

        ``search`` is looked for in prompt, completion, system, task and note, in any case. ``sort`` is (column,
        is_descending) pairs, the first one leading; then by id. Raises AskedWrongly for a filter or a sort column
        that cannot be used, Interrupted.
        """
        with self._connection.reading() as cursor:
            return views.view_ids(cursor, where, search, sort)

    def values(
        self,
        column: str,
        where: str = "",
        among: Sequence[int] | ExampleIds | None = None,
        containing: str = "",
        most: int = 200,
    ) -> Values:
        """The ``most`` commonest values of ``column`` in the rows for which ``where`` holds, of ``among`` if given.

        Only values with ``containing`` in them, in any case. Equal counts stand in the order of their values. Raises
        AskedWrongly for a filter or a column that cannot be used, Interrupted.
        """
        with self._connection.reading() as cursor:
            return views.values(cursor, column, where, among, containing, most)

    def previews(self, ids: Sequence[int] | ExampleIds, fingerprint: str = "") -> list[Preview]:
        """Table rows in the order of ``ids``; removed ones are left out.

        ``total_tokens`` is counted with ``fingerprint``, or with the newest one of a window check.
        """
        with self._connection.reading() as cursor:
            return pages.previews(cursor, ids, fingerprint)

    def example(self, example_id: int) -> Example:
        """One example, whole. Raises AskedWrongly where there is none."""
        found = self.examples([example_id])
        if not found:
            raise edits.no_example(example_id)
        return found[0]

    def examples(self, ids: Sequence[int] | ExampleIds) -> list[Example]:
        """Whole examples in the order of ``ids``; removed ones are left out. For pages of ids, not for all rows."""
        with self._connection.reading() as cursor:
            return pages.examples(cursor, ids)

    def rows_for(
        self, split: str = "", tasks: Sequence[str] = (), labels: Sequence[str] = (), where: str = ""
    ) -> list[Example]:
        """The examples to freeze for a run, by id; an empty argument means all. Raises AskedWrongly."""
        with self._connection.reading() as cursor:
            return pages.rows_for(cursor, split, tasks, labels, where)

    def history(self, example_id: int) -> list[Edit]:
        """Everything done to an example, oldest first, the undone included."""
        with self._connection.reading() as cursor:
            return pages.history(cursor, example_id)

    def stats(self) -> Stats:
        """How many examples there are, by label, by split and by task, the commonest task first."""
        with self._connection.reading() as cursor:
            return pages.stats(cursor)

    def labelling_times(self, seconds: float) -> list[datetime]:
        """When ``who`` decided on labels in the last ``seconds``, in UTC; see pace.py."""
        with self._connection.reading() as cursor:
            return pages.labelling_times(cursor, self.who, seconds)

    # -- checking

    def finding(self, check: Check, is_cancelled: Callable[[], bool] = lambda: False) -> Finding | None:
        """What ``check`` finds in the rows that are not rejected, skipped or in the trash. Nothing is written.

        Raises Interrupted once ``is_cancelled``, which is asked now and then, or after ``interrupt``.
        """
        with self._rows_to_check(Around(), is_cancelled) as (_, rows):
            return findings_of(rows, [check])[check.name]

    def lacking(self, check: Check) -> tuple[Need, ...]:
        """What ``check`` needs and the store does not know; then its findings would not be worth having."""
        with self._rows_to_check(Around(), lambda: False) as (_, rows):
            return tuple(need for need in check.needs if rows.lacks(need))

    def check(
        self,
        checks: Sequence[Check],
        around: Around,
        on_done: Callable[[Check], None] = lambda check: None,
        is_cancelled: Callable[[], bool] = lambda: False,
        *,
        is_new_look: bool = True,
    ) -> list[Result]:
        """Bring what is kept of ``checks`` up to date, all or none of it, and give it in their order.

        Only what the rows changed since can have changed is computed. What ``is_new_look`` finds stands beside the
        count before; else that stays what it was. Raises Interrupted once ``is_cancelled``, or after ``interrupt``.
        """
        with self._rows_to_check(around, is_cancelled) as (cursor, rows):
            fresh = current.computed(cursor, rows, checks, on_done)
        if fresh:
            with self._connection.writing() as cursor:
                current.save(cursor, fresh, is_new_look)
        return self.checked(checks, around)

    def checked(self, checks: Sequence[Check], around: Around) -> list[Result]:
        """What is kept of ``checks``, and how many rows changed since; nothing is computed."""
        with self._rows_to_check(around, lambda: False) as (cursor, rows):
            return current.results(cursor, rows, checks)

    def waive(self, check: Check, example_ids: ExampleIds, reason: str) -> Change:
        """Let what ``check`` found in these rows be; without a reason, take the waiver back. Raises AskedWrongly."""
        with self._connection.writing() as cursor:
            return kept.waive(cursor, self.who, check, example_ids, storable(reason))

    @contextmanager
    def _rows_to_check(
        self, around: Around, is_cancelled: Callable[[], bool]
    ) -> Iterator[tuple[DuckDBPyConnection, Rows]]:
        def stop_if_cancelled() -> None:
            if is_cancelled():
                raise Interrupted("Stopped.", "Nothing was changed.")

        with self._connection.reading() as cursor:
            yield cursor, Rows(cursor, stop_if_cancelled, around)

    # -- importing

    def plan_add(self, candidates: Iterable[Candidate]) -> Added:
        """What ``add`` would do. Nothing is written; ``batch_id`` is 0."""
        rows = list(candidates)
        hashes = adding.hashes_of(rows)
        with self._connection.reading() as cursor:
            planned = adding.plan(cursor, rows, hashes)
        return Added(0, len(planned.positions), planned.duplicates, planned.of_another_task)

    def add(self, candidates: Iterable[Candidate], source: str) -> Added:
        """Store the candidates that are new, all or none. ``source`` names the import and rows without a source."""
        rows = list(candidates)
        hashes = adding.hashes_of(rows)
        with self._connection.writing() as cursor:
            return adding.add(cursor, self.who, rows, hashes, storable(source))

    # -- changing; every method raises AskedWrongly for an id that is not there, and then changes nothing

    def set_label(self, ids: Sequence[int] | ExampleIds, label: str) -> Change:
        """Label rows with one of ``LABELS``."""
        with self._connection.writing() as cursor:
            return edits.set_label(cursor, self.who, ids, label)

    def set_text(self, example_id: int, prompt: str | None = None, completion: str | None = None) -> Change:
        """Replace the texts that are not None; the revision becomes a new one. Raises AskedWrongly for empty text."""
        with self._connection.writing() as cursor:
            return edits.set_text(cursor, self.who, example_id, prompt, completion)

    def set_mark(self, ids: Sequence[int] | ExampleIds, is_marked: bool, note: str = "") -> Change:
        """Mark rows for later, or unmark them, which clears the note. Marking without a note keeps the old one."""
        with self._connection.writing() as cursor:
            return edits.set_mark(cursor, self.who, ids, is_marked, note)

    def remove(self, ids: Sequence[int] | ExampleIds) -> Change:
        """Put rows in the trash; undo brings them back."""
        with self._connection.writing() as cursor:
            return edits.remove(cursor, self.who, ids)

    def assign_splits(
        self, test: float = 0.1, validation: float = 0.1, seed: int = 0, *, keep_assigned: bool = False
    ) -> Change:
        """Give every row its split by its prompt's hash (see splits.py). Raises AskedWrongly for senseless shares.

        With ``keep_assigned`` only rows without a split get one: that of the rows with an equal prompt where there are
        any, else by the hash. The shares then speak of the new prompts, not of the whole.
        """
        with self._connection.writing() as cursor:
            return edits.assign_splits(cursor, self.who, test, validation, seed, keep_assigned)

    def undo(self) -> Change | None:
        """Take the newest act back, imports included, also one of an earlier session; None where there is none."""
        with self._connection.writing() as cursor:
            return edits.undo(cursor)

    def redo(self) -> Change | None:
        """Do again what was undone last; None after any new act, or where nothing was undone."""
        with self._connection.writing() as cursor:
            return edits.redo(cursor)

    # -- token counts

    def counts(self, fingerprint: str) -> tuple[ExampleIds, Counts, Counts]:
        """(ids, prompt_tokens, completion_tokens) of the rows whose present text was counted, by id."""
        with self._connection.reading() as cursor:
            return token_counts.counts(cursor, fingerprint)

    def shot_tokens(self, fingerprint: str) -> Counts:
        """Tokens that each counted row costs as an example in another row's prompt, by id."""
        with self._connection.reading() as cursor:
            return token_counts.shot_tokens(cursor, fingerprint)

    def uncounted_total(self, fingerprint: str) -> int:
        """How many rows have no count of their present text."""
        with self._connection.reading() as cursor:
            return token_counts.uncounted_total(cursor, fingerprint)

    def uncounted(self, fingerprint: str) -> Iterator[list[Uncounted]]:
        """Batches of (example_id, revision, prompt, completion, system) to count.

        Asking makes ``fingerprint`` the one that ``total_tokens`` in filters, sorts and previews goes by.
        """
        with self._connection.reading() as cursor:
            ids = token_counts.uncounted_ids(cursor, fingerprint)
            newest = token_counts.newest(cursor)
        if newest != fingerprint:
            with self._connection.writing() as cursor:
                token_counts.make_newest(cursor, fingerprint)
        return self._texts(ids)

    def _texts(self, ids: ExampleIds) -> Iterator[list[Uncounted]]:
        for start in range(0, len(ids), _BATCH):
            with self._connection.reading() as cursor:
                batch = token_counts.texts(cursor, ids[start : start + _BATCH])
            yield batch

    def save_counts(
        self,
        fingerprint: str,
        ids: Sequence[int] | ExampleIds,
        revisions: Sequence[int] | Counts,
        prompt_tokens: Sequence[int] | Counts,
        completion_tokens: Sequence[int] | Counts,
        shot_tokens: Sequence[int] | Counts,
    ) -> None:
        """Keep token counts of rows at these revisions; the five vectors go together. No undo step."""
        counted = (revisions, prompt_tokens, completion_tokens, shot_tokens)
        columns = (np.asarray(column, dtype=np.int32) for column in counted)
        with self._connection.writing() as cursor:
            token_counts.save(cursor, fingerprint, np.asarray(ids, dtype=np.int64), *columns)

    # -- losses of a run

    def keep_losses(self, ids: Sequence[int], losses: Sequence[float], base_losses: Sequence[float]) -> None:
        """Make these what ``loss`` and ``base_loss`` in filters and sorts go by; NaN is not known. No undo step."""
        columns = (np.asarray(column, dtype=np.float64) for column in (losses, base_losses))
        with self._connection.writing() as cursor:
            row_losses.replace(cursor, np.asarray(ids, dtype=np.int64), *columns)
