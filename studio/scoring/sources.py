"""Which rows share a source: they are alike, and twice as many of them are not twice the evidence."""

from __future__ import annotations

from collections.abc import Sequence

from studio.scoring.scored_rows import HeldOutRow

FEWEST_FILES = 20


def groups_of(rows: Sequence[HeldOutRow]) -> list[int]:
    """Per row the number of its source; empty where no two rows share one.

    A source is the line of a file that a row came from, as several turns of one conversation; where the rows come from
    20 files or more it is the file, as where every document is one. Fewer files are not sources but shelves. A row
    that does not say where it came from is on its own.
    """
    known = [str(getattr(row, "source", "")) for row in rows]
    files = {source.rpartition(":")[0] for source in known if source}
    keys = [source.rpartition(":")[0] if len(files) >= FEWEST_FILES else source for source in known]
    numbers: dict[str, int] = {}
    groups = [numbers.setdefault(key or f"row {place}", len(numbers)) for place, key in enumerate(keys)]
    return groups if len(numbers) < len(rows) else []
