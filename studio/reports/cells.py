"""Text in terminal cells: wide and combining characters counted, what is too long cut with an ellipsis."""

from __future__ import annotations

import bisect
from typing import Literal

from studio.reports.visible import visible

Segment = tuple[str, str]  # text and the name of its style, empty for plain


def cells(text: str) -> int:
    """How many terminal cells the visible text takes on a single line."""
    from rich.cells import cell_len

    return cell_len(visible(text, single_line=True))


def fit(text: str, width: int, align: Literal["left", "right"] = "left") -> str:
    """Exactly ``width`` terminal cells, wide and combining characters counted: cut with ``…`` or filled with spaces.

    ``text`` is made visible first, on a single line; a width of 0 or less gives an empty text.
    """
    shortened = cut(text, width)
    blank = " " * max(0, width - cells(shortened))
    return shortened + blank if align == "left" else blank + shortened


def cut(text: str, width: int) -> str:
    """At most ``width`` terminal cells of the visible text, on a single line, with ``…`` where something is missing."""
    from rich.cells import cell_len

    if width <= 0:
        return ""
    # Only the start can be seen: of a 50 MB text no more is looked at than could fit.
    shown = visible(text[: 8 * width + 64], single_line=True)
    is_whole = len(text) <= 8 * width + 64
    if is_whole and cell_len(shown) <= width:
        return shown
    # Measured as prefixes: an emoji's variation selector makes the character before it wider.
    end = bisect.bisect_right(range(1, len(shown) + 1), width - 1, key=lambda length: cell_len(shown[:length]))
    return shown[:end] + "…"


def cut_middle(text: str, width: int) -> str:
    """As ``cut``, but what is missing is the middle: names that differ at their end stay told apart."""
    if cells(text) <= width:
        return cut(text, width)
    tail = text[-(width // 2) :] if width > 2 else ""
    return cut(cut(text, width - len(tail)) + tail, width)
