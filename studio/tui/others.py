"""What others change while the studio is open: every screen hears of it, and the status line sums it up by person."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from studio.errors import StudioError
from studio.reports.numbers import number
from studio.tui.messages import OthersChanged

if TYPE_CHECKING:
    from studio.dataset.changes import Heard
    from studio.dataset.store import Store

WAIT_SECONDS = 25.0
TOGETHER_SECONDS = 3.0  # what comes so soon after another is summed up with it
_AGAIN_SECONDS = 1.0


class Others:
    """Waits in a thread of its own, which costs nothing while nothing changes, and ``post``\\ s what it hears."""

    def __init__(self, post: Callable[[OthersChanged], object]) -> None:
        self._post = post
        self._counts: Counter[str] = Counter()
        self._heard_at = 0.0

    def listen(self, store: Store) -> None:
        """From now on until ``store`` is closed."""
        threading.Thread(target=self._listen, args=(store,), name="others", daemon=True).start()

    def summed_up(self, changed: OthersChanged, now: float) -> str:
        """``3 changed by bo``: with what they did just before."""
        if now - self._heard_at > TOGETHER_SECONDS:
            self._counts.clear()
        self._heard_at = now
        for who, count in changed.counts.items():
            self._counts[who] += count
        return " · ".join(f"{number(count)} changed by {who}" for who, count in self._counts.items())

    def _listen(self, store: Store) -> None:
        from studio.dataset.connection import Interrupted

        upto = -1
        while True:
            try:
                heard = store.heard(upto, 0 if upto < 0 else WAIT_SECONDS)
            except Interrupted:
                return  # it is closed
            except StudioError:  # its owner hangs, or none is found: whoever asks for rows hears of it
                time.sleep(_AGAIN_SECONDS)
                continue
            upto = heard.upto
            if (changed := by_others(heard, store.origin)) is not None:
                self._post(changed)


def by_others(heard: Heard, origin: str) -> OthersChanged | None:
    """What of this was done through another open store than that of ``origin``; None where nothing was."""
    import numpy as np

    told = [one for one in heard.told if one.origin != origin]
    if not told and not heard.is_gap:
        return None
    counts: Counter[str] = Counter()
    for one in told:
        counts[one.who] += one.count
    ids = [one.example_ids for one in told]
    # Of very many rows no number is told.
    is_vague = heard.is_gap or any(one.brings_rows or len(one.example_ids) < one.count for one in told)
    return OthersChanged(np.unique(np.concatenate(ids)) if ids else np.empty(0, dtype=np.int64), counts, is_vague)
