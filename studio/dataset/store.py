"""The store: one DuckDB file with the examples, their labels, every edit, and the token counts.

Importing this module does not load DuckDB; opening a store does. One process has the file open at a time, and lets
others use the store by way of studio/sharing. Each act of a person is one method, one transaction and one undo step;
when the method returns, the act is on disk. A method declared by ``@reads`` or ``@writes`` works from any process (see
host.py), so what it takes and gives can be written down: vectors, plain values, dataclasses of them.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np

from studio.dataset import adding, assigning, edits, pages, row_losses, token_counts, undoing, views
from studio.dataset import facts as dataset_facts
from studio.dataset.candidates import Candidate
from studio.dataset.changes import Changes, Heard
from studio.dataset.checks.of_store import ChecksOfStore
from studio.dataset.connection import Connection, Interrupted, as_ids
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
from studio.dataset.facts import Facts
from studio.dataset.host import Here, Host, reads, writes
from studio.dataset.labels import LABELS, SPLITS
from studio.dataset.near.of_store import NearOfStore
from studio.dataset.row_losses import Losses
from studio.dataset.store_past import PastOfStore
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


class Store(ChecksOfStore, NearOfStore, PastOfStore):
    """An open store. Public methods may be called from any thread; writes wait for each other, reads never wait."""

    def __init__(self, host: Host, who: str, origin: str = "") -> None:
        self.host = host
        self._finding_near = threading.Lock()
        self.who = storable(who)
        self.origin = origin or secrets.token_hex(8)

    @classmethod
    def open(cls, path: Path, who: str) -> Store:
        """Open the store at ``path``, or make it, for this process alone; ``who`` is written into the edit log.

        Raises StoreHeld when another process has it open, StoreTooNew when a newer studio wrote it, AskedWrongly when
        its folder is missing, StudioError when it is damaged, no store at all, or the disk refuses.
        """
        return cls(Here(Connection(Path(path)), Changes()), who)

    @property
    def path(self) -> Path:
        """The file."""
        return self.host.path

    def close(self) -> None:
        """End the use of the file; a second time does nothing."""
        self.host.close()

    def interrupt(self) -> None:
        """Stop reading queries of this store that run in other threads; they raise Interrupted. Writes go on."""
        self.host.interrupt()

    def heard(self, after: int, seconds: float) -> Heard:
        """What anybody changed after the number ``after``, as soon as there is something; nothing after ``seconds``.

        -1 gives the present number at once.
        """
        return self.host.heard(after, seconds)

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- reading

    @reads
    def view_ids(
        self, cursor: DuckDBPyConnection, where: str = "", search: str = "", sort: Sequence[tuple[str, bool]] = ()
    ) -> ExampleIds:
        """ExampleIds of the rows for which ``where`` (see filters.py) holds and in which ``search`` occurs, int64.

        ``search`` is looked for in prompt, completion, system, earlier turns, task and note, in any case. ``sort`` is
        (column, is_descending) pairs, the first one leading; then by id. Raises AskedWrongly for a filter or a sort
        column that cannot be used, Interrupted.
        """
        return views.view_ids(cursor, where, search, sort)

    @reads
    def values(
        self,
        cursor: DuckDBPyConnection,
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
        return views.values(cursor, column, where, among, containing, most)

    @reads
    def previews(
        self, cursor: DuckDBPyConnection, ids: Sequence[int] | ExampleIds, fingerprint: str = ""
    ) -> list[Preview]:
        """Table rows in the order of ``ids``; removed ones are left out.

        ``total_tokens`` is counted with ``fingerprint``, or with the newest one of a window check.
        """
        return pages.previews(cursor, ids, fingerprint)

    def example(self, example_id: int) -> Example:
        """One example, whole. Raises AskedWrongly where there is none."""
        found = self.examples([example_id])
        if not found:
            raise edits.no_example(example_id)
        return found[0]

    @reads
    def examples(self, cursor: DuckDBPyConnection, ids: Sequence[int] | ExampleIds) -> list[Example]:
        """Whole examples in the order of ``ids``; removed ones are left out. For pages of ids, not for all rows."""
        return pages.examples(cursor, ids)

    @reads
    def rows_to_write(self, cursor: DuckDBPyConnection, ids: Sequence[int] | ExampleIds) -> list[Example]:
        """As ``examples``, quicker, for what is not asked who edited: those fields are as of a row that nobody did."""
        return pages.examples(cursor, ids, with_edits=False)

    @reads
    def unused_columns(self, cursor: DuckDBPyConnection, ids: Sequence[int] | ExampleIds) -> list[str]:
        """Of the columns that few datasets have (context, rejected, text), those that none of these rows needs."""
        return pages.unused_columns(cursor, ids)

    @reads
    def rows_for(
        self,
        cursor: DuckDBPyConnection,
        split: str = "",
        tasks: Sequence[str] = (),
        labels: Sequence[str] = (),
        where: str = "",
    ) -> list[Example]:
        """The examples to freeze for a run, by id; an empty argument means all. Raises AskedWrongly."""
        return pages.rows_for(cursor, split, tasks, labels, where)

    @reads
    def examples_asking(self, cursor: DuckDBPyConnection, prompt: str, context: str = "") -> list[int]:
        """The ids of the rows with this very prompt and these turns before it."""
        return pages.examples_asking(cursor, prompt, context)

    @reads
    def history(self, cursor: DuckDBPyConnection, example_id: int) -> list[Edit]:
        """Everything done to an example, oldest first, the undone included."""
        return pages.history(cursor, example_id)

    @reads
    def stats(self, cursor: DuckDBPyConnection) -> Stats:
        """How many examples there are, by label, by split and by task, the commonest task first."""
        return pages.stats(cursor)

    @reads
    def decisions(self, cursor: DuckDBPyConnection) -> tuple[ExampleIds, Counts, Counts, list[str]]:
        """Everybody's own label of each row that they have one of, by row.

        (ids, a person each, a label each, the people): a person is a place in the last, a label one in ``LABELS``.
        """
        return pages.decisions(cursor)

    @reads
    def facts(self, cursor: DuckDBPyConnection) -> Facts:
        """What there is to say of the whole dataset, for its card."""
        return dataset_facts.facts(cursor)

    @reads
    def task_splits(self, cursor: DuckDBPyConnection) -> dict[str, dict[str, int]]:
        """How many rows that are not rejected or skipped each task has in each split; "" is in no split."""
        return pages.task_splits(cursor)

    @reads
    def labelling_times(self, cursor: DuckDBPyConnection, seconds: float) -> list[datetime]:
        """When ``who`` decided on labels in the last ``seconds``, in UTC; see pace.py."""
        return pages.labelling_times(cursor, self.who, seconds)

    # -- importing

    def plan_add(self, candidates: Iterable[Candidate]) -> Added:
        """What ``add`` would do. Nothing is written; ``batch_id`` is 0."""
        rows = list(candidates)
        return self.plan_hashed(adding.hashes_of(rows), [one.task for one in rows])

    @reads
    def plan_hashed(self, cursor: DuckDBPyConnection, hashes: list[str], tasks: list[str]) -> Added:
        """``plan_add`` of the candidates that have these pair hashes and tasks, in their order."""
        planned = adding.plan(cursor, hashes, tasks)
        return Added(0, len(planned.positions), planned.duplicates, planned.of_another_task)

    def add(self, candidates: Iterable[Candidate], source: str) -> Added:
        """Store the candidates that are new, all or none. ``source`` names the import and rows without a source."""
        rows = list(candidates)
        return self.add_hashed(rows, adding.hashes_of(rows), source)

    @writes
    def add_hashed(
        self, cursor: DuckDBPyConnection, candidates: list[Candidate], hashes: list[str], source: str
    ) -> Added:
        """``add`` of candidates whose pair hashes these are: to hash many takes seconds, and others write meanwhile."""
        return adding.add(cursor, self.who, candidates, hashes, storable(source))

    # -- changing; every method raises AskedWrongly for an id that is not there, and then changes nothing

    @writes
    def set_label(self, cursor: DuckDBPyConnection, ids: Sequence[int] | ExampleIds, label: str) -> Change:
        """Label rows with one of ``LABELS``; one that another has labelled so is confirmed by ``who``, once."""
        return edits.set_label(cursor, self.who, ids, label)

    @reads
    def labelled_anew(self, cursor: DuckDBPyConnection, ids: Sequence[int] | ExampleIds, label: str) -> int:
        """How many of these rows ``set_label`` would change or confirm."""
        return edits.labelled_anew(cursor, self.who, ids, label)

    @writes
    def set_text(
        self,
        cursor: DuckDBPyConnection,
        example_id: int,
        prompt: str | None = None,
        completion: str | None = None,
        context: str | None = None,
    ) -> Change:
        """Replace the texts that are not None; the revision becomes a new one.

        ``context`` are the turns before the prompt, as ``studio.turns`` keeps them; empty takes them away. Raises
        AskedWrongly for an empty prompt or completion, and for what are no turns.
        """
        return edits.set_text(cursor, self.who, example_id, prompt, completion, context)

    @writes
    def rename_task(self, cursor: DuckDBPyConnection, old: str, new: str) -> Change:
        """Give a task another name; where that is one already, both become one."""
        return edits.rename_task(cursor, self.who, old, new)

    @writes
    def replace_texts(self, cursor: DuckDBPyConnection, act: str, rows: list[tuple[int, str, str]]) -> Change:
        """Other texts for many rows, by (example_id, prompt, completion), as one act; ``act`` says which, in words."""
        return edits.replace_texts(cursor, self.who, "text", act, rows)

    @reads
    def made_by(self, cursor: DuckDBPyConnection, template: str) -> list[tuple[int, str, bool]]:
        """(example_id, raw columns as JSON, whether somebody edited it since) of the rows of a template, by id."""
        return pages.made_by(cursor, template)

    @writes
    def set_mark(
        self, cursor: DuckDBPyConnection, ids: Sequence[int] | ExampleIds, is_marked: bool, note: str = ""
    ) -> Change:
        """Mark rows for later, or unmark them, which clears the note. Marking without a note keeps the old one."""
        return edits.set_mark(cursor, self.who, ids, is_marked, note)

    @writes
    def send_back(self, cursor: DuckDBPyConnection, notes: Mapping[int, str]) -> Change:
        """Mark rows for later, each with its own note, by example_id, in the place of the one it had."""
        return edits.send_back(cursor, self.who, notes)

    @writes
    def remove(self, cursor: DuckDBPyConnection, ids: Sequence[int] | ExampleIds) -> Change:
        """Put rows in the trash; undo brings them back."""
        return edits.remove(cursor, self.who, ids)

    @writes
    def assign_splits(
        self,
        cursor: DuckDBPyConnection,
        test: float = 0.1,
        validation: float = 0.1,
        seed: int = 0,
        *,
        keep_assigned: bool = False,
        by: str = assigning.PROMPT,
    ) -> Change:
        """Give every row its split by a hash (see splits.py) of its prompt, or of what ``by`` keeps together.

        That is one of ``assigning.BY``, or a column that a template made the rows of. With ``keep_assigned`` only rows
        without a split get one: that of the rows they belong together with where there are any, else by the hash. The
        shares then speak of what is new, not of the whole. Raises AskedWrongly for senseless shares or no such column.
        """
        return assigning.assign_splits(cursor, self.who, test, validation, seed, keep_assigned, by)

    @writes
    def undo(self, cursor: DuckDBPyConnection) -> Change | None:
        """Take the newest act of ``who`` back, imports included, also one of an earlier session; None without one.

        What another has changed since is left as it is: ``Change.kept`` says of how many rows.
        """
        return undoing.undo(cursor, self.who)

    @writes
    def redo(self, cursor: DuckDBPyConnection) -> Change | None:
        """Do again what ``who`` undid last; None after any new act of theirs, or where nothing was undone."""
        return undoing.redo(cursor, self.who)

    # -- token counts

    @reads
    def counts(self, cursor: DuckDBPyConnection, fingerprint: str) -> tuple[ExampleIds, Counts, Counts]:
        """(ids, prompt_tokens, completion_tokens) of the rows whose present text was counted, by id."""
        return token_counts.counts(cursor, fingerprint)

    @reads
    def shot_tokens(self, cursor: DuckDBPyConnection, fingerprint: str) -> Counts:
        """Tokens that each counted row costs as an example in another row's prompt, by id."""
        return token_counts.shot_tokens(cursor, fingerprint)

    @reads
    def uncounted_total(self, cursor: DuckDBPyConnection, fingerprint: str) -> int:
        """How many rows have no count of their present text."""
        return token_counts.uncounted_total(cursor, fingerprint)

    def uncounted(self, fingerprint: str) -> Iterator[list[Uncounted]]:
        """Batches of (example_id, revision, prompt, completion, system, context) to count.

        Asking makes ``fingerprint`` the one that ``total_tokens`` in filters, sorts and previews goes by.
        """
        ids, newest = self.uncounted_ids(fingerprint)
        if newest != fingerprint:
            self.count_by(fingerprint)
        return (self.texts_to_count(ids[start : start + _BATCH]) for start in range(0, len(ids), _BATCH))

    @reads
    def uncounted_ids(self, cursor: DuckDBPyConnection, fingerprint: str) -> tuple[ExampleIds, str]:
        """Which rows have no count of their present text; the fingerprint that ``total_tokens`` goes by."""
        return token_counts.uncounted_ids(cursor, fingerprint), token_counts.newest(cursor)

    @writes
    def count_by(self, cursor: DuckDBPyConnection, fingerprint: str) -> None:
        """Make ``fingerprint`` the one that ``total_tokens`` goes by."""
        token_counts.make_newest(cursor, fingerprint)

    @reads
    def texts_to_count(self, cursor: DuckDBPyConnection, ids: Sequence[int] | ExampleIds) -> list[Uncounted]:
        """What is to count of these rows, by id."""
        return token_counts.texts(cursor, as_ids(ids))

    @writes
    def save_counts(
        self,
        cursor: DuckDBPyConnection,
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
        token_counts.save(cursor, fingerprint, np.asarray(ids, dtype=np.int64), *columns)

    # -- losses of a run

    @writes
    def keep_losses(
        self,
        cursor: DuckDBPyConnection,
        ids: Sequence[int] | ExampleIds,
        losses: Sequence[float] | Losses,
        base_losses: Sequence[float] | Losses,
    ) -> None:
        """Make these what ``loss`` and ``base_loss`` in filters and sorts go by; NaN is not known. No undo step."""
        columns = (np.asarray(column, dtype=np.float64) for column in (losses, base_losses))
        row_losses.replace(cursor, np.asarray(ids, dtype=np.int64), *columns)
