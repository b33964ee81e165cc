"""What a filter may cost: how deep it is nested, how much text it makes of a row, how long it runs.

DuckDB's own memory_limit does not count the texts that functions make (measured: 590 MB under a limit of 300 MB), and
neither it nor an interrupt acts before the 2,048 rows at hand are done. So what a filter can make is reckoned from its
words before it runs, and the clock only has to stop what is long.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from studio.dataset.filter_language import Node, children, function_of, text_of
from studio.errors import AskedWrongly

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MOST_NESTED = 50
_MOST_BRACKETS = 300
MOST_SECONDS = 60.0
# How long one text may become, and all that are made on the way, as multiples of the row's own.
_MOST_GROWTH, _MOST_TEXTS = 8, 64
# How long a text may become that is made of what stands in the filter, in characters; and all of them together.
_MOST_CHARS, _MOST_CHARS_TOGETHER = 20_000, 200_000
_NUMBER_CHARS = 20
_FREE_TEXTS, _MOST_BYTES = 2, 2 << 30
_ROWS_OF_A_TASK = 122_880  # DuckDB gives a thread no less at a time
_MAKES_TEXT = {
    *("lower", "upper", "trim", "ltrim", "rtrim", "left", "right", "substring", "reverse", "replace", "substr"),
    *("regexp_extract", "strip_accents", "nfc_normalize", "concat", "json_extract", "json_extract_string"),
    *("greatest", "least", "nullif", "ifnull", "||", "->", "->>", "list_value", "lcase", "ucase", "array_slice"),
}
_JSON_PATHS = ("json_extract", "json_extract_string", "->", "->>")
_GIVES_TRUTH = ("COMPARISON", "CONJUNCTION", "BETWEEN")
_HINT = "Look for the text as it is: contains(prompt, '…')."


@dataclass(frozen=True)
class _Size:
    """The most that an expression is for one row: so many of the row's texts and so many characters more."""

    texts: float
    chars: float


def check_brackets(text: str) -> None:
    """Raise AskedWrongly for brackets within brackets that no person writes, before a parser sees them.

    DuckDB's takes a time that grows by the square of them (12 s for 4,000), and nothing interrupts it.
    """
    deepest = depth = 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        deepest = max(deepest, depth)
    if deepest > _MOST_BRACKETS:
        raise AskedWrongly(
            f"The filter has brackets more than {_MOST_BRACKETS} deep.", "Join conditions by AND and OR, side by side."
        )


def check_depth(deepest: int) -> None:
    """Raise AskedWrongly where a filter stands in more brackets, functions and CASEs than a person writes."""
    if deepest > MOST_NESTED:
        raise AskedWrongly(
            f"The filter is nested more than {MOST_NESTED} deep.", "Join conditions by AND and OR, side by side."
        )


def texts_made(condition: Node) -> float:
    """How many times its own text a filter makes of a row, at most; the tree is nested ``MOST_NESTED`` deep at most.

    An upper bound: every replace() is taken to find its text everywhere. Raises AskedWrongly where it is too much
    whatever the rows are.
    """
    made: list[_Size] = []
    _size(condition, made)
    texts = sum(size.texts for size in made)
    if texts > _MOST_TEXTS or sum(size.chars for size in made) > _MOST_CHARS_TOGETHER:
        raise AskedWrongly("The filter makes too many texts of every row.", _HINT)
    return texts


def check_memory(cursor: DuckDBPyConnection, texts: float) -> None:
    """Raise AskedWrongly where a filter that makes so many texts of a row could take gigabytes with the rows there are.

    DuckDB holds what is made of 2,048 rows in each thread; the longest such stretch counts. Filters that make one or
    two texts are let pass without looking: a search makes as many.
    """
    if texts <= _FREE_TEXTS:
        return
    longest, rows = cursor.execute(
        """SELECT coalesce(max(bytes), 0), coalesce(sum(rows), 0) FROM (
               SELECT sum(greatest(strlen(prompt), strlen(completion), strlen(system))) AS bytes, count(*) AS rows
               FROM examples GROUP BY example_id // 2048)"""
    ).fetchone() or (0, 0)
    threads = min(os.cpu_count() or 1, 1 + int(rows) // _ROWS_OF_A_TASK)
    needed = texts * int(longest) * threads
    if needed > _MOST_BYTES:
        raise AskedWrongly(
            f"The filter could take {needed / (1 << 30):.1f} GB: it makes {texts:.0f} texts of every row, "
            "and the rows are long.",
            _HINT,
        )


def _size(node: Node, made: list[_Size]) -> _Size:
    below = [_size(child, made) for child in children(node)]
    if node["class"] == "COLUMN_REF":
        return _Size(1, 0)
    if node["class"] == "CONSTANT":
        return _Size(0, len(text_of(node) or ""))
    name = function_of(node)
    if node["class"] in _GIVES_TRUTH or (name and name not in _MAKES_TEXT):
        return _Size(0, _NUMBER_CHARS)
    size = _size_of_function(node, name, below) if name else _together(below)
    if size.texts > _MOST_GROWTH or size.chars > _MOST_CHARS:
        raise AskedWrongly(
            f"The filter could make a text of more than {_MOST_GROWTH} times its row's ({name or 'a list'}).", _HINT
        )
    made.append(size)
    return size


def _size_of_function(node: Node, name: str, below: list[_Size]) -> _Size:
    arguments = children(node)
    if name == "replace" and len(arguments) == 3:
        old, new = map(text_of, arguments[1:])
        if new is None:
            raise AskedWrongly("replace() takes its new text in quotes.", "Example: replace(prompt, 'a', 'b') = 'b'")
        factor = max(1.0, len(new) / max(1, len(old or "")))
        return _Size(below[0].texts * factor, below[0].chars * factor)
    if name in _JSON_PATHS:
        _check_paths(name, arguments[1:])
    # A list of paths or of names for groups makes a list of results, each as long as the text at worst.
    lists = [len(children(argument)) for argument in arguments if function_of(argument) == "list_value"]
    factor = float(max([1, *lists])) if name != "list_value" else 1.0
    size = _together(below)
    return _Size(size.texts * factor, size.chars * factor)


def _check_paths(name: str, paths: list[Node]) -> None:
    """A path with a star finds every part of nested JSON with all that is in it: many times the text."""
    each = [part for path in paths for part in (children(path) if function_of(path) == "list_value" else [path])]
    for path in each:
        text = text_of(path)
        if text is None or "*" in text or ".." in text:
            raise AskedWrongly(
                f"{name} takes a path in quotes, without * and ...", "Example: completion->>'$.intent' = 'track'"
            )


def _together(sizes: list[_Size]) -> _Size:
    return _Size(sum(size.texts for size in sizes), sum(size.chars for size in sizes))


class TookTooLong(Exception):
    """The clock stopped the query."""


@contextmanager
def stopped_after(cursor: DuckDBPyConnection, seconds: float) -> Iterator[None]:
    """Interrupt what ``cursor`` runs once ``seconds`` are over. Raises TookTooLong then; other interrupts pass."""
    import duckdb

    is_over = threading.Event()
    lock = threading.Lock()
    is_done = False

    def stop() -> None:
        with lock:  # never what runs on this cursor afterwards
            if not is_done:
                is_over.set()
                cursor.interrupt()

    clock = threading.Timer(seconds, stop)
    clock.daemon = True
    clock.start()
    try:
        yield
    except duckdb.InterruptException as error:
        if is_over.is_set():
            raise TookTooLong from error
        raise
    finally:
        with lock:
            is_done = True
        clock.cancel()
