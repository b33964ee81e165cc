"""Export: what the view shows, as a file that imports again to the same rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from studio.dataset.formats import CONTAINERS, SHAPES, written_endings
from studio.dataset.store import Example, Store
from studio.errors import AskedWrongly, StudioError
from studio.files import whole_file

_CHUNK = 2_000


def export_examples(store: Store, path: Path, ids: Sequence[int]) -> int:
    """Write the rows ``ids`` in that order; the count. The old file stays until the new one is whole.

    Raises AskedWrongly for an unknown ending, StudioError when the disk refuses.
    """
    write = next((one.write for one in CONTAINERS if path.suffix.lower() in one.endings), None)
    if write is None:
        raise AskedWrongly(f"{path}: unknown ending {path.suffix!r}.", f"Use {written_endings()}.")
    shape, record_of = next((shape, shape.write) for shape in SHAPES if shape.write)
    try:
        with whole_file(path, newline="") as file:
            write(file, map(record_of, _examples(store, ids)), shape.columns)
    except OSError as error:
        raise StudioError(f"{path}: cannot be written: {error.strerror}.") from error
    return len(ids)


def _examples(store: Store, ids: Sequence[int]) -> Iterator[Example]:
    for start in range(0, len(ids), _CHUNK):
        yield from store.examples(ids[start : start + _CHUNK])
