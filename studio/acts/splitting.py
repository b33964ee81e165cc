"""Assigning the splits so that what belongs together stays on one side."""

from __future__ import annotations

from collections.abc import Callable

from studio.dataset.assigning import NEAR, PROMPT
from studio.dataset.store import Change, Store

# Rows that are looked at for near ones without being asked: some seconds.
_FEW = 5_000


def assign_splits(
    store: Store,
    test: float,
    validation: float,
    seed: int,
    *,
    keep_assigned: bool = False,
    by: str = "",
    progress: Callable[[int, int], None] | None = None,
) -> Change:
    """As ``Store.assign_splits``; rows with nearly the same prompt stay together where ``by`` is ``near``.

    Empty is ``near`` where that takes some seconds at most, for most rows are known already or there are few, and else
    ``prompt``. Call it off the UI thread.
    """
    if not by:
        by = NEAR if len(store.rows_without_bands()[0]) <= _FEW else PROMPT
    if by == NEAR:
        store.find_near(progress)
    return store.assign_splits(test, validation, seed, keep_assigned=keep_assigned, by=by)
