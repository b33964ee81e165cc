"""What a container is: how a file holds records, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import IO, BinaryIO

from studio.dataset.candidates import Problem
from studio.dataset.formats.lines import OnBytes

# (line on which the record begins, whatever value stands there); a record that cannot be read is a Problem.
Records = Iterator[tuple[int, object] | Problem]
# A text, or for what has parts (the turns of a conversation) a list, which a table keeps as JSON.
WrittenRecord = Mapping[str, object]
Write = Callable[[IO[str], Iterable[WrittenRecord], tuple[str, ...]], None]
WriteTo = Callable[[Path, Iterable[WrittenRecord], tuple[str, ...]], None]


class Evidence(IntEnum):
    """How sure a container is that a file is its own; the surest one reads it, the first of equals."""

    NONE = 0
    POSSIBLE = 1  # the first bytes allow it
    NAMED = 2  # the name says so
    CERTAIN = 3  # the first bytes can hardly be anything else, whatever the name says


@dataclass(frozen=True)
class Container:
    """A kind of file. ``name`` fits into "JSONL, a JSON array or CSV"; ``about`` into "write … : {…}".

    ``evidence`` is given the first bytes, without byte order mark and leading white space, and the name's ending in
    lower case. ``records`` reads a file opened in binary at its start, named as the person named it, and raises
    AskedWrongly where nothing of it can be read. ``header`` gives the columns where the file names them once for all
    records. ``write`` writes records of the columns given to files with one of ``endings``; a column that a record
    lacks has nothing to say. ``write_to`` does so where the file is no text. Without both the container is only read.
    ``reads`` are further endings that files of this kind have.
    """

    name: str
    about: str
    evidence: Callable[[bytes, str], Evidence]
    records: Callable[[BinaryIO, str, OnBytes | None], Records]
    header: Callable[[BinaryIO, str], tuple[str, ...]] | None = None
    write: Write | None = None
    endings: tuple[str, ...] = ()
    write_to: WriteTo | None = None
    reads: tuple[str, ...] = ()

    @property
    def is_written(self) -> bool:
        return bool(self.write or self.write_to)
