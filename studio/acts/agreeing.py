"""How far those who label agree, and on which rows they do not."""

from __future__ import annotations

import numpy as np

from studio.dataset.store import LABELS, Store
from studio.scoring.agreement import Agreement, agreement

# From the worst to the best, for the ordinal α.
_ORDER = ("reject", "skip", "accept")


def agreement_of(store: Store, where: str = "") -> Agreement:
    """How far people agree on the rows for which ``where`` holds, by everybody's newest label that is not undone.

    Raises AskedWrongly for a filter that cannot be used.
    """
    ids, people, labels, names = store.decisions()
    if where.strip():
        is_asked = np.isin(ids, store.view_ids(where))
        ids, people, labels = ids[is_asked], people[is_asked], labels[is_asked]
    ranks = np.array([_ORDER.index(label) if label in _ORDER else -1 for label in LABELS], dtype=np.int32)
    return agreement(ids, people, ranks[labels], names, _ORDER)
