"""What scorers share: which texts are the same, what is JSON, and which words a text has.

Words, after Unicode case folding and NFC:

- Punctuation is ASCII's (``string.punctuation``, which has the nine symbols ``$+<=>^`|~``) and Unicode's (category P).
  It is never part of a word. ``words_joined_over_punctuation`` deletes it, ``words_parted_at_punctuation`` puts a space
  in its place; the two marks of it that stand between words as a space does (the Tibetan tsheg and the Ethiopic word
  space) are a space in both.
- Scripts written without spaces count by character: Thai, Lao, Burmese, Khmer, kana, Han.
- Symbols beyond ASCII (category S: ``฿``, ``€``, ``°``, emoji) say something and stay, each a word of its own, whether
  or not a space stands beside it.
- What cannot be seen (category Cf, variation selectors) is deleted.
- All else is parted by white space alone; articles stay.
"""

from __future__ import annotations

import json
import string
import unicodedata
from collections.abc import Iterable
from enum import Enum
from functools import lru_cache
from typing import Any

_SPACES = "\u0f0b\u0f0c\u1361"  # tsheg, its form that does not break a line, Ethiopic word space

# Thai and Lao, Burmese with its extensions, Khmer, the iteration mark and zero of Han, kana, Han, half-width kana.
_UNSPACED = (
    (0x0E00, 0x0EFF),
    (0x1000, 0x109F),
    (0xA9E0, 0xA9FF),
    (0xAA60, 0xAA7F),
    (0x1780, 0x17FF),
    (0x3005, 0x3007),
    (0x3041, 0x30FF),
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9D),
    (0x1B000, 0x1B16F),
    (0x20000, 0x3FFFF),
)


class Script(Enum):
    """In what most letters of a text are written: ASCII, another script with spaces, or one without."""

    ASCII = "ascii"
    SPACED = "spaced"
    UNSPACED = "unspaced"


def parse_json(text: str) -> Any | None:
    """The JSON object or array that ``text`` is as a whole (spaces around it allowed), or None."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return json.loads(unicodedata.normalize("NFC", text), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None


def folded(text: str) -> str:
    """The text in NFC with runs of white space as one space and none around it."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def words_joined_over_punctuation(text: str) -> list[str]:
    """The words, with punctuation deleted: ``1,000`` is ``1000``, ``don't`` is ``dont``."""
    return _cased(text).translate(_DELETED).split()


def words_parted_at_punctuation(text: str) -> list[str]:
    """The words, with punctuation as a space: ``1,000`` is ``1`` and ``000``, ``don't`` is ``don`` and ``t``."""
    return _cased(text).translate(_SPACED).split()


@lru_cache(maxsize=8192)  # several scorers ask for the words of one text, and every arm for those of a reference
def parted_words(text: str) -> tuple[str, ...]:
    """``words_parted_at_punctuation``, kept."""
    return tuple(words_parted_at_punctuation(text))


def script_of(texts: Iterable[str]) -> Script:
    """The script that texts are written in: unspaced where a third of their letters are, else by most of them.

    A Thai or Chinese text is full of Latin names and digits, and a word of it is more than a letter.
    """
    letters = ascii_letters = unspaced = 0
    for text in texts:
        if text.isascii():
            letters += (count := sum(map(str.isalpha, text)))
            ascii_letters += count
            continue
        for character in text:
            if character.isalpha():
                letters += 1
                ascii_letters += character.isascii()
                unspaced += _is_unspaced(character)
    if 3 * unspaced > letters:
        return Script.UNSPACED
    return Script.ASCII if 10 * ascii_letters >= 9 * letters else Script.SPACED


def _is_unspaced(character: str) -> bool:
    return any(first <= ord(character) <= last for first, last in _UNSPACED)


def _cased(text: str) -> str:
    return unicodedata.normalize("NFC", text.casefold())


class _Rule(dict[int, str]):
    """What stands in a character's place, by code point, worked out when the character is first met."""

    def __init__(self, instead_of_punctuation: str) -> None:
        super().__init__()
        self._instead_of_punctuation = instead_of_punctuation

    def __missing__(self, code: int) -> str:
        self[code] = replaced = self._replaced(chr(code))
        return replaced

    def _replaced(self, character: str) -> str:
        category = unicodedata.category(character)
        if character in _SPACES:
            return " "
        if character in string.punctuation or category.startswith("P"):
            return self._instead_of_punctuation
        if category == "Cf" or 0xFE00 <= ord(character) <= 0xFE0F or 0xE0100 <= ord(character) <= 0xE01EF:
            return ""
        is_a_word = category.startswith("S") or _is_unspaced(character)
        return f" {character} " if is_a_word else character


_DELETED, _SPACED = _Rule(""), _Rule(" ")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
