"""The glyphs of screens and verbs in ASCII, for terminals that show nothing else. One table, used at the last gate."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache

# Each as wide as what it stands for, so that columns stay straight.
_LINES = {"─": "-", "━": "=", "╺": "-", "╸": "-", "╌": "-", "╍": "-", "┄": "."}
_UPRIGHT = {"│": "|", "┃": "|", "┊": ":", "▏": "|", "▎": "|", "▕": "|"}
_CORNERS = dict.fromkeys("╭╮╰╯┌┐└┘├┤┬┴┼┏┓┗┛┣┫╞╡", "+")
_BARS = {"▁": "_", "▂": ".", "▃": ":", "▄": "-", "▅": "=", "▆": "+", "▇": "*", "█": "#", "▌": "|", "▐": "|", "▔": "-"}
_ARROWS = {"←": "<", "→": ">", "↑": "^", "↓": "v", "⇥": ">", "▸": ">", "▴": "^", "△": "^", "▼": "v", "▾": "v"}
_MARKS = {"✓": "v", "✗": "x", "✖": "X", "✚": "+", "◆": "*", "★": "*", "▲": "!", "●": "@", "◍": "o", "◌": "o", "◇": "o"}
_BOXES = {"■": "#", "□": "o", "▪": ".", "␤": "$", "↵": "$", "⏎": "$", "‖": "|"}
_WORDS = {"…": "~", "–": "-", "—": "-", "−": "-", "·": ".", "•": "*", "×": "x", "≈": "~", "≥": ">", "≤": "<", "∞": "8"}
_QUOTES = {"‹": "<", "›": ">", "⟨": "<", "⟩": ">", "’": "'", "‘": "'", "“": '"', "”": '"', "\u00a0": " "}
ASCII: Mapping[str, str] = _LINES | _UPRIGHT | _CORNERS | _BARS | _ARROWS | _MARKS | _BOXES | _WORDS | _QUOTES

_BRAILLE = range(0x2800, 0x2900)
_UPPER, _MIDDLE, _LOWER = 0b00001001, 0b00110110, 0b11000000  # the dots of the first row, of two and three, of four
UNKNOWN = "?"


def is_ascii_only(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the locale names an encoding that is not UTF-8, or is C or POSIX; a locale that is not set is not asked.

    In the C locale Python sets ``LC_CTYPE=C.UTF-8`` for itself (PEP 538): that says nothing of the terminal.
    """
    language = environment.get("LANG", "")
    character_type = environment.get("LC_CTYPE", "")
    if character_type == "C.UTF-8" and language in ("C", "POSIX"):
        character_type = ""
    name = environment.get("LC_ALL") or character_type or language
    encoding = name.partition("@")[0].partition(".")[2]
    return name in ("C", "POSIX") or (bool(encoding) and encoding.lower().replace("-", "") != "utf8")


@lru_cache(maxsize=4096)
def in_ascii(text: str) -> str:
    """``text`` in as many cells of ASCII: glyphs by the table, charts by where their dots are, other letters ``?``."""
    return text if text.isascii() else "".join(map(_in_ascii, text))


def _in_ascii(character: str) -> str:
    if character.isascii():
        return character
    if character in ASCII:
        return ASCII[character]
    if ord(character) in _BRAILLE:
        return _dots_in_ascii(ord(character) - _BRAILLE.start)
    from rich.cells import cell_len  # here: every verb reads this module, and few meet such a letter

    return UNKNOWN * cell_len(character)


def _dots_in_ascii(dots: int) -> str:
    rows = (bool(dots & _UPPER), bool(dots & _MIDDLE), bool(dots & _LOWER))
    return {
        (False, False, False): " ",
        (True, False, False): "'",
        (False, True, False): "-",
        (False, False, True): ".",
        (True, True, True): "|",
    }.get(rows, ":")
