"""Files that are whole or not there, and no stranger's to read; locks that a dead process lets go of; JSON lines.

Each of these rules stands here once.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shutil
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from studio.errors import StudioError

JsonObject = dict[str, Any]

MOST_JSON_BYTES = 64 << 20  # of a file or a line that is held whole; what a run writes has a thousandth of it
_BLOCK, _SHOWN = 1 << 20, 40
_NEXT_STEPS: dict[int | None, str] = {
    errno.ENOSPC: "Make room on its disk and do it again; everything is as it was before.",
    errno.EDQUOT: "Make room within your quota and do it again; everything is as it was before.",
    errno.EACCES: "It must be yours to change: chmod u+rwX",
    errno.EROFS: "Its disk is mounted so that nothing can be written.",
}


def private_mode(folder: Path) -> int:
    """The mode of a file that is made in ``folder``: 0600, or 0660 where the folder is a group's.

    What the studio makes holds other people's texts. A folder is a group's when the group may write in it; one that
    everybody may write in, as /tmp, is nobody's, unless it hands its group on (set-gid). Raises OSError.
    """
    mode = folder.stat().st_mode
    is_shared = mode & stat.S_IWGRP and (mode & stat.S_ISGID or not mode & stat.S_IWOTH)
    return 0o660 if is_shared else 0o600


def private_folder_mode(folder: Path) -> int:
    """The mode of a folder that is made in ``folder``: 0700, or 0770 where that is a group's."""
    return 0o770 if private_mode(folder) == 0o660 else 0o700


def make_private(path: Path) -> None:
    """Give what was just made at ``path`` the mode by the rule above, whatever the umask; a folder stays set-gid."""
    found = path.stat().st_mode
    is_folder = stat.S_ISDIR(found)
    mode = private_folder_mode(path.parent) | found & stat.S_ISGID if is_folder else private_mode(path.parent)
    with contextlib.suppress(PermissionError):  # a file system without modes, as on many a USB stick
        path.chmod(mode)


def make_private_folder(path: Path, *, exist_ok: bool = False) -> None:
    """Make the folder ``path`` and those above it that are missing, by the rule above. Raises OSError.

    A folder that is there already keeps its mode; without ``exist_ok`` it is a FileExistsError.
    """
    if not path.parent.exists():
        make_private_folder(path.parent, exist_ok=True)
    try:
        path.mkdir(private_folder_mode(path.parent))
    except FileExistsError:
        if not exist_ok or not path.is_dir():
            raise
    else:
        make_private(path)


def keep_private(folder: Path) -> None:
    """From here on whatever this process makes, also by libraries, has no more than the mode by the rule above."""
    os.umask(0o777 & ~private_folder_mode(folder))


def open_private(path: str | Path, flags: int) -> int:
    """An ``opener`` for ``open()``: what this makes has the mode by the rule above, an older file keeps its own."""
    if not flags & os.O_CREAT:
        return os.open(path, flags)
    mode = private_mode(Path(path).parent)
    try:
        descriptor = os.open(path, flags | os.O_EXCL, mode)
    except FileExistsError:
        if flags & os.O_EXCL:
            raise
        return os.open(path, flags, mode)
    with contextlib.suppress(PermissionError):  # see above
        os.fchmod(descriptor, mode)  # the umask may have cut it
    return descriptor


@contextmanager
def writing(path: Path, hint: str = "") -> Iterator[None]:
    """Turn what the system refuses meanwhile, as on a full disk, into a StudioError that names the file or ``path``."""
    try:
        yield
    except OSError as error:
        raise StudioError(
            f"{error.filename or path}: cannot be written: {why_not(error)}.", hint or _NEXT_STEPS.get(error.errno, "")
        ) from error


@contextmanager
def whole_file(path: Path, newline: str | None = None) -> Iterator[IO[str]]:
    """A UTF-8 file to fill; it becomes ``path`` by rename, synced and private, only when filled without an error.

    So a reader sees the old file or the new one, never half of either. Raises OSError where the disk refuses; what
    was written beside is removed then.
    """
    beside = path.with_name(f".{path.name}.part")
    try:
        beside.unlink(missing_ok=True)  # left by a killed process, or a link that somebody laid there
        with open(beside, "x", encoding="utf-8", newline=newline, opener=open_private) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def write_whole(path: Path, text: str) -> None:
    """``text`` as the whole file ``path``; see ``whole_file``."""
    with whole_file(path) as file:
        file.write(text)


@contextmanager
def whole_folder(final: Path, hint: str = "") -> Iterator[Path]:
    """A folder to fill; it becomes ``final`` (replacing an older one) only when filled without an error.

    Raises StudioError naming the path, with ``hint`` as the next step, when it cannot be written, as on a full disk;
    a StudioError of whoever fills it goes through as it is.
    """
    part = final.with_name(f".{final.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)  # left by a killed process
        make_private_folder(part)
        yield part
        for written in (path for path in part.rglob("*") if not path.is_symlink()):
            make_private(written)
            if written.is_file():
                with written.open("rb") as file:
                    os.fsync(file.fileno())
        if final.exists():
            shutil.rmtree(final)
        part.rename(final)
    except (StudioError, KeyboardInterrupt):
        shutil.rmtree(part, ignore_errors=True)
        raise
    except Exception as error:  # torch and safetensors report a failed write as RuntimeError or their own kinds
        shutil.rmtree(part, ignore_errors=True)
        why = why_not(error) if isinstance(error, OSError) else error
        raise StudioError(f"{final}: cannot be written: {why}.", hint or "Is there room on its disk?") from error


def take_lock(path: Path, wait_seconds: float = 5.0) -> IO[str]:
    """Hold the lock ``path`` for as long as the returned file stays open. Raises StudioError when it is taken.

    Waits a little, because ``is_locked`` holds a shared lock for an instant.
    """
    file = os.fdopen(open_private(path, os.O_RDWR | os.O_APPEND | os.O_CREAT), "a+", encoding="utf-8")
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        except BlockingIOError:
            if time.monotonic() > deadline:
                file.close()
                raise StudioError(f"{path}: another process is at work here.", "Wait for it, or end it.") from None
            time.sleep(0.05)


def is_locked(path: Path) -> bool:
    """Whether a living process holds the lock; the kernel lets go of it however that process ends.

    One that cannot be opened, as somebody else's, is not known to be held.
    """
    try:
        file = open_regular(path)
    except OSError:
        return False
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


class JsonLinesWriter:
    """Appends JSON objects to a file, one ``write`` per line, so that a reader never sees two halves interleaved."""

    def __init__(self, path: Path) -> None:
        self._descriptor = open_private(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC)
        self._is_torn = False
        self._end_torn_line()

    def write(self, value: Mapping[str, Any]) -> tuple[int, int]:
        """One line, from which byte to which; half of a surrogate pair, which is no UTF-8, becomes ``?``.

        Raises OSError on a full disk.
        """
        line = (json.dumps(value, ensure_ascii=False) + "\n").encode(errors="replace")
        begun = b"\n" if self._is_torn else b""
        self._is_torn = True  # until all of it is there
        if os.write(self._descriptor, begun + line) < len(begun + line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._is_torn = False
        end = os.lseek(self._descriptor, 0, os.SEEK_CUR)  # what is appended ends where the file does
        return end - len(line), end

    def close(self) -> None:
        os.close(self._descriptor)

    def _end_torn_line(self) -> None:
        # A process killed in the middle of a line leaves no newline; without this the next line would be lost with it.
        size = os.fstat(self._descriptor).st_size
        if size and os.pread(self._descriptor, 1, size - 1) != b"\n":
            os.write(self._descriptor, b"\n")


def read_json_lines(path: Path, offset: int = 0) -> tuple[list[JsonObject], int]:
    """The objects in the whole lines from byte ``offset`` on, and the offset after them; none where no file is.

    A torn last line is left for the next call; a line that a crash cut short, and a later writer then ended, is
    passed over, as is one that holds no object. Raises OSError where it cannot be read.
    """
    items, end = scan_json_lines(path, offset)
    return [item for item in items if isinstance(item, dict)], end


def scan_json_lines(path: Path, offset: int = 0) -> tuple[list[JsonObject | str], int]:
    """As ``read_json_lines``, and among the objects, in its place, why a line holds none: that no crash explains."""
    found: list[JsonObject | str] = []
    try:
        file = open_regular(path)
    except FileNotFoundError:
        return [], offset
    with file:
        file.seek(offset)
        while line := file.readline(MOST_JSON_BYTES):
            if not line.endswith(b"\n") and len(line) < MOST_JSON_BYTES:
                break
            if (item := _object_in(line)) is not None:
                found.append(f"line {_line_number(path, offset)} {item}" if isinstance(item, str) else item)
            offset += len(line)
    return found, offset


def objects_in(lines: bytes) -> list[JsonObject | str]:
    """The objects in whole lines held in memory, as ``scan_json_lines`` gives them."""
    found = [_object_in(line) for line in lines.splitlines(keepends=True)]
    return [item for item in found if item is not None]


def read_json_object(path: Path) -> JsonObject:
    """The one object that a JSON file holds. Raises FileNotFoundError; StudioError where it cannot be read as one."""
    try:
        with open_regular(path) as file:
            text = read_at_most(file, MOST_JSON_BYTES + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StudioError(f"{path.name} cannot be read: {why_not(error)}.") from error
    if len(text) > MOST_JSON_BYTES:
        raise StudioError(f"{path.name} has more than {MOST_JSON_BYTES >> 20} MB.")
    try:
        value = parsed_json(text)
    except ValueError as error:
        raise StudioError(f"{path.name} is damaged: it {error}.") from error
    if not isinstance(value, dict):
        raise StudioError(f"{path.name} is damaged: it holds no JSON object but {in_short(value)}.")
    return value


def open_regular(path: Path) -> IO[bytes]:
    """A file to read. Raises OSError, also for what is no file: a folder, or a pipe whose other end never comes."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no file")
    return os.fdopen(descriptor, "rb")


def read_at_most(file: IO[bytes], most: int) -> bytes:
    """The rest of a file, cut at ``most`` bytes: ``file.read(most)`` would take memory for all of them at once."""
    left = os.fstat(file.fileno()).st_size - file.tell()
    return file.read(max(0, min(most, left)))


def parsed_json(text: bytes) -> Any:
    """The value in UTF-8 ``text``. Raises ValueError that says, behind "it", why there is none."""
    try:
        return json.loads(text.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8 at byte {error.start}") from error
    except RecursionError as error:
        raise ValueError("is nested too deeply") from error
    except ValueError as error:
        raise ValueError("is not JSON") from error


def in_short(value: Any) -> str:
    """A value out of a damaged file in a few words, whatever it is."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = str(value) if isinstance(value, str) else json.dumps(value)
    return f"{text[:_SHOWN]}…" if len(text) > _SHOWN else text


def why_not(error: OSError) -> str:
    """What the system says of its refusal."""
    return error.strerror or str(error)


def _object_in(line: bytes) -> JsonObject | str | None:
    """The object in a line; why it holds none; None for one that was begun and never ended, as by a crash."""
    try:
        value = parsed_json(line)
    except ValueError as error:
        is_begun = line.startswith(b"{") and str(error) == "is not JSON" and len(line) < MOST_JSON_BYTES
        return None if is_begun or not line.strip() else str(error)
    return value if isinstance(value, dict) else f"holds no object but {in_short(value)}"


def _line_number(path: Path, offset: int) -> int:
    """The number, from 1, of the line that begins at byte ``offset``."""
    with open_regular(path) as file:
        return 1 + sum(file.read(min(_BLOCK, offset - at)).count(b"\n") for at in range(0, offset, _BLOCK))
