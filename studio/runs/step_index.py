"""The steps of a long run as numbers beside its events, so that a million of them open at once.

``events.index`` has a record for each step: its numbers, and where its line stands in ``events.jsonl``. A million lines
of JSON are read in ten seconds, a million records in a twentieth of one. The events stay what is true: what stands
between the steps is read from there, and an index that does not fit them is passed over.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from studio.files import open_private, open_regular

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# What a record holds of a step, in order; a step that says anything else is read from its line.
NUMBERS = (
    "time",
    "clock",
    "step",
    "epoch",
    "tokens",
    "loss",
    "learning_rate",
    "grad_norm",
    "tokens_per_second",
    "memory_bytes",
    "cores",
)
# Of no chart; by them alone a step need not be read from its line.
_NOT_SHOWN = frozenset({"event", "task_losses"})
WHOLE = frozenset({"step", "tokens", "memory_bytes"})
_RECORD = struct.Struct(f"<{len(NUMBERS)}dqq")
# Shorter files are read as they are: that takes no time, and a line that is damaged is found.
WORTH_BYTES = 4 << 20
_CHECKED_LINES = 64


class IndexWriter:
    """Appends a record for each step whose line its writer has appended to the events."""

    def __init__(self, events_path: Path) -> None:
        self._descriptor = open_private(index_path(events_path), os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC)
        size = os.fstat(self._descriptor).st_size
        os.ftruncate(self._descriptor, size - size % _RECORD.size)  # killed in the middle of a record

    def write(self, step: Mapping[str, Any], start: int, end: int) -> None:
        """``step`` is the event of the line from byte ``start`` up to ``end``. Raises OSError on a full disk."""
        if any(value for name, value in step.items() if name not in NUMBERS and name not in _NOT_SHOWN):
            return
        numbers = [float("nan") if step.get(name, 0) is None else float(step.get(name, 0)) for name in NUMBERS]
        os.write(self._descriptor, _RECORD.pack(*numbers, start, end))

    def close(self) -> None:
        os.close(self._descriptor)


@dataclass(frozen=True)
class Steps:
    """Consecutive steps: by name of ``NUMBERS``, float64 of one length, at least one."""

    columns: Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Between:
    """Whole lines of the events that stand between steps."""

    lines: bytes


def index_path(events_path: Path) -> Path:
    """Where the index of these events is."""
    return events_path.with_suffix(".index")


def read_indexed(events_path: Path) -> tuple[Iterator[Steps | Between], int]:
    """What the events hold up to the last indexed step, in order, and the offset behind it.

    Nothing and 0 where the events are short, or the index is missing or another file's. Raises OSError.
    """
    try:
        if events_path.stat().st_size < WORTH_BYTES:
            return iter(()), 0
        with open_regular(index_path(events_path)) as file:
            held = file.read()
    except FileNotFoundError:
        return iter(()), 0
    import numpy as np  # 0.1 s, which every other look at runs does without

    kinds = np.dtype([*((name, "<f8") for name in NUMBERS), ("start", "<i8"), ("end", "<i8")])
    records = np.frombuffer(held[: len(held) // _RECORD.size * _RECORD.size], dtype=kinds)
    with open_regular(events_path) as events:
        if not _fits(records, events):
            return iter(()), 0
    return _parts(records, events_path), int(records["end"][-1])


def _parts(records: NDArray[Any], events_path: Path) -> Iterator[Steps | Between]:
    import numpy as np

    before = np.r_[0, records["end"][:-1]]
    gaps = np.flatnonzero(records["start"] > before).tolist()
    with open_regular(events_path) as events:
        begun = 0
        for at in gaps:
            if at > begun:
                yield _steps(records[begun:at])
            start = int(before[at])
            events.seek(start)
            yield Between(events.read(int(records["start"][at]) - start))
            begun = at
    yield _steps(records[begun:])


def _steps(records: NDArray[Any]) -> Steps:
    return Steps({name: records[name].copy() for name in NUMBERS})


def _fits(records: NDArray[Any], events: IO[bytes]) -> bool:
    """Whether lines stand in the events where the index says, looked up for some of them."""
    import numpy as np

    if not len(records) or (records["start"][1:] < records["end"][:-1]).any():
        return False
    for at in np.linspace(0, len(records) - 1, _CHECKED_LINES).astype(int).tolist():
        start, end = int(records["start"][at]), int(records["end"][at])
        events.seek(start)
        line = events.read(max(0, end - start))
        if not (line.startswith(b'{"event": "step"') and line.endswith(b"\n") and line.count(b"\n") == 1):
            return False
    return True
