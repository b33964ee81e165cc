"""Export: what the view shows, as JSONL or CSV that imports again to the same rows."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

from studio.dataset.store import Example, Store
from studio.errors import AskedWrongly, StudioError

FIELDS = ("prompt", "completion", "system", "task", "label", "split")
CHUNK = 2_000


def export_examples(store: Store, path: Path, ids: Sequence[int]) -> int:
    """Write the rows ``ids`` in that order; the count. The old file stays until the new one is whole.

    Raises AskedWrongly for an unknown ending, StudioError when the disk refuses.
    """
    write = {".jsonl": _write_jsonl, ".csv": _write_csv}.get(path.suffix.lower())
    if write is None:
        raise AskedWrongly(f"{path}: unknown ending {path.suffix!r}.", "Use .jsonl or .csv.")
    beside = path.with_name(f".{path.name}.part")
    try:
        with beside.open("w", encoding="utf-8", newline="") as file:
            write(file, _examples(store, ids))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise StudioError(f"{path}: cannot be written: {error.strerror}.") from error
    return len(ids)


def _examples(store: Store, ids: Sequence[int]) -> Iterable[Example]:
    for start in range(0, len(ids), CHUNK):
        yield from store.examples(ids[start : start + CHUNK])


def _write_jsonl(file: IO[str], examples: Iterable[Example]) -> None:
    for example in examples:
        row = {name: getattr(example, name) for name in FIELDS}
        kept = {name: value for name, value in row.items() if value not in ("", "none")}
        file.write(json.dumps(kept, ensure_ascii=False) + "\n")


def _write_csv(file: IO[str], examples: Iterable[Example]) -> None:
    writer = csv.writer(file)
    writer.writerow(FIELDS)
    writer.writerows([getattr(example, name) for name in FIELDS] for example in examples)
