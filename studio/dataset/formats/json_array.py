"""A JSON array of objects, in bounded memory. What follows it is read too: further arrays, or one object per line.

A broken element costs itself: reading goes on with the next line that begins an object and is not indented deeper than
the line on which the broken one began. Where there is none, the problem names all the lines that it takes with it.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import BinaryIO

from studio.dataset.candidates import Place, Problem
from studio.dataset.formats.container import Container, Evidence, Records
from studio.dataset.formats.jsonl import record_of_line
from studio.dataset.formats.lines import MAX_LINE_BYTES, OnBytes, invalid_utf8, json_reason
from studio.dataset.formats.stretch import Stretch

_NOT_UTF8 = re.compile("[\udc80-\udcff]")
_LONGEST_LITERAL = 16  # characters, and more than enough: "-Infinity", "\uXXXX"
_decode = json.JSONDecoder().raw_decode


class _TooLongError(ValueError):
    pass


def _evidence(head: bytes, ending: str) -> Evidence:
    # A JSONL file whose first line is a broken list must not be taken for an array of objects.
    is_array = head[:1] == b"[" and head[1:].lstrip()[:1] in (b"{", b"]")
    return Evidence.CERTAIN if is_array else Evidence.NONE


def _records(raw: BinaryIO, file: str, on_bytes: OnBytes | None) -> Records:
    """The elements, each with the line it begins on."""
    ahead = Stretch(raw, on_bytes)
    while found := ahead.skip_space():
        if found == "[":
            yield from _elements(ahead, file)
        else:
            yield _line_behind(ahead, file)


def _elements(ahead: Stretch, file: str) -> Records:
    began, is_broken = ahead.line, False
    ahead.go_to(ahead.position + 1)
    while (found := ahead.skip_space()) != "]":
        if not found:
            if not is_broken:  # else a broken element may have taken the bracket with it
                why = f"the array that begins on line {began} is never closed"
                yield Problem(file, _last_line(ahead), "", why, "The file was cut off: copy it again.")
            return
        place, indent = Place(file, file, ahead.line), ahead.indent
        try:
            yield _element(ahead, place)
        except (ValueError, RecursionError) as error:
            is_broken = True
            problem = place.problem("", *_reason(error, ahead))
            ahead.spend(error.pos - ahead.position if isinstance(error, json.JSONDecodeError) else ahead.ahead)
            found = _step_over(ahead, indent)
            yield replace(problem, last_line=ahead.line - 1 if found else _last_line(ahead))
            if found != "{":
                return
        else:
            if ahead.skip_space() == ",":
                ahead.go_to(ahead.position + 1)
    ahead.go_to(ahead.position + 1)


def _element(ahead: Stretch, place: Place) -> tuple[int, object] | Problem:
    """The value that begins here, and go on behind it. Raises ValueError or RecursionError for a broken one."""
    while True:
        try:
            value, end = _decode(ahead.text, ahead.position)
        except json.JSONDecodeError as error:
            if not _is_cut(error, ahead):
                raise
            if ahead.ahead > MAX_LINE_BYTES:
                raise _TooLongError from error
            if not ahead.grow():
                raise
        else:
            if end < len(ahead.text) or not ahead.grow():  # else it may be a number of which more follows
                break
    fault = None if ahead.is_sound else _NOT_UTF8.search(ahead.text, ahead.position, end)
    column = fault.start() - ahead.position + 1 if fault else 0
    ahead.go_to(end)
    return place.problem("", *invalid_utf8(ord(fault[0]) - 0xDC00, column)) if fault else (place.line, value)


def _is_cut(error: json.JSONDecodeError, ahead: Stretch) -> bool:
    """Whether what is held may only end too early, so that the error would go away with more of the file."""
    return error.pos >= len(ahead.text) - _LONGEST_LITERAL or error.msg.startswith("Unterminated")


def _reason(error: ValueError | RecursionError, ahead: Stretch) -> tuple[str, str]:
    """Why the element that begins here cannot be read, and a hint."""
    if isinstance(error, _TooLongError):
        return "this element is longer than 8 MB", "Is it really one example? A quote or a bracket may be missing."
    where = ""
    if isinstance(error, json.JSONDecodeError):
        if error.pos >= len(ahead.text) or error.msg.startswith("Unterminated"):
            return "not JSON: the file ends in the middle of this element", "The file was cut off: copy it again."
        newline = ahead.text.rfind("\n", ahead.position, error.pos)
        lines = ahead.text.count("\n", ahead.position, error.pos)
        column = error.pos - newline if lines else ahead.column + error.pos - ahead.position + 1
        where = (f" in line {ahead.line + lines}" if lines else "") + f" at column {column}"
    lost = "; nothing behind it on its line was read" if ahead.column > ahead.indent else ""
    return json_reason(error) + where + lost, "What stands on the lines named was not read; mend it and import again."


def _step_over(ahead: Stretch, indent: int) -> str:
    """Go on to the next line that begins an object or an array at ``indent`` or less; its first character, or none.

    In a file made so that each line opens what is never closed, all of it would be read again for each of them.
    """
    while found := ahead.next_line():
        if found in "{[" and ahead.column <= indent and not ahead.is_spent:
            return found
    return ""


def _last_line(ahead: Stretch) -> int:
    """The number of the file's last line, at its end."""
    return ahead.line - (ahead.column == 0)


def _line_behind(ahead: Stretch, file: str) -> tuple[int, object] | Problem:
    """What an array is followed by on this line, and go on behind it."""
    place, end = Place(file, file, ahead.line), ahead.line_end(MAX_LINE_BYTES)
    text, is_ended = ahead.text[ahead.position : end], end < len(ahead.text)
    ahead.next_line()
    if len(text) >= MAX_LINE_BYTES:
        return place.problem("", "this line is longer than 8 MB", "Is it really one example? Split it or delete it.")
    if not text.startswith("{"):
        return place.problem("", "follows the end of the array, and is no object")
    return record_of_line(text.encode("utf-8", "surrogateescape"), is_ended, place)


JSON_ARRAY = Container(
    name="a JSON array", about="one array of objects", evidence=_evidence, records=_records, reads=(".json",)
)
