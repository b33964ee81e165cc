"""JSONL: one JSON object per line, in bounded memory."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import IO, BinaryIO

from studio.dataset.candidates import Place, Problem
from studio.dataset.formats.container import Container, Evidence, Records, WrittenRecord
from studio.dataset.formats.lines import LineReader, OnBytes, invalid_utf8, json_reason, too_long


def _evidence(head: bytes, ending: str) -> Evidence:
    if head[:1] == b"{":
        return Evidence.CERTAIN
    if ending in (".jsonl", ".ndjson"):
        return Evidence.NAMED
    return Evidence.POSSIBLE if ending == ".json" else Evidence.NONE


def _records(raw: BinaryIO, file: str, on_bytes: OnBytes | None) -> Records:
    """A record or a Problem per line; blank lines are passed over."""
    for line in LineReader(raw, on_bytes):
        if line.is_too_long:
            yield too_long(file, line)
        elif line.raw.strip():
            yield record_of_line(line.raw, line.is_ended, Place(file, file, line.number))


def record_of_line(raw: bytes, is_ended: bool, place: Place) -> tuple[int, object] | Problem:
    """The JSON value of one line, whatever it is, and where it stands."""
    if b"\x00" in raw:
        byte = raw.index(b"\x00") + 1
        return place.problem("", f"has a NUL byte (byte {byte})", "Remove it: tr -d '\\000' < FILE > CLEAN")
    try:
        text = raw.strip().decode("utf-8")
    except UnicodeDecodeError as error:
        return place.problem("", *invalid_utf8(error.object[error.start], error.start + 1))
    try:
        return place.line, json.loads(text)
    except json.JSONDecodeError as error:
        if error.pos >= len(text) or "Unterminated string" in error.msg:
            hint = "Close it." if is_ended else "The file was cut off: copy it again."
            return place.problem("", "not JSON: the line ends in the middle of an object", hint)
        hint = "Every line is one object; one JSON document over many lines becomes that by jq -c . FILE"
        return place.problem("", f"{json_reason(error)} at column {error.colno}", hint)
    except (RecursionError, ValueError) as error:
        return place.problem("", json_reason(error), "" if isinstance(error, RecursionError) else "Write it in quotes.")


def _write(file: IO[str], records: Iterable[WrittenRecord], columns: tuple[str, ...]) -> None:
    encode = json.JSONEncoder(ensure_ascii=False).encode  # json.dumps would make an encoder for each record
    file.writelines(encode(record) + "\n" for record in records)


JSONL = Container(
    name="JSONL",
    about="one object per line",
    evidence=_evidence,
    records=_records,
    write=_write,
    endings=(".jsonl",),
    reads=(".ndjson",),
)
