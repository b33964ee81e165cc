"""This machine: a process of its own that outlives the terminal, the SSH session and the studio itself."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from studio.errors import StudioError
from studio.files import is_locked, open_private, open_regular, read_json_object, why_not, writing
from studio.interpreter import child_environment, python_module
from studio.runs.directory import RunDirectory, SlowToStart
from studio.runs.events import Started, read_events
from studio.runs.places.place import Place, ProcessState

if TYPE_CHECKING:
    import psutil  # type: ignore[import-untyped]

START_TIMEOUT_SECONDS = 30.0
LOG_TAIL_LINES = 20
LOG_TAIL_BYTES = 65_536
ROOM_BYTES = 1 << 20  # what a run must be able to write beside its checkpoints: its log and its events
# A process is the run's only if it began before it wrote process.json; clocks round, so a little later passes too.
CLOCK_SLACK_SECONDS = 2.0
# How long torch's threads wait for each other at full speed before they sleep. By libgomp's own 300,000 rounds, two
# runs at once, or one beside busy programs, wait for threads that wait: beside two busy loops on two cores a training
# made 65 tokens/s, with this 137, two trainings at once 127 and 131; alone 302 and 290 became 300 and 298.
SPIN_COUNT = "1000"
# Below the screens: a run takes all that is left, so this costs it nothing while nobody types, and a key need not wait
# until a matrix product has had its share. Where each session is a group of its own for the kernel (sched(7),
# autogroup), niceness counts within the session only, and the group has a value of its own.
NICENESS = 5
# torch and oneDNN each keep a compiled product for every shape they have seen, a thousand of them, about a megabyte a
# piece; rows of uneven length make new shapes at every step. Measured with a model of 20 MB, 34 steps: 1,600 MB, with
# this 590 MB, and not slower (2,308 and 1,936 against 2,638 and 2,003 tokens a second of processor time).
KEPT_PRODUCTS = "64"
PRODUCT_CACHES = ("LRU_CACHE_CAPACITY", "ONEDNN_PRIMITIVE_CACHE_CAPACITY")


def submit(directory: RunDirectory, prefix: Sequence[str] = (), module: str = "studio.worker") -> None:
    """Start the run's process detached and wait until it says ``started``.

    ``prefix`` is a command that becomes what it starts, as ``nice`` does; ``module`` is what works on the run. The
    process gets its own session (SIGHUP of a closing terminal does not reach it), stdin null, output to ``output.log``.
    Raises StudioError with the log's tail when it ends before that, or where another one took the run; SlowToStart
    when it stays silent.
    """
    if is_locked(directory.lock_path):
        raise StudioError(f"{directory.run_id} is running already.", f"studio watch {directory.run_id}")
    with writing(directory.path):
        _, before = read_events(directory.events_path)
        for wish in (directory.stop_path, directory.pause_path, directory.checkpoint_wish_path):
            wish.unlink(missing_ok=True)
        _make_sure_of_room(directory)
        with open(directory.log_path, "ab", opener=open_private) as log:
            process = _process([*prefix, *python_module(module), str(directory.path.resolve())], log)
    _give_way(process.pid)
    # Reaped when it ends, so that a studio that stays open for days collects no zombies.
    threading.Thread(target=process.wait, name=f"reap {directory.run_id}", daemon=True).start()
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        starters = [event.pid for event in read_events(directory.events_path, before)[0] if isinstance(event, Started)]
        if process.pid in starters:
            return
        if starters:  # ours waits for the lock in vain
            process.kill()
            raise StudioError(
                f"another resume took {directory.run_id}: process {starters[0]} works on it.",
                f"studio watch {directory.run_id}",
            )
        if process.poll() is not None:
            raise StudioError(
                f"{directory.run_id} ended before it started.",
                log_tail(directory) or "It could not even say why. Is there room on its disk?",
            )
        time.sleep(0.02)
    raise SlowToStart(
        f"{directory.run_id} has said nothing for {START_TIMEOUT_SECONDS:.0f} s.",
        f"Look into {directory.log_path}.",
    )


def _make_sure_of_room(directory: RunDirectory) -> None:
    """Raises OSError where the disk is full: better here than in a process that cannot say it."""
    probe = directory.path / ".room.part"
    try:
        with open(probe, "wb", opener=open_private) as file:
            file.write(bytes(ROOM_BYTES))
            file.flush()
            os.fsync(file.fileno())
    finally:
        probe.unlink(missing_ok=True)


def _process(command: Sequence[str], log: BinaryIO) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=run_environment(child_environment()),
        )
    except OSError as error:
        raise StudioError(f"{command[0]} cannot be started: {why_not(error)}.") from error


def _give_way(pid: int) -> None:
    """Let the screens go first; a process that has ended, or a kernel that knows no such thing, is left as it is."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, max(NICENESS, os.getpriority(os.PRIO_PROCESS, pid)))
    group = Path(f"/proc/{pid}/autogroup")
    with contextlib.suppress(OSError):
        if group.exists():
            group.write_text(str(NICENESS))


def state(directory: RunDirectory) -> ProcessState:
    """Alive while it holds the run's lock, which the kernel takes back however the process ends."""
    return ProcessState.ALIVE if is_locked(directory.lock_path) else ProcessState.GONE


def cancel(directory: RunDirectory) -> None:
    """Kill the run's process. Raises StudioError for a process of another machine, or one that is gone."""
    import psutil  # not needed to look at runs, which every verb may do

    facts = _described(directory)
    pid, host = facts.pid, facts.host
    if host != socket.gethostname():
        raise StudioError(f"{directory.run_id} runs on {host}, not here.", f"There: kill -9 {pid}")
    if state(directory) is ProcessState.GONE:
        raise StudioError(f"{directory.run_id} has no process to end.")
    try:
        process = psutil.Process(pid)
        if _is_another(process, facts):  # the number was given to another program since
            raise StudioError(f"{directory.run_id}: process {pid} is another program by now.", f"ps -p {pid} shows it.")
        process.kill()
        process.wait(timeout=START_TIMEOUT_SECONDS)
    except psutil.NoSuchProcess:
        return
    except psutil.AccessDenied as error:
        raise StudioError(f"{directory.run_id}: process {pid} is somebody else's.", "Ask them to end it.") from error


def log_tail(directory: RunDirectory, lines: int = LOG_TAIL_LINES) -> str:
    """The last lines of ``output.log``; at most 64 KB of it are read. Empty where there is no log."""
    try:
        with open_regular(directory.log_path) as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - LOG_TAIL_BYTES))
            text = file.read(LOG_TAIL_BYTES).decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"{directory.log_path.name} cannot be read: {why_not(error)}"
    return "\n".join(text.splitlines()[-lines:])


def describe_process() -> dict[str, object]:
    """What ``process.json`` holds: enough to say which process on which machine works on the run."""
    pid = os.getpid()
    return {"pid": pid, "host": socket.gethostname(), "started_at": time.time(), "ticks": _start_ticks(pid)}


@dataclass(frozen=True)
class _Described:
    """``ticks``: when it began, counted by the kernel since the machine started; None where that is not known."""

    pid: int
    host: str
    started_at: float
    ticks: int | None


def _start_ticks(pid: int) -> int | None:
    """The 22nd word of /proc/PID/stat (proc(5)); the second, a program's name, may have spaces and parentheses."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return int(words[19])
    except (OSError, ValueError, IndexError):
        return None


def _is_another(process: psutil.Process, facts: _Described) -> bool:
    """Whether a process of that number is not the run's.

    The kernel's own count decides: times of day are moved for all processes when the clock is set.
    """
    ticks = _start_ticks(process.pid)
    if facts.ticks is not None and ticks is not None:
        return ticks != facts.ticks
    return bool(process.create_time() > facts.started_at + CLOCK_SLACK_SECONDS)


def _described(directory: RunDirectory) -> _Described:
    try:
        facts = read_json_object(directory.process_path)
        ticks = facts.get("ticks")
        known = ticks if isinstance(ticks, int) else None
        return _Described(int(facts["pid"]), str(facts["host"]), float(facts["started_at"]), known)
    except (StudioError, FileNotFoundError, ValueError, OverflowError, KeyError, TypeError) as error:
        raise StudioError(f"{directory.process_path}: does not say which process works on the run.") from error


def run_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What a run's process is given to work in, beside what the studio has."""
    # A fork warning of the tokenizers library and progress bars have no reader in a log file.
    quiet = {
        "TOKENIZERS_PARALLELISM": "true",
        "TQDM_DISABLE": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8",
    }
    chosen = {} if environment.keys() & {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} else {"GOMP_SPINCOUNT": SPIN_COUNT}
    kept = {name: KEPT_PRODUCTS for name in PRODUCT_CACHES if name not in environment}
    return {**environment, **quiet, **chosen, **kept}


LOCAL = Place("local", "a process on this machine", submit, state, cancel, log_tail)
