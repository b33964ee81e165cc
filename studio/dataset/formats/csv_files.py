"""CSV files into records, with the physical line on which each row begins, whatever its quotes do."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import IO, BinaryIO

from studio.dataset.candidates import Place, Problem
from studio.dataset.formats.container import Container, Evidence, Records, WrittenRecord
from studio.dataset.formats.lines import MAX_LINE_BYTES, Line, LineReader, OnBytes, invalid_utf8, too_long
from studio.errors import AskedWrongly

# What the csv module says, and what that means to a person.
_REASONS = {
    "unexpected end of data": "a quote is opened in this row and never closed",
    "expected after": 'text follows a closing quote; a quote inside a quoted field is written twice ("")',
    "field larger": "a field is longer than 8 MB; a quote may be opened and never closed",
    "new-line character": "has a carriage return without a newline",
}


class _TooLongError(Exception):
    def __init__(self, line: Line) -> None:
        super().__init__(line.number)
        self.line = line


class _Source(Iterator[str]):
    """Feeds csv.reader and remembers where the row being read began, so that a broken row can be stepped over."""

    def __init__(self, lines: LineReader) -> None:
        self._lines = lines
        self._is_row_start = True
        self.row_line = 1
        self._next_offset = 0

    def begin_row(self) -> None:
        """The next line is the first of a row."""
        self._is_row_start = True

    def step_over_row(self) -> None:
        """Continue with the line behind the broken row's first: its quotes cannot be trusted."""
        self._lines.go_to(self._next_offset, self.row_line)

    def __next__(self) -> str:
        line = next(self._lines)
        if self._is_row_start:
            self._is_row_start = False
            self.row_line, self._next_offset = line.number, self._lines.offset
        if line.is_too_long:
            raise _TooLongError(line)
        return line.raw.decode("utf-8", "surrogateescape")


def _header_of(lines: LineReader, file: str) -> tuple[list[str], str]:
    """The column names and the delimiter (comma, semicolon or tab, whichever the first line has most).

    Blank lines before it are passed over. Raises AskedWrongly when the first line cannot be a header.
    """
    csv.field_size_limit(MAX_LINE_BYTES)
    begin, line = 0, next(lines, None)
    while line and not line.is_too_long and not line.raw.strip():
        begin, line = lines.offset, next(lines, None)
    if line is None or line.is_too_long:
        raise AskedWrongly(f"{file}:{lines.number}: no header: the first line must name the columns.")
    first = line.raw.decode("utf-8", "replace")
    delimiter = max(",;\t", key=first.count)
    lines.go_to(begin, line.number - 1)
    try:
        header = next(csv.reader(_Source(lines), delimiter=delimiter, strict=True), [])
    except (csv.Error, _TooLongError) as error:
        raise AskedWrongly(f"{file}:{line.number}: the header cannot be read: {_reason(error)}.") from error
    if doubled := [name for name, count in Counter(header).items() if count > 1]:
        raise AskedWrongly(
            f"{file}:{line.number}: the column {doubled[0][:60]!r} is there twice.", "Give every column its own name."
        )
    return header, delimiter


def _evidence(head: bytes, ending: str) -> Evidence:
    first_line = head.splitlines()[0] if head else b""
    names = {name.strip(b'" ') for name in re.split(rb"[,;\t]", first_line)}
    if names >= {b"prompt", b"completion"}:  # in a .txt too
        return Evidence.CERTAIN
    if ending == ".csv":
        return Evidence.NAMED
    return Evidence.POSSIBLE if any(mark in first_line for mark in (b",", b";", b"\t")) else Evidence.NONE


def _is_tsv(head: bytes, ending: str) -> Evidence:
    return Evidence.NAMED if ending in (".tsv", ".tab") else Evidence.NONE


def _header(raw: BinaryIO, file: str) -> tuple[str, ...]:
    return tuple(_header_of(LineReader(raw), file)[0])


def _records(raw: BinaryIO, file: str, on_bytes: OnBytes | None) -> Records:
    """A record or a Problem per row behind the header."""
    lines = LineReader(raw, on_bytes)
    header, delimiter = _header_of(lines, file)
    source = _Source(lines)
    reader = csv.reader(source, delimiter=delimiter, strict=True)
    while True:
        source.begin_row()
        try:
            row = next(reader)
        except StopIteration:
            return
        except (csv.Error, _TooLongError) as error:
            if isinstance(error, _TooLongError) and error.line.number == source.row_line:
                yield too_long(file, error.line)
            else:
                yield Problem(file, source.row_line, "", f"not CSV: {_reason(error)}", "Mend the quotes of this row.")
            source.step_over_row()
            reader = csv.reader(source, delimiter=delimiter, strict=True)
            continue
        if row:
            found = _record_of_row(row, header, Place(file, file, source.row_line))
            # A quote too many may have taken the rows behind it into this one: then the problem names all their lines.
            yield replace(found, last_line=lines.number) if isinstance(found, Problem) else found


def _record_of_row(row: list[str], header: list[str], place: Place) -> tuple[int, object] | Problem:
    for name, text in zip(header, row, strict=False):
        for position, character in enumerate(text if not text.isascii() else "", start=1):
            if "\udc80" <= character <= "\udcff":  # how surrogateescape keeps a byte that is not UTF-8
                return place.problem(name, *invalid_utf8(ord(character) - 0xDC00, position))
    if len(row) != len(header):
        hint = "A field with a comma or a newline must stand in quotes."
        return place.problem("", f"has {len(row)} columns; the header has {len(header)}", hint)
    return place.line, dict(zip(header, row, strict=True))


def _reason(error: Exception) -> str:
    if isinstance(error, _TooLongError):
        return f"line {error.line.number} within it is longer than 8 MB"
    return next((words for said, words in _REASONS.items() if said in str(error)), str(error))


def _write(file: IO[str], records: Iterable[WrittenRecord], columns: tuple[str, ...], delimiter: str = ",") -> None:
    writer = csv.DictWriter(file, columns, delimiter=delimiter)
    writer.writeheader()
    writer.writerows({name: _as_text(value) for name, value in record.items()} for record in records)


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


CSV = Container(
    name="CSV",
    about="a table whose first line names the columns",
    evidence=_evidence,
    records=_records,
    header=_header,
    write=_write,
    endings=(".csv",),
)
# Read as CSV is, whose first line tells which of its marks parts the columns.
TSV = replace(
    CSV,
    name="TSV",
    about="as CSV, with tabs",
    evidence=_is_tsv,
    write=partial(_write, delimiter="\t"),
    endings=(".tsv",),
)
