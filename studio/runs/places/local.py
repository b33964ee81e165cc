"""Starting a run's process so that it outlives the terminal, the SSH session and the studio itself."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from studio.errors import StudioError
from studio.runs.directory import RunDirectory, is_locked, read_events, write_atomically
from studio.runs.specs import Spec

START_TIMEOUT_SECONDS = 30.0
LOG_TAIL_LINES = 20


def new_run_directory(runs_path: Path, kind: str) -> RunDirectory:
    """Make an empty run directory. Its name sorts by time and is short enough to type: ``train-1122-1304-7f``."""
    while True:
        stamp = datetime.now().strftime("%m%d-%H%M%S")
        path = runs_path / f"{kind}-{stamp}-{os.urandom(1).hex()}"
        try:
            path.mkdir(parents=True)
            return RunDirectory(path)
        except FileExistsError:
            continue
        except OSError as error:
            raise StudioError(f"{path}: cannot be made: {error.strerror}.") from error


def complete(directory: RunDirectory, spec: Spec) -> None:
    """Write ``spec.json``: from here on the directory is a run. Everything it reads must be there already."""
    write_atomically(directory.spec_path, spec.to_json())


def launch(directory: RunDirectory) -> None:
    """Start the run's process detached and wait until it says ``started``.

    Its own session (SIGHUP of a closing terminal does not reach it), stdin null, output to ``output.log``.
    Raises StudioError with the log's tail when it ends, or stays silent, before that.
    """
    if is_locked(directory.lock_path):
        raise StudioError(f"{directory.run_id} is running already.")
    _, before = read_events(directory.events_path)
    directory.stop_path.unlink(missing_ok=True)
    with directory.log_path.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "studio.worker", str(directory.path.resolve())],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=_environment(os.environ),
        )
    # Reaped when it ends, so that a studio that stays open for days collects no zombies.
    threading.Thread(target=process.wait, name=f"reap {directory.run_id}", daemon=True).start()
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        events, _ = read_events(directory.events_path, before)
        if events:
            return
        if process.poll() is not None:
            raise StudioError(f"{directory.run_id} ended before it started.", log_tail(directory))
        time.sleep(0.02)
    raise StudioError(
        f"{directory.run_id} has said nothing for {START_TIMEOUT_SECONDS:.0f} s.",
        f"Look into {directory.log_path}.",
    )


def log_tail(directory: RunDirectory, lines: int = LOG_TAIL_LINES) -> str:
    """The last lines of ``output.log``; at most 64 KB of it are read."""
    try:
        with directory.log_path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 65_536))
            text = file.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def _environment(environment: Mapping[str, str]) -> dict[str, str]:
    # A fork warning of the tokenizers library and progress bars have no reader in a log file.
    quiet = {
        "TOKENIZERS_PARALLELISM": "true",
        "TQDM_DISABLE": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8",
    }
    return {**environment, **quiet}
