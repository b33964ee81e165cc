"""Import: read everything, show what would happen, then write it in one step that undo takes back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from studio.dataset.candidates import FIELDS
from studio.dataset.formats.reading import Candidate, Problem, read_file
from studio.dataset.store import Added, Store
from studio.errors import AskedWrongly

OnBytes = Callable[[int], None]


@dataclass(frozen=True)
class ImportPreview:
    """What an import would do. Nothing has been written."""

    candidates: list[Candidate]
    problems: list[Problem]
    added: int
    duplicates: int
    tasks: dict[str, int]
    source: str


def preview_import(
    store: Store,
    paths: Sequence[Path],
    mapping: dict[str, str] | None = None,
    task: str = "",
    on_bytes: OnBytes | None = None,
) -> ImportPreview:
    """Read ``paths`` whole; bad rows become problems. Raises AskedWrongly for a file that cannot be read at all."""
    candidates: list[Candidate] = []
    problems: list[Problem] = []
    for path in paths:
        for found in read_file(path, mapping, task, on_bytes=on_bytes):
            if isinstance(found, Problem):
                problems.append(found)
            else:
                candidates.append(found)
    plan = store.plan_add(candidates)
    tasks = Counter(candidate.task or "(none)" for candidate in candidates)
    source = ", ".join(path.name for path in paths)
    return ImportPreview(candidates, problems, plan.added, plan.duplicates, dict(tasks.most_common()), source)


def confirm_import(store: Store, preview: ImportPreview) -> Added:
    """Write the good rows of a preview: one transaction, one undo step."""
    return store.add(preview.candidates, preview.source)


def parse_mapping(text: str) -> dict[str, str]:
    """``prompt=question,completion=answer`` as a mapping. Raises AskedWrongly for anything else."""
    mapping = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, equals, column = (piece.strip() for piece in part.partition("="))
        if name not in FIELDS or not equals or not column:
            raise AskedWrongly(f"--map {text}: cannot read {part!r}.", "Write it as prompt=COLUMN,completion=COLUMN.")
        mapping[name] = column
    return mapping
