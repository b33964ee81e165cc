"""The locking and unlocking of the test set in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studio.reports.numbers import counted
from studio.reports.visible import visible

if TYPE_CHECKING:
    from studio.dataset.locks import Lock


def lock_words(lock: Lock) -> str:
    """``unlocked by bo 2026-11-27 10:12 UTC: a typo (318 rows, content 3f2a1b0c)``."""
    what = "locked" if lock.is_locked else "unlocked"
    reason = f": {visible(lock.reason, single_line=True)}" if lock.reason else ""
    content = f"({counted(lock.row_count, 'row')}, content {lock.content_hash[:8]})"
    who = visible(lock.who, single_line=True)
    return f"{what} by {who} {lock.changed_at:%Y-%m-%d %H:%M} UTC{reason} {content}"


def locks_sentence(test_locks: tuple[str, ...]) -> str:
    """What a comparison says of its test set: nothing where it was never locked."""
    if not test_locks:
        return ""
    unlocked = [one for one in test_locks if one.startswith("unlocked")]
    said = f"Test set {test_locks[-1]}." if test_locks[-1].startswith("locked") else "The test set is not locked."
    return " ".join([said, *([f"Before: {'; '.join(unlocked)}."] if unlocked else [])])
