"""Export: what the view shows, as a file that imports again to the same rows."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, BinaryIO, Protocol, cast

from studio.dataset.formats import CONTAINERS, SHAPES, written_endings
from studio.dataset.formats.container import Container
from studio.dataset.formats.pair import PAIR, plain_record
from studio.dataset.formats.shape import Shape
from studio.dataset.labels import SPLITS
from studio.dataset.store import Example
from studio.errors import AskedWrongly, StudioError
from studio.files import whole_file

STDOUT = Path("-")
_CHUNK = 2_000


class FileExists(AskedWrongly):
    """The file is there already, and nobody said that it may be replaced."""


class Rows(Protocol):
    """Where rows are read from: the store as it is, or as it was."""

    def rows_to_write(self, ids: Sequence[int]) -> list[Example]: ...
    def unused_columns(self, ids: Sequence[int]) -> list[str]: ...


def check_target(path: Path, *, may_replace: bool) -> None:
    """Raises FileExists for a file that may not be replaced, AskedWrongly for what cannot be, or an unknown ending."""
    _container(path)
    if path.exists() and not path.is_file():
        what = "a folder" if path.is_dir() else "there, and no file"
        raise AskedWrongly(f"{path}: {what}.", "Name a file; it is made when missing.")
    if path.exists() and not may_replace:
        raise FileExists(f"{path}: exists; nothing was written.", "--force replaces it.")


def export_examples(
    store: Rows, path: Path, ids: Sequence[int], *, may_replace: bool = False, shape: str = PAIR.word
) -> int:
    """Write the rows ``ids`` in that order as ``shape``; the count. The old file stays until the new one is whole.

    Raises what ``check_target`` and ``shape_named`` do, AskedWrongly for a shape that a table cannot hold, StudioError
    when the disk refuses.
    """
    check_target(path, may_replace=may_replace)
    written = shape_named(shape)
    if not written.has_columns and _container(path).header is not None:
        table = _container(path).name
        raise AskedWrongly(
            f"{path}: {table} has no room for {written.name}.",
            f"Write it as {CONTAINERS[0].name}, or as --shape {PAIR.word}.",
        )
    try:
        with whole_file(path, newline="") as file:
            _write(file, _container(path), store, ids, written)
    except OSError as error:
        raise StudioError(f"{path}: cannot be written: {error.strerror}.") from error
    return len(ids)


def export_to_stream(store: Rows, stream: BinaryIO, ids: Sequence[int], *, shape: str = PAIR.word) -> int:
    """Write the rows ``ids`` in that order as UTF-8, as in a file of the first format that is written; the count.

    Raises BrokenPipeError where nobody reads any longer, StudioError where it cannot be written for another reason.
    """
    file = cast("IO[str]", codecs.getwriter("utf-8")(stream))  # not a TextIOWrapper, which closes what it wraps
    try:
        _write(file, CONTAINERS[0], store, ids, shape_named(shape))
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise StudioError(f"{STDOUT}: cannot be written: {error.strerror}.") from error
    return len(ids)


def _container(path: Path) -> Container:
    found = next((one for one in CONTAINERS if one.is_written and path.suffix.lower() in one.endings), None)
    if found is None:
        raise AskedWrongly(f"{path}: unknown ending {path.suffix!r}.", f"Use {written_endings()}.")
    return found


def in_split(where: str, split: str) -> str:
    """The condition for rows of ``where`` and of ``split``, empty for all. Raises AskedWrongly for no such split."""
    if split and split not in SPLITS:
        raise AskedWrongly(f"{split!r} is no split.", f"One of: {', '.join(SPLITS)}.")
    return " AND ".join(
        part for part in (f"(\n{where}\n)" if where else "", f"split = '{split}'" if split else "") if part
    )


def shape_named(word: str) -> Shape:
    """The shape that is written by this name. Raises AskedWrongly where there is none."""
    written = {shape.word: shape for shape in SHAPES if shape.write}
    if word not in written:
        raise AskedWrongly(f"{word!r} is no shape that is written.", f"Shapes: {', '.join(written)}.")
    return written[word]


def _write(file: IO[str], container: Container, store: Rows, ids: Sequence[int], shape: Shape) -> None:
    record_of = shape.write
    assert record_of
    unused = store.unused_columns(ids)
    columns = tuple(name for name in shape.columns if name not in unused)
    records = (record_of(example) if example.prompt else plain_record(example) for example in _examples(store, ids))
    if container.write_to:
        container.write_to(Path(file.name), records, columns)
    elif container.write:
        container.write(file, records, columns)


def _examples(store: Rows, ids: Sequence[int]) -> Iterator[Example]:
    for start in range(0, len(ids), _CHUNK):
        yield from store.rows_to_write(ids[start : start + _CHUNK])
