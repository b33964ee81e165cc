"""Numbers, durations and foreign text as the screens write them. Light, since the first paint needs it."""

from __future__ import annotations

import bisect
import difflib
import math
import re
from collections.abc import Iterator
from typing import Literal

NOTHING = "–"
Kind = Literal["same", "removed", "added"]

MOST_TOKENS_COMPARED = 1000

# Every character of the categories Cc, Cf, Cs, Zl and Zp (a test compares with unicodedata), and the ones that are
# invisible without being in them: fillers, the Mongolian variation selectors and the blank Braille cell.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\u2800\u3164\ud800-\udfff\ufeff\uffa0"
    "\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0001\U000e0020-\U000e007f]"
)
_SYMBOLS = {"\t": "⇥", "\x7f": "␡"}
_TOKENS = re.compile(
    r"\s+|[\u0e00-\u0eff\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]|"
    r"(?:(?![\u0e00-\u0eff\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff])\w)+|.",
    re.DOTALL,
)


def duration(seconds: float | None) -> str:
    """``0.42 s``, ``12 s``, ``4 m 12 s``, ``1 h 04 m``, ``2 d 3 h``; a dash for what is not known."""
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return NOTHING
    if round(seconds, 2) < 1:
        return f"{seconds:.2f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} m {whole % 60:02} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60:02} m"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"


def latency(seconds: float | None) -> str:
    """``0.42 s`` and ``3.18 s``, where a tenth of a second matters; from 10 s on as ``duration``."""
    if seconds is not None and 0 <= seconds < 9.995:
        return f"{seconds:.2f} s"
    return duration(seconds)


def counted(count: int, noun: str) -> str:
    """``1 row``, ``7,473 rows``; ``noun`` is the singular of a regular plural."""
    return f"{number(count)} {noun}" + ("" if count == 1 else "s")


def number(value: float | None) -> str:
    """``1,204``: the nearest whole number with thousands separators."""
    if value is None or not math.isfinite(value):
        return NOTHING
    return f"{round(value):,}".replace("-", "−")


def loss(value: float | None) -> str:
    """``0.412``; NaN and infinity are said, since a loss that is one of them is news."""
    if value is None:
        return NOTHING
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "∞"
    return f"{value:.3f}" if abs(value) < 100 else f"{value:,.0f}"


def learning_rate(value: float | None) -> str:
    """``2e-4``, ``1.5e-5``, ``0``: two digits are enough to see a schedule move."""
    if value is None or not math.isfinite(value):
        return NOTHING
    if value == 0:
        return "0"
    digits, _, exponent = f"{value:.1e}".partition("e")
    return f"{digits.removesuffix('.0')}e{int(exponent)}"


def size(bytes_count: float | None) -> str:
    """``2.8 GB``, decimal as disks and the worker count them."""
    if bytes_count is None:
        return NOTHING
    amount = float(bytes_count)
    for unit in ("B", "kB", "MB", "GB"):
        if abs(amount) < 999.5:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 99.5 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:,.1f} TB"


def percent(share: float | None, digits: int = 0) -> str:
    """``26 %`` from 0.26. Never ``0 %`` for something and never ``100 %`` for less than everything."""
    if share is None or not math.isfinite(share):
        return NOTHING
    smallest = 10**-digits
    shown = round(share * 100, digits)
    if shown == 0 and share > 0:
        return f"<{smallest:.{digits}f} %"
    if shown == 100 and share < 1:
        return f">{100 - smallest:.{digits}f} %"
    return f"{shown:.{digits}f} %"


def score(share: float | None) -> str:
    """``81.2`` from 0.812; a dash where a scorer does not apply."""
    return NOTHING if share is None or not math.isfinite(share) else f"{share * 100:.1f}"


def visible(text: str, *, single_line: bool = False) -> str:
    """The text with everything that would steer a terminal, or hide, shown as a symbol: ``␛``, ``⇥``, ``⟨U+202E⟩``.

    Newlines are kept, or shown as ``⏎`` in a ``single_line``. The result holds no control, format, surrogate or
    other invisible character besides them.
    """

    def symbol(match: re.Match[str]) -> str:
        character = match[0]
        if character == "\n":
            return "⏎" if single_line else "\n"
        if character in _SYMBOLS:
            return _SYMBOLS[character]
        code = ord(character)
        return chr(0x2400 + code) if code < 0x20 else f"⟨U+{code:04X}⟩"

    return _UNSEEN.sub(symbol, text)


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


def differences(a: str, b: str) -> list[tuple[str, Kind]]:
    """What to take from ``a`` and add to get ``b``, by word (CJK and Thai by character), in reading order.

    The pieces that are same or removed join to ``a``, those same or added to ``b``. Beyond some thousand words that
    differ the comparison goes by line, and beyond as many lines the whole middle counts as replaced.
    """
    for split in (_TOKENS.findall, lambda text: text.splitlines(keepends=True)):
        left, right = split(a), split(b)
        start, end = _common_ends(left, right)
        middle_a, middle_b = left[start : len(left) - end], right[start : len(right) - end]
        if len(middle_a) + len(middle_b) <= 2 * MOST_TOKENS_COMPARED:
            break
    else:
        return _joined(
            [
                ("".join(left[:start]), "same"),
                ("".join(middle_a), "removed"),
                ("".join(middle_b), "added"),
                ("".join(left[len(left) - end :]), "same"),
            ]
        )
    pieces: list[tuple[str, Kind]] = [("".join(left[:start]), "same")]
    pieces += _matched(middle_a, middle_b)
    pieces.append(("".join(left[len(left) - end :]), "same"))
    return _joined(pieces)


def _common_ends(a: list[str], b: list[str]) -> tuple[int, int]:
    shorter = min(len(a), len(b))
    start = next((i for i in range(shorter) if a[i] != b[i]), shorter)
    end = next((i for i in range(shorter - start) if a[-1 - i] != b[-1 - i]), shorter - start)
    return start, end


def _matched(a: list[str], b: list[str]) -> Iterator[tuple[str, Kind]]:
    # Spaces are junk to the matcher: they match everywhere, which is slow and tears words apart.
    matcher = difflib.SequenceMatcher(str.isspace, a, b)
    for tag, a_from, a_to, b_from, b_to in matcher.get_opcodes():
        if tag == "equal":
            yield "".join(a[a_from:a_to]), "same"
        else:
            yield "".join(a[a_from:a_to]), "removed"
            yield "".join(b[b_from:b_to]), "added"


def _joined(pieces: list[tuple[str, Kind]]) -> list[tuple[str, Kind]]:
    joined: list[tuple[str, Kind]] = []
    for text, kind in pieces:
        if text and joined and joined[-1][1] == kind:
            joined[-1] = (joined[-1][0] + text, kind)
        elif text:
            joined.append((text, kind))
    return joined
