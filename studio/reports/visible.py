"""Foreign text made harmless: what would steer a terminal, or hide, becomes a symbol. The one place that does it."""

from __future__ import annotations

import json
import re

# Every character of the categories Cc, Cf, Cs, Zl and Zp (a test compares with unicodedata), and the ones that are
# invisible without being in them: fillers, the Mongolian variation selectors and the blank Braille cell.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\u2800\u3164\ud800-\udfff\ufeff\uffa0"
    "\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0001\U000e0020-\U000e007f]"
)
_SYMBOLS = {"\t": "⇥", "\x7f": "␡"}


def visible(text: str, *, single_line: bool = False) -> str:
    """The text with everything that would steer a terminal, or hide, shown as a symbol: ``␛``, ``⇥``, ``⟨U+202E⟩``.

    Newlines are kept, or shown as ``⏎`` in a ``single_line``. The result holds no control, format, surrogate or
    other invisible character besides them.
    """
    if is_plain(text):
        return text

    def symbol(match: re.Match[str]) -> str:
        character = match[0]
        if character == "\n":
            return "⏎" if single_line else "\n"
        if character in _SYMBOLS:
            return _SYMBOLS[character]
        code = ord(character)
        return chr(0x2400 + code) if code < 0x20 else f"⟨U+{code:04X}⟩"

    return _UNSEEN.sub(symbol, text)


def is_plain(text: str) -> bool:
    """Whether it is only what can be typed on an ASCII keyboard's one line; quick, for what nearly all texts are."""
    return text.isascii() and text.isprintable()


def is_unseen(character: str) -> bool:
    """Whether ``visible`` shows a symbol in its place."""
    return _UNSEEN.fullmatch(character) is not None


def escaped(document: str) -> str:
    """A JSON document that means the same and holds no unseen character but its line ends.

    JSON itself escapes only what stands below U+0020; C1 controls, bidirectional marks and lone surrogates become
    ``\\u202e`` here. So what a pipe gets is exact, what a terminal gets is harmless, and both get the same bytes.
    """
    if is_plain(document):
        return document

    def escape(match: re.Match[str]) -> str:
        return "\n" if match[0] == "\n" else json.dumps(match[0])[1:-1]

    return _UNSEEN.sub(escape, document)
