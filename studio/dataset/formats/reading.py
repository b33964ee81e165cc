"""Files into candidates, whatever container and shape they have.

One bad row is a Problem with its line, never an exception; a file that cannot be read at all is AskedWrongly.
UTF-8 with or without byte order mark, LF or CRLF. Whatever looks like markup or an escape sequence is data.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, BinaryIO

from studio.dataset.candidates import (
    FIELDS,
    Candidate,
    Columns,
    Place,
    Problem,
    Record,
    candidate_of,
    kind_of,
    named,
)
from studio.dataset.formats import CONTAINERS, SHAPES, listed
from studio.dataset.formats.container import Container, Evidence
from studio.dataset.formats.lines import MAX_LINE_BYTES, OnBytes
from studio.dataset.formats.packed import ending_of
from studio.dataset.formats.pair import PAIR
from studio.dataset.formats.shape import Shape
from studio.dataset.formats.sources import Source, open_source, reading, source_name
from studio.dataset.formats.text_files import TEXT, TEXT_LINES
from studio.errors import AskedWrongly

__all__ = ["MAX_LINE_BYTES", "Candidate", "Problem", "WrongColumns", "container_of", "read_file", "source_name"]

_GUESSED_FROM = 1_000
_HEAD_BYTES = 4096
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_FOREIGN = {
    b"\x1f\x8b": ("a gzip file packed twice", "Unpack it first: gunzip -k FILE"),
    b"PK\x03\x04": ("a zip file or a spreadsheet", "Unpack it, or save the sheet as CSV."),
    b"\xff\xfe": ("UTF-16 text", "Save it as UTF-8: iconv -f UTF-16 -t UTF-8 FILE"),
    b"\xfe\xff": ("UTF-16 text", "Save it as UTF-8: iconv -f UTF-16 -t UTF-8 FILE"),
    b"DUCK": ("a DuckDB file", "Open the project it belongs to and export from there: studio export FILE.jsonl"),
}


class WrongColumns(AskedWrongly):
    """A file without the columns that are needed. ``seen`` are those it has, in its order.

    ``proposal`` is a mapping to try, ``prompt=question,completion=answer``, or empty where nothing can be guessed.
    """

    def __init__(self, message: str, hint: str, seen: tuple[str, ...], proposal: str) -> None:
        super().__init__(message, hint)
        self.seen = seen
        self.proposal = proposal


def read_file(
    path: Path,
    mapping: dict[str, str] | None = None,
    task: str = "",
    on_bytes: OnBytes | None = None,
    stream: BinaryIO | None = None,
    *,
    by_lines: bool = False,
) -> Iterator[Candidate | Problem]:
    """Read ``path`` row by row, in the file's order and in bounded memory; every line is of a row or of a problem.

    ``mapping`` names the column of a field, for example ``{"prompt": "question", "completion": "answer"}``; fields not
    in it are read from the column of their own name. ``task`` is given to rows that name none. ``on_bytes`` hears the
    bytes read so far. ``stream`` is read in place of a file, of which ``path`` is then only the name. ``by_lines``: of
    a plain text file each line is an example, not the whole.

    Raises AskedWrongly at once for a file that is missing, empty, not readable or of a format that is not read, and
    WrongColumns, whose message lists the columns it has, for one without the columns needed; StudioError, then and
    later, where the disk refuses. The file is open until the last row was read.
    """
    columns = columns_of(mapping, task)
    source = open_source(path, stream, on_bytes)
    try:
        with reading(source.file):
            container = container_of(source, ending_of(path))
            container = TEXT_LINES if by_lines and container is TEXT else container
            _check_columns(source, container, columns)
    except BaseException:
        source.close()
        raise
    return _candidates(source, container, columns, on_bytes)


def read_records(
    path: Path, on_bytes: OnBytes | None = None, stream: BinaryIO | None = None
) -> Iterator[tuple[Place, dict[str, Any]] | Problem]:
    """The records of a file as they are, whatever shape they have: for templates. Raises as ``read_file``."""
    source = open_source(path, stream, on_bytes)
    try:
        with reading(source.file):
            container = container_of(source, ending_of(path))
    except BaseException:
        source.close()
        raise
    return _objects(source, container, on_bytes)


def _objects(
    source: Source, container: Container, on_bytes: OnBytes | None
) -> Iterator[tuple[Place, dict[str, Any]] | Problem]:
    with closing(source), reading(source.file):
        for found in container.records(_from_start(source), source.file, on_bytes):
            if isinstance(found, Problem):
                yield found
                continue
            line, record = found
            place = Place(source.file, source.name, line)
            if isinstance(record, dict):
                yield place, record
            else:
                yield place.problem("", f"is {kind_of(record)}; an object with prompt and completion is needed")


def _candidates(
    source: Source, container: Container, columns: Columns, on_bytes: OnBytes | None
) -> Iterator[Candidate | Problem]:
    shapes = [(shape.needs(columns), shape) for shape in _shapes(container, columns)]
    for found in _objects(source, container, on_bytes):
        if isinstance(found, Problem):
            yield found
            continue
        place, record = found
        shape = _shape_of(record, shapes)
        texts = shape.read(record, columns, place)
        read = texts if isinstance(texts, Problem) else candidate_of(texts, record, columns, place, shape.name)
        yield replace(read, shape=shape.name) if isinstance(read, Problem) else read


def _from_start(source: Source) -> BinaryIO:
    source.raw.seek(0)
    return source.raw


def _shape_of(record: Record, shapes: list[tuple[frozenset[str], Shape]]) -> Shape:
    for needs, shape in shapes:
        if needs <= record.keys() and shape.fits(record):
            return shape
    return PAIR


def columns_of(mapping: dict[str, str] | None, task: str) -> Columns:
    """Which column holds which field. Raises AskedWrongly for a field that is none."""
    mapped = mapping or {}
    for field, column in mapped.items():
        if field not in FIELDS or not column:
            raise AskedWrongly(
                f"{field}={column} is not a mapping: a field on the left, the file's column on the right.",
                f"Fields: {', '.join(FIELDS)}. Example: --map prompt=question,completion=answer",
            )
    said = {field: column[1:-1] for field, column in mapped.items() if _is_quoted(column)}
    if wrong := [field for field in said if field not in ("system", "task")]:
        raise AskedWrongly(
            f"{wrong[0]}={mapped[wrong[0]]}: every row would have the same {wrong[0]}.", "Name a column."
        )
    mapped = {field: column for field, column in mapped.items() if field not in said}
    return Columns({name: name for name in FIELDS} | mapped, task, mapped, said)


def _is_quoted(text: str) -> bool:
    return len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"


def _shapes(container: Container, columns: Columns) -> list[Shape]:
    """The shapes that the rows may have: in a table only those whose texts have columns, by a mapping only pairs."""
    if columns.has_mapped_texts:
        return [PAIR]
    return [shape for shape in SHAPES if shape.has_columns or container.header is None]


def container_of(source: Source, ending: str) -> Container:
    """Whose file it is, by its first bytes and the name's ``ending``. Raises AskedWrongly where it is nobody's."""
    file, head = source.file, _from_start(source).read(_HEAD_BYTES)
    text = head.removeprefix(_BYTE_ORDER_MARK).lstrip()
    if not text:
        raise AskedWrongly(f"{file}: the file is empty.", "Nothing to read here; was it written to the end?")
    surest = max(CONTAINERS, key=lambda container: container.evidence(text, ending))
    evidence = surest.evidence(text, ending)
    if evidence < Evidence.CERTAIN:
        _refuse_foreign(head, file)
    if evidence is Evidence.NONE:
        names = listed([container.name for container in CONTAINERS], last="nor")
        raise AskedWrongly(
            f"{file}: neither {names}: it begins with {text[:1].decode('utf-8', 'replace')!r}.",
            f"Write {CONTAINERS[0].about}: {PAIR.sample}",
        )
    return surest


def _refuse_foreign(head: bytes, file: str) -> None:
    for start, (what, hint) in _FOREIGN.items():
        if head.startswith(start) or (start == b"DUCK" and head[8:12] == start):
            raise AskedWrongly(f"{file}: this is {what}, which is not read.", hint.replace("FILE", shlex.quote(file)))


def _check_columns(source: Source, container: Container, columns: Columns) -> None:
    """Raise WrongColumns when no row can be of a shape, or a column that somebody named is nowhere in the file.

    Reads on until it is sure, which is the first row of most files and the last one of those that are refused.
    """
    shapes = [(shape.needs(columns), shape) for shape in _shapes(container, columns)]
    seen: dict[str, None] = {}
    is_any_read = False
    for record in _records_to_look_at(source, container):
        seen |= dict.fromkeys(record)
        is_any_read = is_any_read or any(needs <= record.keys() and shape.fits(record) for needs, shape in shapes)
        is_any_read = is_any_read or PAIR.needs(columns) <= seen.keys()
        if is_any_read and columns.mapped <= seen.keys():
            return
    if seen:
        raise _wrong_columns(tuple(seen), PAIR.needs(columns), columns, source.file)


def _records_to_look_at(source: Source, container: Container) -> Iterator[Record]:
    """The file's records, or where it has a header the names in that with None for values."""
    raw = _from_start(source)
    if container.header is not None:
        yield dict.fromkeys(container.header(raw, source.file))
        return
    for found in container.records(raw, source.file, None):
        if not isinstance(found, Problem) and isinstance(found[1], dict):
            yield found[1]


def _wrong_columns(seen: tuple[str, ...], needs: frozenset[str], columns: Columns, file: str) -> WrongColumns:
    lacking = (needs | columns.mapped).difference(seen)
    missing = [name for name in columns.names.values() if name in lacking]
    guesses = {name: _guess(name, seen) for name in missing if name in columns.mapped}
    proposals = (shape.propose(seen) for shape in SHAPES if shape.propose)
    proposal = _mended(columns, guesses) if columns.mapped else next(filter(None, proposals), "")
    has = f"it has {named(seen)}"
    if guessed := list(filter(None, guesses.values())):
        has = f"did you mean {listed(guessed, last='and')}? The file has {named(seen)}"
    mapping = shlex.quote(proposal or "prompt=COLUMN,completion=COLUMN")
    hint = f"Say which is which: studio import {shlex.quote(file)} --map {mapping}"
    return WrongColumns(f"{file}: no column {listed(missing, last='and')}; {has}.", hint, seen, proposal)


def _guess(name: str, seen: Sequence[str]) -> str:
    """The column that was meant by ``name``, or nothing."""
    by_lower = {column.lower(): column for column in reversed(seen[:_GUESSED_FROM])}
    found = get_close_matches(name.lower(), by_lower, n=1)
    return by_lower[found[0]] if found else ""


def _mended(columns: Columns, guesses: Mapping[str, str]) -> str:
    """The mapping that was asked for with the columns that were meant, or nothing where it cannot be guessed."""
    meant = {field: guesses.get(column, column) for field, column in columns.mapping.items()}
    can_be_typed = all(column and not {",", "="} & set(column) for column in meant.values())
    return ",".join(f"{field}={column}" for field, column in meant.items()) if can_be_typed else ""
