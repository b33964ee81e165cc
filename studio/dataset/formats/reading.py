"""Files into candidates, whatever container and shape they have.

One bad row is a Problem with its line, never an exception; a file that cannot be read at all is AskedWrongly.
UTF-8 with or without byte order mark, LF or CRLF. Whatever looks like markup or an escape sequence is data.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from studio.dataset.candidates import FIELDS, Candidate, Columns, Place, Problem, Record, candidate_of, kind_of
from studio.dataset.formats import CONTAINERS, SHAPES, listed
from studio.dataset.formats.container import Container, Evidence
from studio.dataset.formats.lines import MAX_LINE_BYTES, OnBytes
from studio.dataset.formats.shape import Shape
from studio.errors import AskedWrongly

__all__ = ["MAX_LINE_BYTES", "Candidate", "Problem", "WrongColumns", "read_file"]

_LOOKED_AT = 50
_HEAD_BYTES = 4096
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_FOREIGN = {
    b"PAR1": ("a Parquet file", "Write it as JSONL: duckdb -c \"COPY (FROM 'FILE') TO 'FILE.jsonl'\""),
    b"\x1f\x8b": ("a gzip file", "Unpack it first: gunzip -k FILE"),
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
    path: Path, mapping: dict[str, str] | None = None, task: str = "", on_bytes: OnBytes | None = None
) -> Iterator[Candidate | Problem]:
    """Read ``path`` row by row, in the file's order and in bounded memory (a JSON array is held whole).

    ``mapping`` names the column of a field, for example ``{"prompt": "question", "completion": "answer"}``; fields not
    in it are read from the column of their own name. ``task`` is given to rows that name none. ``on_bytes`` hears the
    bytes read so far. Raises AskedWrongly at once for a file that is missing, empty, not readable or of a format that
    is not read, and WrongColumns, whose message lists the columns it has, for one without the columns needed.
    """
    file = str(path)
    columns = _columns(mapping, task)
    container = _container_of(path, file)
    with closing(_open(path, file)) as raw:
        _check_columns(raw, container, columns, file)
    return _candidates(path, container, columns, on_bytes)


def _candidates(
    path: Path, container: Container, columns: Columns, on_bytes: OnBytes | None
) -> Iterator[Candidate | Problem]:
    file, source = str(path), path.name
    shapes = [(shape.needs(columns), shape) for shape in _shapes(container, columns)]
    with closing(_open(path, file)) as raw:
        for found in container.records(raw, file, on_bytes):
            if isinstance(found, Problem):
                yield found
                continue
            line, record = found
            place = Place(file, source, line)
            if not isinstance(record, dict):
                yield place.problem("", f"is {kind_of(record)}; an object with prompt and completion is needed")
                continue
            texts = _shape_of(record, shapes).read(record, columns, place)
            yield texts if isinstance(texts, Problem) else candidate_of(texts, record, columns, place)


def _shape_of(record: Record, shapes: list[tuple[frozenset[str], Shape]]) -> Shape:
    for needs, shape in shapes:
        if needs <= record.keys():
            return shape
    return shapes[0][1]


def _columns(mapping: dict[str, str] | None, task: str) -> Columns:
    mapped = mapping or {}
    for field, column in mapped.items():
        if field not in FIELDS or not column:
            raise AskedWrongly(
                f"{field}={column} is not a mapping: a field on the left, the file's column on the right.",
                f"Fields: {', '.join(FIELDS)}. Example: --map prompt=question,completion=answer",
            )
    return Columns(
        {name: name for name in FIELDS} | mapped, task, not mapped.keys().isdisjoint(("prompt", "completion"))
    )


def _shapes(container: Container, columns: Columns) -> list[Shape]:
    """The shapes that the rows may have: in a table and by a mapping only those whose texts have columns."""
    is_flat = container.header is not None or columns.is_mapped
    return [shape for shape in SHAPES if shape.has_columns or not is_flat]


def _open(path: Path, file: str) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError as error:
        raise AskedWrongly(f"{file}: there is no such file.", "Check the path; it is relative to here.") from error
    except IsADirectoryError as error:
        raise AskedWrongly(f"{file}: a folder, not a file.", f"Name its files: {shlex.quote(file)}/*.jsonl") from error
    except PermissionError as error:
        raise AskedWrongly(f"{file}: you have no permission to read it.", f"chmod u+r {shlex.quote(file)}") from error
    except OSError as error:
        raise AskedWrongly(f"{file}: cannot be opened: {error.strerror}.") from error


def _container_of(path: Path, file: str) -> Container:
    with closing(_open(path, file)) as raw:
        head = raw.read(_HEAD_BYTES)
    text = head.removeprefix(_BYTE_ORDER_MARK).lstrip()
    if not text:
        raise AskedWrongly(f"{file}: the file is empty.", "Nothing to read here; was it written to the end?")
    ending = path.suffix.lower()
    surest = max(CONTAINERS, key=lambda container: container.evidence(text, ending))
    evidence = surest.evidence(text, ending)
    if evidence < Evidence.CERTAIN:
        _refuse_foreign(head, file)
    if evidence is Evidence.NONE:
        names = listed([container.name for container in CONTAINERS], last="nor")
        raise AskedWrongly(
            f"{file}: neither {names}: it begins with {text[:1].decode('utf-8', 'replace')!r}.",
            f"Write {CONTAINERS[0].about}: {SHAPES[0].sample}",
        )
    return surest


def _refuse_foreign(head: bytes, file: str) -> None:
    for start, (what, hint) in _FOREIGN.items():
        if head.startswith(start) or (start == b"DUCK" and head[8:12] == start):
            raise AskedWrongly(f"{file}: this is {what}, which is not read.", hint.replace("FILE", shlex.quote(file)))


def _check_columns(raw: BinaryIO, container: Container, columns: Columns, file: str) -> None:
    """Raise WrongColumns when no row can be of a shape: by the header, or by the first rows where there is none."""
    wanted = [shape.needs(columns) for shape in _shapes(container, columns)]
    seen: dict[str, None] = {}
    if container.header is not None:
        seen = dict.fromkeys(container.header(raw, file))
        if any(needs <= seen.keys() for needs in wanted):
            return
    else:
        for found in islice(container.records(raw, file, None), _LOOKED_AT):
            if isinstance(found, Problem) or not isinstance(found[1], dict):
                continue
            seen |= dict.fromkeys(map(str, found[1]))
            if any(needs & seen.keys() for needs in wanted):
                return
    if seen:
        raise _wrong_columns(tuple(seen), wanted[0], columns, file)


def _wrong_columns(seen: tuple[str, ...], needs: frozenset[str], columns: Columns, file: str) -> WrongColumns:
    missing = " and ".join(name for name in columns.names.values() if name in needs.difference(seen))
    proposals = (shape.propose(seen) for shape in SHAPES if shape.propose)
    proposal = next(filter(None, proposals), "")
    mapping = shlex.quote(proposal or "prompt=COLUMN,completion=COLUMN")
    hint = f"Say which is which: studio import {shlex.quote(file)} --map {mapping}"
    return WrongColumns(f"{file}: no column {missing}; it has {', '.join(seen)}.", hint, seen, proposal)
