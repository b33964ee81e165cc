"""Cores used side by side on independent pieces of work, instead of together on each matrix multiply.

Threads inside one multiply wait for each other at its end, hundreds of times a second; where another process takes a
core for a moment all of them stand still, and speed falls to a tenth (measured: 8 against 89 tokens a second on a busy
two-core machine). A lane is one thread that works through pieces of its own.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

import torch

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


class Lanes:
    """``count`` lanes that share ``threads`` cores. With one lane everything happens in the caller's thread."""

    def __init__(self, count: int, threads: int) -> None:
        self.count = count
        self._threads = threads
        self._pool = ThreadPoolExecutor(count, "lane", self._share_cores) if count > 1 else None

    def map(self, act: Callable[[ItemT], ResultT], items: Iterable[ItemT]) -> Iterator[ResultT]:
        """``act`` of every item; results come in the order of the items.

        Where one fails, no lane works on any more when the error comes: whoever tries again begins with idle lanes.
        """
        if self._pool is None:
            yield from map(act, items)
            return
        self._share_cores()
        working = [self._pool.submit(act, item) for item in items]
        try:
            while working:
                yield working.pop(0).result()
        finally:
            for future in working:
                future.cancel()
            wait(working)
            torch.set_num_threads(self._threads)

    def merge(self, act: Callable[[ItemT], Iterable[ResultT]], items: Iterable[ItemT]) -> Iterator[ResultT]:
        """Everything that ``act`` yields of every item, as it comes. A caller that goes away ends all of it."""
        results: queue.SimpleQueue[ResultT] = queue.SimpleQueue()
        is_over = threading.Event()

        def collect(item: ItemT) -> None:
            for result in act(item):
                if is_over.is_set():
                    return
                results.put(result)

        if self._pool is None:
            for item in items:
                yield from act(item)
            return
        self._share_cores()
        waiting = [self._pool.submit(collect, item) for item in items]
        try:
            while waiting or not results.empty():
                try:
                    yield results.get(timeout=0.05)
                except queue.Empty:
                    for done in [future for future in waiting if future.done()]:
                        waiting.remove(done)
                        done.result()  # raises what the lane raised
        finally:
            is_over.set()
            for future in waiting:
                future.cancel()
            torch.set_num_threads(self._threads)

    def close(self) -> None:
        if self._pool:
            self._pool.shutdown(cancel_futures=True)

    def _share_cores(self) -> None:
        torch.set_num_threads(max(1, self._threads // self.count))


def lane_count(threads: int, pieces: int) -> int:
    """Lanes for so many pieces of work: as many as there are cores, in a power of two that leaves none half used."""
    count = 1
    while count * 2 <= min(threads, pieces):
        count *= 2
    return count
