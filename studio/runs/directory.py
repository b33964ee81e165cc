"""The run directory: every file name of the protocol between the studio and a run's process, and its frozen rows.

No socket, no daemon, no shared database. The studio writes ``spec.json`` (last, by rename: where it exists the
directory is complete), the frozen rows and a ``stop`` file; the run's process writes everything else. A run's status
is computed from its process and its last event, never stored, so nothing has to be cleaned up after a crash.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import MISSING, asdict, dataclass, fields
from datetime import datetime
from pathlib import Path

from studio.errors import AskedWrongly, StudioError
from studio.files import (
    MOST_JSON_BYTES,
    in_short,
    make_private_folder,
    open_private,
    open_regular,
    parsed_json,
    why_not,
    writing,
)
from studio.runs.naming import Naming, read_naming


@dataclass(frozen=True)
class FrozenRow:
    """One example as a run keeps it; ``system`` is empty for none, ``context`` (the turns before, see ``turns``) too.

    ``prompt_hash`` is the store's (32 hex digits, equal for prompts that count as equal), so that a run's process
    never decides that anew; empty in rows that an older studio froze. ``source`` is the file and line that it came
    from, as ``chats.jsonl:12``: rows of one line are parts of one conversation.
    """

    example_id: int
    task: str
    prompt: str
    completion: str
    system: str = ""
    prompt_hash: str = ""
    context: str = ""
    source: str = ""


@dataclass(frozen=True)
class RunDirectory:
    """Every path name inside one run's directory."""

    path: Path

    @property
    def run_id(self) -> str:
        return self.path.name

    @property
    def spec_path(self) -> Path:
        return self.path / "spec.json"

    @property
    def naming_path(self) -> Path:
        return self.path / "naming.json"

    @property
    def stop_path(self) -> Path:
        return self.path / "stop"

    @property
    def pause_path(self) -> Path:
        return self.path / "pause"

    @property
    def checkpoint_wish_path(self) -> Path:
        return self.path / "checkpoint-now"

    @property
    def length_path(self) -> Path:
        return self.path / "length.json"

    @property
    def samples_path(self) -> Path:
        return self.path / "samples.jsonl"

    @property
    def lock_path(self) -> Path:
        return self.path / "run.lock"

    @property
    def process_path(self) -> Path:
        return self.path / "process.json"

    @property
    def base_files_path(self) -> Path:
        """The base model's tokenizer files, where the result is a model: its folder may be gone when that is saved."""
        return self.path / "base"

    @property
    def reserve_path(self) -> Path:
        """Room on the disk, kept while the run works for what it says last."""
        return self.path / ".reserve"

    @property
    def fingerprint_path(self) -> Path:
        return self.path / "fingerprint.json"

    @property
    def events_path(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def log_path(self) -> Path:
        return self.path / "output.log"

    @property
    def checkpoints_path(self) -> Path:
        return self.path / "checkpoints"

    def checkpoint_paths(self) -> list[Path]:
        """The folders of its checkpoints, newest first; one is complete when its progress is there."""
        found = [path for path in self.checkpoints_path.glob("step-*") if path.name.removeprefix("step-").isdecimal()]
        complete = [path for path in found if (path / "progress.json").exists()]
        return sorted(complete, key=lambda path: int(path.name.removeprefix("step-")), reverse=True)

    @property
    def begin_path(self) -> Path:
        """The checkpoint of an earlier run that this one begins from; its own copy, whatever becomes of that run."""
        return self.path / "begin"

    @property
    def predictions_path(self) -> Path:
        return self.path / "predictions.jsonl"

    @property
    def own_scores_path(self) -> Path:
        return self.path / "own_scores.jsonl"

    @property
    def judgements_path(self) -> Path:
        return self.path / "judgements.jsonl"

    @property
    def votes_path(self) -> Path:
        return self.path / "votes.jsonl"

    @property
    def arms_path(self) -> Path:
        return self.path / "arms.json"

    def documents_path(self, number: int) -> Path:
        """The passages of the documents that arm ``number`` of a comparison searches, as they were at its start."""
        return self.path / f"documents-{number}.jsonl"

    def checkpoint_copy_path(self, number: int) -> Path:
        """The checkpoint that arm ``number`` of a comparison answers from: its own copy, as the run deletes its own."""
        return self.path / "answering" / f"{number}-checkpoint"

    def restored_path(self, number: int) -> Path:
        """What is made of that checkpoint: the folder that a finished run would leave."""
        return self.path / "answering" / f"{number}-result"

    @property
    def scores_path(self) -> Path:
        return self.path / "scores.json"

    @property
    def order_path(self) -> Path:
        return self.path / "order.json"

    @property
    def row_losses_path(self) -> Path:
        return self.path / "row_losses.jsonl"

    def result_path(self, leaves: str) -> Path:
        """The folder of what a run leaves: ``adapter`` or ``model``, as its method says."""
        return self.path / leaves

    def rows_path(self, split: str) -> Path:
        """``train.jsonl``, ``validation.jsonl`` or ``test.jsonl``."""
        return self.path / f"{split}.jsonl"

    @property
    def is_complete(self) -> bool:
        """Its spec is there; also where that cannot be looked at, which the reading then says."""
        try:
            self.spec_path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:
            return True
        return True

    @property
    def named_at(self) -> int:
        """When its name or note was written, in nanoseconds since the epoch; 0 where it has neither."""
        try:
            return self.naming_path.lstat().st_mtime_ns
        except OSError:
            return 0

    @property
    def changed_at(self) -> float:
        """When its spec was written, in seconds since the epoch; 0 where that cannot be told."""
        try:
            return self.spec_path.lstat().st_mtime
        except OSError:
            return 0.0


class SlowToStart(StudioError):
    """The run's process is there and has said nothing yet; it may still begin."""


@contextmanager
def new_run(runs_path: Path, kind: str) -> Iterator[RunDirectory]:
    """A new run directory to fill and to start. Where that fails nothing of it stays, unless it is SlowToStart.

    Raises StudioError with the reason, as on a full disk.
    """
    directory = new_run_directory(runs_path, kind)
    try:
        with writing(directory.path):
            yield directory
    except SlowToStart:
        raise
    except BaseException:
        shutil.rmtree(directory.path, ignore_errors=True)
        raise


def new_run_directory(runs_path: Path, kind: str) -> RunDirectory:
    """Make an empty run directory. Its name sorts by time and is short enough to type: ``train-1122-130400-7f``.

    Raises StudioError where it cannot be made.
    """
    while True:
        stamp = datetime.now().strftime("%m%d-%H%M%S")
        path = runs_path / f"{kind}-{stamp}-{os.urandom(1).hex()}"
        with writing(path):
            try:
                make_private_folder(path)
            except FileExistsError:
                if path.exists():
                    continue
                raise  # what is in the way stands above it
            return RunDirectory(path)


def runs_in(runs_path: Path) -> list[RunDirectory]:
    """The complete run directories, newest first. Raises StudioError where the folder cannot be read."""
    try:
        named = [path for path in runs_path.iterdir() if not path.name.startswith(".")]  # others are for a moment only
        found = [directory for path in named if (directory := RunDirectory(path)).is_complete]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StudioError(f"{runs_path}: cannot be read: {why_not(error)}.") from error
    return sorted(found, key=lambda directory: directory.changed_at, reverse=True)


def find_run(runs_path: Path, run_id: str) -> RunDirectory:
    """The run with this id or name, or whose id is the only one to begin with it. Raises AskedWrongly otherwise."""
    known = runs_in(runs_path)
    exact = [directory for directory in known if directory.run_id == run_id]
    exact = exact or [directory for directory in known if run_id and naming_of(directory).name == run_id]
    close = exact or [directory for directory in known if run_id and directory.run_id.startswith(run_id)]
    if len(close) == 1:
        return close[0]
    names = ", ".join(directory.run_id for directory in (close or known)[:8]) or "there are none yet"
    raise AskedWrongly(f"{'several runs begin with' if close else 'no run'} {run_id!r}.", f"Runs: {names}.")


def naming_of(directory: RunDirectory) -> Naming:
    """Its name and note; none where they are damaged, which whoever shows the run says."""
    try:
        return read_naming(directory.naming_path)
    except StudioError:
        return Naming()


def write_rows(path: Path, rows: Iterable[FrozenRow]) -> None:
    """Write frozen rows, one JSON object per line. Raises OSError."""
    with open(path, "w", encoding="utf-8", opener=open_private) as file:
        for row in rows:
            file.write(json.dumps(asdict(row), ensure_ascii=False) + "\n")


def read_rows(path: Path) -> list[FrozenRow]:
    """Read frozen rows back; a missing file is an empty split. Raises StudioError, naming a damaged line."""
    rows: list[FrozenRow] = []
    try:
        with open_regular(path) as file:
            while line := file.readline(MOST_JSON_BYTES):
                rows.append(_row_in(line))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StudioError(f"{path} cannot be read: {why_not(error)}.") from error
    except ValueError as error:
        raise StudioError(f"{path} is damaged: line {len(rows) + 1} {error}.") from error
    return rows


def _row_in(line: bytes) -> FrozenRow:
    """The row in a line. Raises ValueError that says, behind "line N", why there is none."""
    facts = parsed_json(line)
    if not isinstance(facts, dict):
        raise ValueError(f"holds no row but {in_short(facts)}")
    for field in fields(FrozenRow):
        if field.name not in facts and field.default is not MISSING:
            continue
        value = facts.get(field.name)
        if not isinstance(value, int if field.name == "example_id" else str):
            raise ValueError(f"has {field.name}={in_short(value)}" if field.name in facts else f"lacks {field.name}")
    try:
        return FrozenRow(**facts)
    except TypeError as error:
        raise ValueError("has a field that this studio does not know") from error
