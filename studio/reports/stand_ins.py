"""A text as an editor of lines can hold it, and back again, character for character.

Editors split lines at ``\\r``, form feeds, U+2028 and more, and join them with one line end; a terminal cannot show
those characters anyway. So each of them is held as a stand-in one cell wide, which the screen draws as a symbol.
"""

from __future__ import annotations

import unicodedata

from studio.reports.visible import is_plain, is_unseen, visible

# Stand-ins come from the private planes 15 and 16; a text's own characters from there get stand-ins too, so that
# every stand-in means one thing only.
_FIRST = 0xF0000
_SYMBOLS = {"\x85": "␤", "\u2028": "↵", "\u2029": "¶"}
_OTHER = "␦"


class StandIns:
    """The stand-ins of one text: ``held`` is what the editor gets, ``meant`` what it holds."""

    def __init__(self, text: str = "") -> None:
        """Where all line ends of ``text`` are ``\\r\\n``, the editor gets ``\\n``, and ``\\r\\n`` comes back."""
        ends = text.count("\n")
        self._newline = "\r\n" if ends and text.count("\r\n") == ends else "\n"
        self._stand_ins: dict[int, str] = {}
        self._meanings: dict[int, str] = {}

    def held(self, text: str) -> str:
        """Without any unseen character but newlines and tabs."""
        if is_plain(text):
            return text
        if self._newline == "\r\n":
            text = text.replace("\r\n", "\n")
        for character in sorted(filter(_needs_one, set(text))):
            if ord(character) not in self._stand_ins:
                made = _FIRST + len(self._stand_ins)
                self._stand_ins[ord(character)], self._meanings[made] = chr(made), character
        return text.translate(self._stand_ins)

    def meant(self, held: str) -> str:
        return held.replace("\n", self._newline).translate(self._meanings)

    def meaning(self, character: str) -> str | None:
        """What a stand-in stands for; None for any other character, and for none."""
        return self._meanings.get(ord(character)) if character else None

    def drawn(self, line: str) -> tuple[str, list[int]]:
        """A held line as it is drawn, in the same cells, and where in it symbols stand."""
        places = [at for at, one in enumerate(line) if ord(one) in self._meanings] if self._meanings else []
        return line.translate({code: _symbol(meaning) for code, meaning in self._meanings.items()}), places


def named(character: str) -> str:
    """``U+202E right-to-left override``; controls and private characters have no name of their own."""
    unnamed = "control character" if unicodedata.category(character) == "Cc" else "character without a name"
    return f"U+{ord(character):04X} {unicodedata.name(character, unnamed).lower()}"


def _needs_one(character: str) -> bool:
    return character not in "\n\t" and (ord(character) >= _FIRST or is_unseen(character))


def _symbol(character: str) -> str:
    if ord(character) >= _FIRST:
        return character  # a font may have a glyph for it
    shown = _SYMBOLS.get(character) or visible(character, single_line=True)
    return shown if len(shown) == 1 else _OTHER
