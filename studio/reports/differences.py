"""What changed between two texts, by word; by character where a script has no spaces."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from typing import Literal

Kind = Literal["same", "removed", "added"]

MOST_TOKENS_COMPARED = 1000

_TOKENS = re.compile(
    r"\s+|[\u0e00-\u0eff\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]|"
    r"(?:(?![\u0e00-\u0eff\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff])\w)+|.",
    re.DOTALL,
)


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


def words_of(text: str) -> list[str]:
    """The words of ``text`` in small letters, without spaces and punctuation; CJK and Thai by character."""
    return [token.casefold() for token in parted_by_words(text) if token[0].isalnum()]


def parted_by_words(text: str) -> list[str]:
    """``text`` in pieces that join to it again: its words, and what stands between them."""
    return _TOKENS.findall(text)


def are_akin(pieces: Iterable[tuple[str, Kind]]) -> bool:
    """Whether at least half of what both texts say, blanks aside, is the same: less is not worth telling by word."""
    cells = {"same": 0, "removed": 0, "added": 0}
    for text, kind in pieces:
        cells[kind] += len("".join(text.split()))
    return 2 * cells["same"] >= cells["removed"] + cells["added"]


def spelled_out(pieces: Iterable[tuple[str, Kind]]) -> list[tuple[str, Kind]]:
    """The pieces with their kind in letters, ``[-mouse-]{+phone+}``, for where neither strike nor colour is shown."""
    around: dict[Kind, tuple[str, str]] = {"same": ("", ""), "removed": ("[-", "-]"), "added": ("{+", "+}")}
    return [(around[kind][0] + text + around[kind][1], kind) for text, kind in pieces]


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
