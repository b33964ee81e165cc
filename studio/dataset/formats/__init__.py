"""Files into candidates and back: containers say how a file holds records, shapes how a record holds a pair.

To read one more format, write its file and add its value to the tuple here; whatever names formats in words asks here.
"""

from __future__ import annotations

from collections.abc import Sequence

from studio.dataset.formats.alpaca import ALPACA
from studio.dataset.formats.container import Container
from studio.dataset.formats.csv_files import CSV, TSV
from studio.dataset.formats.json_array import JSON_ARRAY
from studio.dataset.formats.jsonl import JSONL
from studio.dataset.formats.messages import MESSAGES
from studio.dataset.formats.packed import PACKED
from studio.dataset.formats.pair import PAIR
from studio.dataset.formats.parquet import PARQUET
from studio.dataset.formats.plain import PLAIN
from studio.dataset.formats.preference import PREFERENCE
from studio.dataset.formats.shape import Shape
from studio.dataset.formats.sharegpt import SHAREGPT
from studio.dataset.formats.text_files import TEXT

CONTAINERS: tuple[Container, ...] = (JSONL, JSON_ARRAY, CSV, TSV, PARQUET, TEXT)
# The first that a record is of reads it; one that is of none is read as a pair, which says what it lacks.
SHAPES: tuple[Shape, ...] = (PLAIN, PREFERENCE, PAIR, MESSAGES, SHAREGPT, ALPACA)


def described() -> str:
    """The files that are read, for people: ``JSONL, a JSON array or CSV``."""
    return listed([container.name for container in CONTAINERS])


def described_shortly() -> str:
    """Some of the files that are read, where there is little room: ``JSONL, a JSON array, CSV, …``."""
    return ", ".join([*(container.name for container in CONTAINERS[:3]), "…"])


def described_shapes() -> str:
    """What their records may be, for people: ``prompt/completion or chat messages``."""
    return listed([shape.name for shape in SHAPES])


def written_shapes() -> list[str]:
    """The words for shapes that rows can be written in."""
    return [shape.word for shape in SHAPES if shape.write]


def read_endings() -> list[str]:
    """How the names of files end that are taken from a folder, a packed one's without that of the packing."""
    return [ending for container in CONTAINERS for ending in (*container.endings, *container.reads)]


def packed_endings() -> str:
    """The ways of packing a file that are read, for people: ``.gz or .zst``."""
    return listed(list(PACKED))


def written_endings() -> str:
    """How the name of a file that is written may end, for people: ``.jsonl or .csv``."""
    return listed([ending for container in CONTAINERS for ending in container.endings])


def listed(words: Sequence[str], last: str = "or") -> str:
    """``a, b or c``."""
    return f" {last} ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))
