"""Plain text files: each a document, or with ``lines`` an example a line."""

from __future__ import annotations

from typing import BinaryIO

from studio.dataset.candidates import Problem
from studio.dataset.formats.container import Container, Evidence, Records
from studio.dataset.formats.lines import MAX_LINE_BYTES, LineReader, OnBytes, invalid_utf8, too_long

_ENDINGS = (".txt", ".text", ".md")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def _evidence(head: bytes, ending: str) -> Evidence:
    return Evidence.NAMED if ending in _ENDINGS else Evidence.NONE


def _document(raw: BinaryIO, file: str, on_bytes: OnBytes | None) -> Records:
    content = raw.read(MAX_LINE_BYTES + 1)
    if on_bytes:
        on_bytes(len(content))
    if len(content) > MAX_LINE_BYTES:
        hint = "Import it with --lines, an example a line; or cut it into files."
        yield Problem(file, 1, "", "this document is longer than 8 MB", hint)
        return
    try:
        text = content.removeprefix(_BYTE_ORDER_MARK).decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        yield Problem(file, line, "", *invalid_utf8(content[error.start], column))
        return
    yield 1, {"text": text.replace("\r\n", "\n").strip("\n")}


def _lines(raw: BinaryIO, file: str, on_bytes: OnBytes | None) -> Records:
    """Blank lines are passed over."""
    for line in LineReader(raw, on_bytes):
        if line.is_too_long:
            yield too_long(file, line)
            continue
        try:
            text = line.raw.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            yield Problem(file, line.number, "", *invalid_utf8(line.raw[error.start], error.start + 1))
            continue
        if text.strip():
            yield line.number, {"text": text}


TEXT = Container(
    name="plain text",
    about="a document",
    evidence=_evidence,
    records=_document,
    reads=_ENDINGS,
)
# Read in its place where somebody asks for an example a line.
TEXT_LINES = Container(name="lines of text", about="an example a line", evidence=_evidence, records=_lines)
