"""Moments as a person types them, for looking at the rows as they were then."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta

from studio.dataset.store import Example, Store
from studio.errors import AskedWrongly

_AGO = re.compile(r"(\d+)\s*(minutes?|min|hours?|h|days?|d|weeks?|w)\s+ago")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def moment_of(text: str) -> datetime:
    """``2026-11-20`` (its end), ``2026-11-20 14:30``, ``3 hours ago``, as local time unless it names a zone.

    Raises AskedWrongly for what is no moment.
    """
    wanted = text.strip().lower()
    if wanted == "yesterday":
        wanted = "1 day ago"
    if found := _AGO.fullmatch(wanted):
        try:
            return datetime.now().astimezone() - int(found[1]) * _UNITS[found[2][0]]
        except OverflowError:
            raise AskedWrongly(f"{text!r} is before all time.", "A date, as 2026-11-20.") from None
    try:
        moment = datetime.fromisoformat(wanted.upper())
    except ValueError:
        raise AskedWrongly(
            f"{text[:60]!r} is no moment.", "2026-11-20, 2026-11-20 14:30, 3 hours ago or yesterday."
        ) from None
    if len(wanted) <= len("2026-11-20"):
        moment = datetime.combine(moment.date(), time.max)
    return moment.astimezone()


def example_as_of(store: Store, example_id: int, moment: datetime) -> Example:
    """A row as it was at a moment. Raises AskedWrongly where it was not there then."""
    found = store.examples_as_of(moment, [example_id])
    if not found:
        raise AskedWrongly(
            f"There was no example {example_id} at {moment:%Y-%m-%d %H:%M}.",
            "It came later, or was in the trash; studio show without --as-of shows it as it is.",
        )
    return found[0]
