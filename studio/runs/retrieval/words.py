"""The words of a text, for searching and for cutting it."""

from __future__ import annotations

import re
import unicodedata

# Scripts written without spaces (Thai, Lao, Burmese, Khmer, kana, Han): each character is a word.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_MOST_CHARS = 40  # of what has no space for longer, as an encoded picture, so many are one
_TERM = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+")
_PIECE = re.compile(rf"[{_UNSPACED}]|[^\s{_UNSPACED}]{{1,{_MOST_CHARS}}}")


def terms(text: str) -> list[str]:
    """The words to search for, without regard to case and marks between them."""
    return _TERM.findall(unicodedata.normalize("NFC", text.casefold()))


def stretches(text: str, size: int, overlap: int) -> list[str]:
    """The text in stretches of ``size`` words, each beginning with the last ``overlap`` words of the one before.

    As it is written, spaces and line breaks too; none where there is no word. ``overlap`` is less than ``size``.
    """
    places = [match.span() for match in _PIECE.finditer(text)]
    starts = range(0, max(len(places) - overlap, 1), size - overlap)
    return [text[places[start][0] : places[min(start + size, len(places)) - 1][1]] for start in starts if places]
