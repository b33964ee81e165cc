"""JSON files into records: one object per line (JSONL), or one array of objects."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import BinaryIO

from studio.dataset.candidates import Place, Problem
from studio.dataset.formats.lines import MAX_LINE_BYTES, Line, LineReader
from studio.errors import AskedWrongly

MAX_ARRAY_BYTES = 256 * 1024 * 1024

# (line, whatever JSON value stood there)
Records = Iterator[tuple[int, object] | Problem]


def jsonl_records(lines: LineReader, file: str) -> Records:
    """A record or a Problem per line; blank lines are passed over."""
    for line in lines:
        if line.is_too_long:
            yield too_long(file, line)
        elif line.raw.strip():
            yield _record_of_line(line, file)


def too_long(file: str, line: Line) -> Problem:
    limit, size = (round(number / 2**20, 1) for number in (MAX_LINE_BYTES, line.size_bytes))
    why = f"this line is {size:g} MB long; at most {limit:g} MB is read"
    return Problem(file, line.number, "", why, "Is it really one example? Split it or delete it.")


def _record_of_line(line: Line, file: str) -> tuple[int, object] | Problem:
    place = Place(file, file, line.number)
    if b"\x00" in line.raw:
        byte = line.raw.index(b"\x00") + 1
        return place.problem("", f"has a NUL byte (byte {byte})", "Remove it: tr -d '\\000' < FILE > CLEAN")
    try:
        text = line.raw.strip().decode("utf-8")
    except UnicodeDecodeError as error:
        return place.problem("", *invalid_utf8(error.object[error.start], error.start + 1))
    try:
        return line.number, json.loads(text)
    except json.JSONDecodeError as error:
        if error.pos >= len(text) or "Unterminated string" in error.msg:
            hint = "Close it." if line.is_ended else "The file was cut off: copy it again."
            return place.problem("", "not JSON: the line ends in the middle of an object", hint)
        hint = "Every line is one object; one JSON document over many lines becomes that by jq -c . FILE"
        return place.problem("", f"not JSON: {_reason(error)} at column {error.colno}", hint)
    except RecursionError:
        return place.problem("", "not usable JSON: nested too deeply")
    except ValueError:  # the only one left that json raises: Python's limit on the digits of a number
        return place.problem("", "not usable JSON: a number with thousands of digits", "Write it in quotes.")


def invalid_utf8(byte: int, position: int) -> tuple[str, str]:
    """Why and hint for a byte that is not UTF-8; ``position`` counts bytes or characters from 1."""
    return f"invalid UTF-8 (byte 0x{byte:02x} at {position})", "Save it as UTF-8: iconv -f ENCODING -t UTF-8 FILE"


def array_records(raw: BinaryIO, file: str) -> Records:
    """The elements of one JSON array, each with the line it begins on; what follows a broken one is not read.

    Raises AskedWrongly when the file is larger than ``MAX_ARRAY_BYTES``, for it is held whole, or not UTF-8.
    """
    size = os.fstat(raw.fileno()).st_size
    if size > MAX_ARRAY_BYTES:
        raise AskedWrongly(
            f"{file}: a JSON array of {size / 2**20:,.0f} MB; arrays are read up to {MAX_ARRAY_BYTES / 2**20:,.0f} MB.",
            f"Make it JSONL, which has no limit: jq -c '.[]' {file} > {file}l",
        )
    try:
        text = raw.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise AskedWrongly(f"{file}:{line}: {invalid_utf8(error.object[error.start], error.start + 1)[0]}.") from error
    return _elements(text, file)


def _elements(text: str, file: str) -> Records:
    decoder = json.JSONDecoder()
    line, counted = 1, 0
    position = _behind_space(text, text.index("[") + 1)
    while position < len(text) and text[position] != "]":
        line += text.count("\n", counted, position)
        counted = position
        try:
            record, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            reason = _reason(error) if isinstance(error, json.JSONDecodeError) else str(error)
            line = error.lineno if isinstance(error, json.JSONDecodeError) else line
            yield Problem(file, line, "", f"not JSON: {reason}", "The rest of the array was not read; mend it here.")
            return
        yield line, record
        position = _behind_space(text, position)
        if text[position : position + 1] == ",":
            position = _behind_space(text, position + 1)
        elif text[position : position + 1] != "]":
            line += text.count("\n", counted, position)
            yield Problem(file, line, "", "not JSON: a comma or ] is missing", "The rest of the array was not read.")
            return


def _behind_space(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\r\n":
        position += 1
    return position


def _reason(error: json.JSONDecodeError) -> str:
    return error.msg[0].lower() + error.msg[1:]
