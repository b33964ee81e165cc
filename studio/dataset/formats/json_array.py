"""One JSON array of objects. It is held whole, so its size has a limit."""

from __future__ import annotations

import json
import os
from typing import BinaryIO

from studio.dataset.candidates import Problem
from studio.dataset.formats.container import Container, Evidence, Records
from studio.dataset.formats.lines import OnBytes, invalid_utf8, json_reason
from studio.errors import AskedWrongly

MAX_ARRAY_BYTES = 256 * 1024 * 1024


def _evidence(head: bytes, ending: str) -> Evidence:
    # A JSONL file whose first line is a broken list must not be taken for an array of objects.
    is_array = head[:1] == b"[" and head[1:].lstrip()[:1] in (b"{", b"]")
    return Evidence.CERTAIN if is_array else Evidence.NONE


def _records(raw: BinaryIO, file: str, on_bytes: OnBytes | None) -> Records:
    """The elements of the array, each with the line it begins on; what follows a broken one is not read.

    Raises AskedWrongly when the file is larger than ``MAX_ARRAY_BYTES`` or not UTF-8.
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
    if on_bytes:
        on_bytes(size)
    yield from _elements(text, file)


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
            reason = json_reason(error) if isinstance(error, json.JSONDecodeError) else str(error)
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


JSON_ARRAY = Container(name="a JSON array", about="one array of objects", evidence=_evidence, records=_records)
