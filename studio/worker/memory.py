"""What memory there is, and what a process says where it is not enough. Imports no torch."""

from __future__ import annotations

import contextlib
import errno
import resource
from pathlib import Path

import psutil  # type: ignore[import-untyped]

# How torch, its libraries and Python say it, where they do not raise MemoryError.
_WORDS = (
    "not enough memory",
    "allocate memory",
    "out of memory",
    "outofmemory",
    "memoryerror",
    "bad_alloc",
    "failed to allocate",
)
# A system that gives away its last page is no pleasure to sit at.
LEFT_SHARE = 0.02
_PAGES_PATH = Path("/proc/self/statm")
_LIMIT_PATHS = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"), Path("/sys/fs/cgroup/memory/memory.usage_in_bytes")),
)


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether an error, or what caused it, says that there was not enough memory."""
    while error is not None:
        said = f"{type(error).__name__}: {error}".lower()
        if isinstance(error, MemoryError) or any(words in said for words in _WORDS):
            return True
        if isinstance(error, OSError) and error.errno == errno.ENOMEM:
            return True
        error = error.__cause__
    return False


def available_bytes() -> int:
    """How much more this process may take: by the machine, by its control group, by its own limits."""
    machine = psutil.virtual_memory()
    room = [machine.available + psutil.swap_memory().free - int(LEFT_SHARE * machine.total)]
    room += [most - used for most, used in map(_group_bytes, _LIMIT_PATHS) if most is not None]
    most_addresses = resource.getrlimit(resource.RLIMIT_AS)[0]
    if most_addresses != resource.RLIM_INFINITY:
        room.append(most_addresses - psutil.Process().memory_info().vms)
    return max(0, int(min(room)))


def hold_to_available() -> None:
    """From here on this process is refused what the machine has not got, as a MemoryError.

    Without it the kernel gives away more than there is, and ends whoever it finds largest without a word when that is
    touched. To be said again where it has to go on after it was refused: by then there may be more.
    """
    if not _PAGES_PATH.exists():
        return  # not Linux, where no limit on data is kept to
    data_pages = int(_PAGES_PATH.read_text().split()[5])
    held = data_pages * resource.getpagesize()
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    wanted = held + available_bytes()
    soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _group_bytes(paths: tuple[Path, Path]) -> tuple[int | None, int]:
    """Limit and use of the control group; no limit where the files are not there or say so."""
    try:
        most, used = (int(path.read_text()) for path in paths)
    except (OSError, ValueError):  # "max" is how no limit is written
        return None, 0
    return most, used
