"""Export: what the view shows, as a file that imports again to the same rows."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, BinaryIO, cast

from studio.dataset.formats import CONTAINERS, SHAPES, written_endings
from studio.dataset.formats.container import Write
from studio.dataset.store import Example, Store
from studio.errors import AskedWrongly, StudioError
from studio.files import whole_file

STDOUT = Path("-")
_CHUNK = 2_000


class FileExists(AskedWrongly):
    """The file is there already, and nobody said that it may be replaced."""


def check_target(path: Path, *, may_replace: bool) -> None:
    """Raises FileExists for a file that may not be replaced, AskedWrongly for what cannot be, or an unknown ending."""
    _writer(path)
    if path.exists() and not path.is_file():
        what = "a folder" if path.is_dir() else "there, and no file"
        raise AskedWrongly(f"{path}: {what}.", "Name a file; it is made when missing.")
    if path.exists() and not may_replace:
        raise FileExists(f"{path}: exists; nothing was written.", "--force replaces it.")


def export_examples(store: Store, path: Path, ids: Sequence[int], *, may_replace: bool = False) -> int:
    """Write the rows ``ids`` in that order; the count. The old file stays until the new one is whole.

    Raises what ``check_target`` does, StudioError when the disk refuses.
    """
    check_target(path, may_replace=may_replace)
    try:
        with whole_file(path, newline="") as file:
            _write(file, _writer(path), store, ids)
    except OSError as error:
        raise StudioError(f"{path}: cannot be written: {error.strerror}.") from error
    return len(ids)


def export_to_stream(store: Store, stream: BinaryIO, ids: Sequence[int]) -> int:
    """Write the rows ``ids`` in that order as UTF-8, as in a file of the first format that is written; the count.

    Raises BrokenPipeError where nobody reads any longer, StudioError where it cannot be written for another reason.
    """
    file = cast("IO[str]", codecs.getwriter("utf-8")(stream))  # not a TextIOWrapper, which closes what it wraps
    try:
        _write(file, next(one.write for one in CONTAINERS if one.write), store, ids)
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise StudioError(f"{STDOUT}: cannot be written: {error.strerror}.") from error
    return len(ids)


def _writer(path: Path) -> Write:
    write = next((one.write for one in CONTAINERS if path.suffix.lower() in one.endings), None)
    if write is None:
        raise AskedWrongly(f"{path}: unknown ending {path.suffix!r}.", f"Use {written_endings()}.")
    return write


def _write(file: IO[str], write: Write, store: Store, ids: Sequence[int]) -> None:
    shape, record_of = next((shape, shape.write) for shape in SHAPES if shape.write)
    write(file, map(record_of, _examples(store, ids)), shape.columns)


def _examples(store: Store, ids: Sequence[int]) -> Iterator[Example]:
    for start in range(0, len(ids), _CHUNK):
        yield from store.examples(ids[start : start + _CHUNK])
