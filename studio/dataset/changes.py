"""What was changed, as it happens, for everybody who has the store open."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np

from studio.dataset.examples import Added, Change, ExampleIds

_KEPT = 1_000  # changes that one who was away for a moment can still hear of
MOST_NAMED = 5_000  # rows that a change names; of more it only says how many
_BRINGS_ROWS = ("add_hashed", "remove", "undo", "redo")


@dataclass(frozen=True)
class Told:
    """One change: who made it, through which open store, to how many rows.

    ``example_ids`` is empty where there are more than ``MOST_NAMED``. ``brings_rows``: rows may have come or gone.
    """

    who: str
    origin: str
    summary: str
    count: int
    example_ids: ExampleIds
    brings_rows: bool


@dataclass(frozen=True)
class Heard:
    """The changes after a number, and ``upto``, the number of the last. ``is_gap``: there were others, forgotten."""

    upto: int
    told: list[Told]
    is_gap: bool = False


class Changes:
    """The last changes of one open file, numbered from 1. May be used from any thread."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._told: deque[Told] = deque(maxlen=_KEPT)
        self._upto = 0
        self._is_closed = False

    def tell(self, who: str, origin: str, method: str, result: Any) -> None:
        """Say what ``method`` did, by what it gave; nothing where no row is another now."""
        match result:
            case Change(summary=summary, example_ids=ids, count=count) if len(ids):
                named = ids if len(ids) <= MOST_NAMED else np.empty(0, dtype=np.int64)
            case Added(added=count) if count:
                named, summary = np.empty(0, dtype=np.int64), "import"
            case _:
                return
        with self._news:
            self._upto += 1
            self._told.append(Told(who, origin, summary, count, named, method in _BRINGS_ROWS))
            self._news.notify_all()

    def heard(self, after: int, seconds: float) -> Heard:
        """What was told after the number ``after``, as soon as there is something, or nothing after ``seconds``.

        A number that is not of this count (it is negative, or larger than ``upto``) begins with the present one.
        """
        deadline = time.monotonic() + seconds
        with self._news:
            if not 0 <= after <= self._upto:
                return Heard(self._upto, [], is_gap=after > 0)
            while self._upto == after and not self._is_closed:
                if not self._news.wait(max(0.0, deadline - time.monotonic())):
                    break
            new = self._upto - after
            return Heard(self._upto, list(self._told)[len(self._told) - new :] if new else [], new > len(self._told))

    def close(self) -> None:
        """Whoever waits hears at once that there is nothing more."""
        with self._news:
            self._is_closed = True
            self._news.notify_all()
