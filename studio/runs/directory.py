"""The run directory: the whole protocol between the studio and a run's process.

No socket, no daemon, no shared database. The studio writes ``spec.json`` (last, by rename: where it exists the
directory is complete), the frozen rows and a ``stop`` file; the run's process writes everything else. A run's status
is computed from its lock and its last event, never stored, so nothing has to be cleaned up after a crash.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from studio.errors import StudioError
from studio.runs.specs import Spec, spec_from_json

Event = dict[str, Any]

FINAL_EVENTS = ("finished", "stopped", "failed")
STALLED_AFTER_SECONDS = 180.0
STARTING_FOR_SECONDS = 60.0


@dataclass(frozen=True)
class FrozenRow:
    """One frozen example as a run sees it; ``system`` is empty for none."""

    example_id: int
    task: str
    prompt: str
    completion: str
    system: str = ""


@dataclass(frozen=True)
class RunDirectory:
    """Every path name inside one run's directory, and the few questions that need no history."""

    path: Path

    @property
    def run_id(self) -> str:
        return self.path.name

    @property
    def spec_path(self) -> Path:
        return self.path / "spec.json"

    @property
    def stop_path(self) -> Path:
        return self.path / "stop"

    @property
    def lock_path(self) -> Path:
        return self.path / "run.lock"

    @property
    def process_path(self) -> Path:
        return self.path / "process.json"

    @property
    def events_path(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def log_path(self) -> Path:
        return self.path / "output.log"

    @property
    def checkpoints_path(self) -> Path:
        return self.path / "checkpoints"

    @property
    def adapter_path(self) -> Path:
        return self.path / "adapter"

    @property
    def model_path(self) -> Path:
        return self.path / "model"

    @property
    def predictions_path(self) -> Path:
        return self.path / "predictions.jsonl"

    @property
    def scores_path(self) -> Path:
        return self.path / "scores.json"

    def rows_path(self, split: str) -> Path:
        """``train.jsonl``, ``validation.jsonl`` or ``test.jsonl``."""
        return self.path / f"{split}.jsonl"

    def spec(self) -> Spec:
        try:
            return spec_from_json(self.spec_path.read_text(encoding="utf-8"))
        except OSError as error:
            raise StudioError(f"{self.spec_path}: cannot be read: {error.strerror}.") from error

    def is_complete(self) -> bool:
        return self.spec_path.exists()

    def status(self, last_event: Event | None) -> str:
        """starting, running, stalled, finished, stopped, failed or lost, from the lock and the newest event."""
        if is_locked(self.lock_path):
            if last_event is None:
                return "starting"
            return "stalled" if _age_seconds(self.events_path) > STALLED_AFTER_SECONDS else "running"
        if last_event is not None and last_event["event"] in FINAL_EVENTS:
            return str(last_event["event"])
        if (
            last_event is None
            and _age_seconds(self.spec_path) < STARTING_FOR_SECONDS
            and not self.process_path.exists()
        ):
            return "starting"
        return "lost"


def write_rows(path: Path, rows: list[FrozenRow]) -> None:
    """Write frozen rows, one JSON object per line."""
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(asdict(row), ensure_ascii=False) + "\n")


def read_rows(path: Path) -> list[FrozenRow]:
    """Read frozen rows back; a missing file is an empty split."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8") as file:
        return [FrozenRow(**json.loads(line)) for line in file]


def write_atomically(path: Path, text: str) -> None:
    """Write beside, sync, rename: a reader sees the old file or the new one, never half of either."""
    beside = path.with_name(path.name + ".part")
    with beside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


class EventWriter:
    """Appends events, one ``write`` per line, so that a reader never sees two halves interleaved."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self._end_torn_line()

    def write(self, event: str, **facts: Any) -> None:
        line = json.dumps({"event": event, "time": time.time(), **facts}, ensure_ascii=False) + "\n"
        os.write(self._descriptor, line.encode())

    def close(self) -> None:
        os.close(self._descriptor)

    def _end_torn_line(self) -> None:
        # A process killed in the middle of a line leaves no newline; without this the next event would be lost with it.
        size = os.fstat(self._descriptor).st_size
        if size and os.pread(self._descriptor, 1, size - 1) != b"\n":
            os.write(self._descriptor, b"\n")


def read_events(path: Path, offset: int = 0) -> tuple[list[Event], int]:
    """The whole lines from byte ``offset`` on, and the offset after them.

    A torn last line is left for the next call; a line that a crash cut short, and a resume then ended, is passed over.
    """
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read()
    except FileNotFoundError:
        return [], offset
    end = data.rfind(b"\n") + 1
    return list(_events_in(data[:end])), offset + end


def _events_in(data: bytes) -> Iterator[Event]:
    for line in data.splitlines():
        with contextlib.suppress(ValueError):  # torn by a crash: what it said is gone, what follows is not
            event = json.loads(line)
            if isinstance(event, dict) and "event" in event:
                yield event


def take_lock(path: Path, wait_seconds: float = 5.0) -> IO[str]:
    """Hold the run's lock for as long as the returned file stays open. Raises StudioError when it is taken.

    Waits a little, because ``is_locked`` holds a shared lock for an instant.
    """
    file = path.open("a+", encoding="utf-8")
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        except BlockingIOError:
            if time.monotonic() > deadline:
                file.close()
                raise StudioError(f"{path.parent.name}: another process is working on this run.") from None
            time.sleep(0.05)


def is_locked(path: Path) -> bool:
    """Whether a living process holds the lock; the kernel lets go of it however that process ends."""
    try:
        file = path.open("r", encoding="utf-8")
    except FileNotFoundError:
        return False
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def describe_process() -> dict[str, Any]:
    """What ``process.json`` holds: enough to say which process on which machine works on the run."""
    return {"pid": os.getpid(), "host": socket.gethostname(), "started_at": time.time()}


def _age_seconds(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
