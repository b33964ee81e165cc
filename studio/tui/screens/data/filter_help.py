"""What can stand where one types in a filter: columns and functions, each with its sentence."""

from __future__ import annotations

import re

from studio.dataset.filter_language import COLUMNS, FUNCTIONS
from studio.tui.widgets.line_help import MOST_LINES
from studio.tui.widgets.line_input import last_word
from studio.tui.widgets.lines import Line, folded

_MOST_NAME_CELLS = 30
_HEAD_CELLS = 11


def filter_help(typed: str, width: int) -> list[Line]:
    """At most ``MOST_LINES`` lines of ``width`` cells for a filter that is typed so far; none where nothing is known.

    What begins with the word that is being typed comes before what has it elsewhere. In quotes, the column is
    explained that stands before them; behind a function's bracket, the function.
    """
    if typed.count("'") % 2:
        return _of_column_before(typed[: typed.rindex("'")])
    word = last_word(typed).lower()
    if word:
        found = [name for name in (*COLUMNS, *FUNCTIONS) if word in name]
        found.sort(key=lambda name: not name.startswith(word))
        if len(found) > MOST_LINES:
            left_out = len(found) - MOST_LINES + 1
            return [*_sentences(found[: MOST_LINES - 1]), [(f"and {left_out} more", "faint")]]
        return _sentences(found)
    lines: list[Line] = []
    opened = re.search(r"(\w+)\([^()]*$", typed)
    if opened and opened[1].lower() in FUNCTIONS:
        lines += _sentences([opened[1].lower()])
    for head, names in (("columns", COLUMNS), ("functions", FUNCTIONS)):
        words: Line = [(head.ljust(_HEAD_CELLS), "dim"), (" ".join(names), "plain")]
        lines += folded(words, width - 1, _HEAD_CELLS)
    return lines[:MOST_LINES]


def _of_column_before(typed: str) -> list[Line]:
    named = [name for name in re.findall(r"\w+", typed.lower()) if name in COLUMNS]
    return _sentences(named[-1:])


def _sentences(names: list[str]) -> list[Line]:
    """A line each: how it is written, and beside it what it is or gives."""
    written = [FUNCTIONS[name].partition(": ")[::2] if name in FUNCTIONS else (name, COLUMNS[name]) for name in names]
    cells = min(_MOST_NAME_CELLS, max((len(head) for head, _ in written), default=0))
    return [[(f"{head.ljust(cells)}  ", "key"), (words, "plain")] for head, words in written]
