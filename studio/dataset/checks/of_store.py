"""What a store does with checks: runs them, keeps what they find, waives, shows samples, fixes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from studio.dataset.checks import current, fixing, kept
from studio.dataset.checks.check import Check, Finding
from studio.dataset.checks.current import Fresh
from studio.dataset.checks.kept import Result
from studio.dataset.checks.rows import NOTHING_KNOWN, Around, Need, Rows
from studio.dataset.checks.running import findings_of
from studio.dataset.checks.samples import Sample, samples_of
from studio.dataset.connection import stopping
from studio.dataset.examples import Change, ExampleIds
from studio.dataset.host import Host, reads, writes
from studio.dataset.rewriting import Rewrite
from studio.dataset.texts import storable

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class ChecksOfStore:
    """A part of ``Store``."""

    host: Host
    who: str
    origin: str

    @reads
    def finding(
        self,
        cursor: DuckDBPyConnection,
        check: Check,
        is_cancelled: Callable[[], bool] = lambda: False,
        around: Around = NOTHING_KNOWN,
    ) -> Finding | None:
        """What ``check`` finds in the rows that are not rejected, skipped or in the trash. Nothing is written.

        Raises Interrupted once ``is_cancelled``, which is asked now and then, or after ``interrupt``.
        """
        return findings_of(_rows_to_check(cursor, around, is_cancelled), [check])[check.name]

    @reads
    def lacking(self, cursor: DuckDBPyConnection, check: Check) -> tuple[Need, ...]:
        """What ``check`` needs and the store does not know; then its findings would not be worth having."""
        rows = _rows_to_check(cursor, NOTHING_KNOWN)
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
        told: set[str] = set()

        def tell(check: Check) -> None:
            if check.name not in told:
                told.add(check.name)
                on_done(check)

        fresh = self.computed_checks(checks, around, tell, is_cancelled)
        for check in checks:  # of another process's work nothing is heard before its end
            tell(check)
        if fresh:
            self.save_checks(fresh, is_new_look)
        return self.checked(checks, around)

    @reads
    def computed_checks(
        self,
        cursor: DuckDBPyConnection,
        checks: Sequence[Check],
        around: Around,
        on_done: Callable[[Check], None] = lambda check: None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> list[Fresh]:
        """The results of those of ``checks`` that are not up to date; nothing is kept of them yet."""
        return current.computed(cursor, _rows_to_check(cursor, around, is_cancelled), checks, on_done)

    @writes
    def save_checks(self, cursor: DuckDBPyConnection, fresh: list[Fresh], is_new_look: bool) -> None:
        """Keep what ``computed_checks`` gave. No undo step."""
        current.save(cursor, fresh, is_new_look)

    @reads
    def checked(self, cursor: DuckDBPyConnection, checks: Sequence[Check], around: Around) -> list[Result]:
        """What is kept of ``checks``, and how many rows changed since; nothing is computed."""
        return current.results(cursor, _rows_to_check(cursor, around), checks)

    @writes
    def waive(self, cursor: DuckDBPyConnection, check: Check, example_ids: ExampleIds, reason: str) -> Change:
        """Let what ``check`` found in these rows be; without a reason, take the waiver back. Raises AskedWrongly."""
        return kept.waive(cursor, self.who, check, example_ids, storable(reason))

    @reads
    def samples(
        self, cursor: DuckDBPyConnection, check: Check, example_ids: ExampleIds, is_whole: bool = False
    ) -> list[Sample]:
        """What offends in these rows, which ``check`` found; what is private masked unless ``is_whole``."""
        return samples_of(_rows_to_check(cursor, NOTHING_KNOWN), check, example_ids, is_whole=is_whole)

    @reads
    def fix_previewed(
        self, cursor: DuckDBPyConnection, check: Check, finding: Finding, most: int
    ) -> tuple[int, list[Rewrite], ExampleIds]:
        """(How many rows ``fix`` would change, what becomes of the first ``most``, which rows go to the trash)."""
        removed = fixing.surplus(check, finding)
        made = list(fixing.rewrites(_rows_to_check(cursor, NOTHING_KNOWN), check, finding))
        return len(removed) + len(made), made[:most], removed

    @writes
    def fix(self, cursor: DuckDBPyConnection, check: Check, finding: Finding) -> Change:
        """Apply the fix of ``check`` to what it found. Raises AskedWrongly for a check without one."""
        return fixing.fix(cursor, self.who, _rows_to_check(cursor, NOTHING_KNOWN), check, finding)


def _rows_to_check(
    cursor: DuckDBPyConnection, around: Around, is_cancelled: Callable[[], bool] = lambda: False
) -> Rows:
    return Rows(cursor, stopping(is_cancelled), around)
