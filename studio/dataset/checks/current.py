"""Bringing what the checks found up to date: from nothing, or from what was kept and the rows changed since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from studio.dataset import token_counts
from studio.dataset.checks.check import Check, Finding
from studio.dataset.checks.kept import (
    Kept,
    Result,
    changed_since,
    keep,
    keep_as_it_is,
    kept_results,
    newest_change,
    now,
    waivers,
)
from studio.dataset.checks.rows import Need, Rows
from studio.dataset.checks.running import OnDone, findings_after, findings_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# From this share of the rows on, computing all of it anew is quicker than computing around so many.
_MOST_CHANGED = 0.2


@dataclass(frozen=True)
class Fresh:
    """A check's newly computed result: ``before`` is the stored one, ``seen`` the newest change it knows."""

    check_name: str
    version: int
    finding: Finding | None
    before: Kept | None
    seen: int
    facts: str

    @property
    def is_as_before(self) -> bool:
        """Whether what is kept says the same."""
        before = self.before
        if before is None or before.facts != self.facts:
            return False
        if self.finding is None or before.finding is None:
            return self.finding is before.finding
        return self.finding.sentence == before.finding.sentence and np.array_equal(
            self.finding.example_ids, before.finding.example_ids
        )


def computed(cursor: DuckDBPyConnection, rows: Rows, checks: Sequence[Check], on_done: OnDone) -> list[Fresh]:
    """The results of those of ``checks`` that can run and are not up to date."""
    seen, before = newest_change(cursor), kept_results(cursor, checks)
    facts = {check.name: _facts(cursor, rows, check) for check in checks}
    lacking = _lacking(rows, checks)
    waiting: dict[int, list[Check]] = {}  # by the newest change that is known of: those computed together
    for check in checks:
        kept = before.get(check.name)
        is_usable = kept is not None and kept.facts == facts[check.name]
        if lacking[check.name] or (kept and is_usable and kept.seen == seen):
            on_done(check)
        else:
            waiting.setdefault(kept.seen if kept and is_usable else -1, []).append(check)
    found: dict[str, Finding | None] = {}
    total = rows.total()
    for known, some in waiting.items():
        changed = changed_since(cursor, known)
        if known < 0 or len(changed) > _MOST_CHANGED * total:
            found |= findings_of(rows, some, on_done)
        else:
            kept_findings = {check.name: before[check.name].finding for check in some}
            found |= findings_after(rows, some, kept_findings, changed, on_done)
    return [
        Fresh(check.name, check.version, found[check.name], before.get(check.name), seen, facts[check.name])
        for check in checks
        if check.name in found
    ]


def save(cursor: DuckDBPyConnection, fresh: Sequence[Fresh], is_new_look: bool) -> None:
    """Keep new results; ``is_new_look`` puts the count that was kept beside each."""
    at = now()
    same = [one for one in fresh if one.is_as_before and not is_new_look]
    if same:
        keep_as_it_is(cursor, [one.check_name for one in same], same[0].seen)
    for one in fresh:
        if any(one is other for other in same):
            continue
        count = len(one.finding.rows) if one.finding else 0
        before = one.before
        count_before = None if before is None else before.count if is_new_look else before.count_before
        keep(cursor, one.check_name, one.version, Kept(one.finding, at, one.seen, one.facts, count, count_before))


def results(cursor: DuckDBPyConnection, rows: Rows, checks: Sequence[Check]) -> list[Result]:
    """What is kept of ``checks``, in their order."""
    kept, waived, lacking = kept_results(cursor, checks), waivers(cursor, checks), _lacking(rows, checks)
    changed: dict[int, int] = {}
    found = []
    for check in checks:
        one = kept.get(check.name)
        if one is None or lacking[check.name]:
            found.append(Result(check, lacking=lacking[check.name], waiver=waived.get(check.name)))
            continue
        if one.seen not in changed:
            changed[one.seen] = len(changed_since(cursor, one.seen))
        found.append(
            Result(
                check,
                one.finding,
                checked_at=one.checked_at,
                count_before=one.count_before,
                changed_rows=changed[one.seen],
                waiver=waived.get(check.name),
            )
        )
    return found


def _lacking(rows: Rows, checks: Sequence[Check]) -> dict[str, tuple[Need, ...]]:
    lacks = {need: rows.lacks(need) for need in {need for check in checks for need in check.needs}}
    return {check.name: tuple(need for need in check.needs if lacks[need]) for check in checks}


def _facts(cursor: DuckDBPyConnection, rows: Rows, check: Check) -> str:
    """What a finding depends on beside the rows: another text of it makes the finding void."""
    if Need.TOKENS in check.needs:
        return f"{rows.around.max_length} {token_counts.newest(cursor)}"
    return ""
