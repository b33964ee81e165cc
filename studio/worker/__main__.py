"""``python -m studio.worker RUN_DIR``: take the lock, say ``started``, work, end with exactly one final event.

Nothing here imports torch before ``started`` is written: a person waits for that event, not for seconds of imports.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import sys
import traceback
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from studio.errors import StudioError
from studio.files import keep_private, open_private, take_lock, write_whole, writing
from studio.runs.directory import RunDirectory
from studio.runs.events import EventWriter, Failed, Started
from studio.runs.places.local import describe_process
from studio.runs.settings import Spec
from studio.runs.specs import CompareSpec, TrainSpec, read_spec
from studio.worker.memory import is_out_of_memory
from studio.worker.session import Session

RESERVE_BYTES = 1 << 14


def main(arguments: list[str], act: Callable[[Session, Spec], None] | None = None) -> int:
    """Exit code 0 for finished or stopped, 1 for failed, 2 when the directory is no run or is being worked on.

    ``act`` is what is done of the spec; None: all of it.
    """
    if len(arguments) != 1:
        print("usage: python -m studio.worker RUN_DIR", file=sys.stderr)
        return 2
    directory = RunDirectory(Path(arguments[0]))
    try:
        with writing(directory.path):
            keep_private(directory.path)
            spec = read_spec(directory)
            lock = take_lock(directory.lock_path)
    except StudioError as error:
        print(error, file=sys.stderr)
        return 2
    try:
        with lock, writing(directory.path):
            write_whole(directory.process_path, json.dumps(describe_process()))
            with closing(EventWriter(directory.events_path)) as events:
                return work(Session(directory, events, owns_process=True), spec, act)
    except StudioError as error:  # not even its last event could be written: only the log can say it
        print(error, file=sys.stderr)
        return 1


def work(session: Session, spec: Spec, act: Callable[[Session, Spec], None] | None = None) -> int:
    """Run the spec to its final event and return the exit code. The only place where a run's errors are caught."""
    session.listen()
    session.events.write(Started(pid=os.getpid(), host=socket.gethostname(), kind=spec.kind))
    try:
        _keep_reserve(session.directory)
        (act or _dispatch)(session, spec)
    except StudioError as error:
        _say_last(session, Failed(message=error.message, hint=error.hint), str(error))
        return 1
    except Exception as error:  # whatever it is, the run must end with a final event that names it
        message, hint = explain(error, session.directory)
        _say_last(session, Failed(message=message, hint=hint), traceback.format_exc())
        return 1
    finally:
        session.directory.reserve_path.unlink(missing_ok=True)
    return 0


def _keep_reserve(directory: RunDirectory) -> None:
    with open(directory.reserve_path, "wb", opener=open_private) as file:
        file.write(os.urandom(RESERVE_BYTES))  # zeros may take no room


def _say_last(session: Session, event: Failed, log: str) -> None:
    """The last event and then the log, on a disk that may be full: without the event the run would count as lost."""
    try:
        session.events.write(event)
    except OSError:
        session.directory.reserve_path.unlink(missing_ok=True)
        session.events.write(event)
    with contextlib.suppress(OSError):
        print(log, file=sys.stderr, flush=True)


def _dispatch(session: Session, spec: Spec) -> None:
    match spec:
        case TrainSpec():
            from studio.worker.training.train import train

            train(session, spec)
        case CompareSpec():
            from studio.worker.comparing.compare import compare

            compare(session, spec)
        case _:
            raise StudioError(f"no process knows how to work on a run of kind {spec.kind!r}.")


def explain(error: Exception, directory: RunDirectory) -> tuple[str, str]:
    """Message and hint for an error that nobody foresaw where it happened."""
    log = f"The traceback is in {directory.log_path}."
    if is_out_of_memory(error):
        return "there is not enough memory for this run.", "Use a smaller batch_size or max_length, or another method."
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{error.filename or directory.path}: the disk is full.", "Make room, then resume the run."
    if not directory.path.exists():
        return f"{directory.path}: the run directory was removed while the run was working.", ""
    return f"{type(error).__name__}: {error}", log


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
