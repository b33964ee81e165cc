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
_GROUPS_PATH = Path("/sys/fs/cgroup")
_OWN_GROUPS_PATH = Path("/proc/self/cgroup")
# Of both kinds of control groups (the kernel's cgroup-v2.rst and cgroup-v1/memory.rst): limit, use, and what
# memory.stat calls cached files that nobody asked for lately.
_NAMES_V2 = ("memory.max", "memory.current", "inactive_file")
_NAMES_V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


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
    room += _room_in_groups()
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


def _room_in_groups() -> list[int]:
    """What is left in the control groups with a limit: this process's own, as a batch system makes one for each job,
    and all above it.
    """
    try:
        memberships = _OWN_GROUPS_PATH.read_text().splitlines()
    except OSError:
        return []
    room: list[int] = []
    for membership in memberships:
        _, controllers, path = membership.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        top, names = (_GROUPS_PATH / "memory", _NAMES_V1) if controllers else (_GROUPS_PATH, _NAMES_V2)
        own = top / path.lstrip("/")
        groups = [group for group in (own, *own.parents) if group.is_relative_to(top)]
        room += [left for group in groups if (left := _room_in(group, *names)) is not None]
    return room


def _room_in(group: Path, limit: str, use: str, cached: str) -> int | None:
    """Limit less use, without cached files, which the kernel gives away; None where the group is not seen or has no
    limit.
    """
    try:
        most, used = int((group / limit).read_text()), int((group / use).read_text())
        lines = (group / "memory.stat").read_text().splitlines()
    except (OSError, ValueError):  # "max" is how no limit is written
        return None
    return most - used + sum(int(line.split()[1]) for line in lines if line.startswith(f"{cached} "))
