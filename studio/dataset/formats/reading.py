"""Files into candidates: JSONL pairs, JSONL chat messages, a JSON array of either, CSV.

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

from studio.dataset.candidates import FIELDS, Candidate, Columns, Place, Problem, candidate_from
from studio.dataset.formats.csv_files import csv_records, header_of
from studio.dataset.formats.json_files import Records, array_records, jsonl_records
from studio.dataset.formats.lines import MAX_LINE_BYTES, LineReader, OnBytes
from studio.errors import AskedWrongly

__all__ = ["MAX_LINE_BYTES", "Candidate", "Problem", "WrongColumns", "read_file"]

_LOOKED_AT = 50
_FOREIGN = {
    b"PAR1": ("a Parquet file", "Write it as JSONL: duckdb -c \"COPY (FROM 'FILE') TO 'FILE.jsonl'\""),
    b"\x1f\x8b": ("a gzip file", "Unpack it first: gunzip -k FILE"),
    b"PK\x03\x04": ("a zip file or a spreadsheet", "Unpack it, or save the sheet as CSV."),
    b"\xff\xfe": ("UTF-16 text", "Save it as UTF-8: iconv -f UTF-16 -t UTF-8 FILE"),
    b"\xfe\xff": ("UTF-16 text", "Save it as UTF-8: iconv -f UTF-16 -t UTF-8 FILE"),
    b"DUCK": ("a DuckDB file", "Open the project it belongs to and export from there: studio export FILE.jsonl"),
}
# Pairs of column names that other tools use, to propose a mapping from.
_USUAL_PAIRS = (
    ("question", "answer"),
    ("instruction", "output"),
    ("instruction", "response"),
    ("dialogue", "summary"),
    ("input", "output"),
    ("query", "response"),
    ("source", "target"),
    ("text", "label"),
)


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
    bytes read so far. Raises AskedWrongly at once for a file that is missing, empty, not readable, of a format that
    is not read, or without the columns needed; the message lists the columns it has.
    """
    file = str(path)
    columns = _columns(mapping, task)
    kind = _kind_of(path, file)
    with closing(_open(path, file)) as raw:
        _check_columns(raw, kind, columns, file)
    return _candidates(path, kind, columns, on_bytes)


def _candidates(path: Path, kind: str, columns: Columns, on_bytes: OnBytes | None) -> Iterator[Candidate | Problem]:
    file = str(path)
    with closing(_open(path, file)) as raw:
        for found in _records(raw, kind, file, on_bytes):
            if isinstance(found, Problem):
                yield found
            else:
                line, record = found
                yield candidate_from(record, columns, Place(file, path.name, line))


def _records(raw: BinaryIO, kind: str, file: str, on_bytes: OnBytes | None) -> Records:
    if kind == "array":
        return array_records(raw, file)
    return (csv_records if kind == "csv" else jsonl_records)(LineReader(raw, on_bytes), file)


def _columns(mapping: dict[str, str] | None, task: str) -> Columns:
    for field, column in (mapping or {}).items():
        if field not in FIELDS or not column:
            raise AskedWrongly(
                f"{field}={column} is not a mapping: a field on the left, the file's column on the right.",
                f"Fields: {', '.join(FIELDS)}. Example: --map prompt=question,completion=answer",
            )
    return Columns({name: name for name in FIELDS} | (mapping or {}), task, bool(mapping))


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


def _kind_of(path: Path, file: str) -> str:
    with closing(_open(path, file)) as raw:
        head = raw.read(4096)
    if not head.removeprefix(b"\xef\xbb\xbf").strip():
        raise AskedWrongly(f"{file}: the file is empty.", "Nothing to read here; was it written to the end?")
    for start, (what, hint) in _FOREIGN.items():
        if head.startswith(start) or (start == b"DUCK" and head[8:12] == start):
            raise AskedWrongly(f"{file}: this is {what}, which is not read.", hint.replace("FILE", shlex.quote(file)))
    if path.suffix.lower() in (".csv", ".tsv"):
        return "csv"
    first = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if first == b"[" and _is_array(head):
        return "array"
    if first == b"{" or path.suffix.lower() in (".jsonl", ".ndjson", ".json"):
        return "jsonl"
    if any(mark in head.splitlines()[0] for mark in (b",", b";", b"\t")):
        return "csv"
    raise AskedWrongly(
        f"{file}: neither JSONL nor CSV: it begins with {first.decode('utf-8', 'replace')!r}.",
        'Write one object per line: {"prompt": "…", "completion": "…"}',
    )


def _is_array(head: bytes) -> bool:
    # A JSONL file whose first line is a broken list must not be taken for an array of objects.
    behind = head.removeprefix(b"\xef\xbb\xbf").lstrip()[1:].lstrip()
    return behind[:1] in (b"{", b"]")


def _check_columns(raw: BinaryIO, kind: str, columns: Columns, file: str) -> None:
    """Raise AskedWrongly when none of the first rows has a column that is needed: the file is not of this shape."""
    needed = {columns.names["prompt"], columns.names["completion"]}
    seen: dict[str, None] = {}
    if kind == "csv":
        seen = dict.fromkeys(header_of(LineReader(raw), file)[0])
        if needed <= set(seen):
            return
    else:
        for found in islice(_records(raw, kind, file, None), _LOOKED_AT):
            if isinstance(found, Problem) or not isinstance(found[1], dict):
                continue
            seen |= dict.fromkeys(map(str, found[1]))
            if needed & set(seen) or ("messages" in seen and not columns.is_mapped):
                return
    if seen:
        missing = " and ".join(name for name in columns.names.values() if name in needed - set(seen))
        mapping = _mapping(list(seen))
        hint = f"Say which is which: studio import {shlex.quote(file)} --map {shlex.quote(mapping)}"
        proposal = mapping if len(seen) > 1 else ""
        raise WrongColumns(f"{file}: no column {missing}; it has {', '.join(seen)}.", hint, tuple(seen), proposal)


def _mapping(seen: list[str]) -> str:
    lower = {name.lower(): name for name in reversed(seen)}
    pair = next((pair for pair in _USUAL_PAIRS if lower.keys() >= set(pair)), None)
    prompt, completion = (lower[pair[0]], lower[pair[1]]) if pair else (*seen, "COLUMN", "COLUMN")[:2]
    return f"prompt={prompt},completion={completion}"
