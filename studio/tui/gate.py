"""The last gate before the terminal: every line of every widget passes it, also of one that forgot ``visible``."""

from __future__ import annotations

from functools import lru_cache

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from studio.reports.glyphs import in_ascii
from studio.reports.visible import is_plain, visible


class VisibleLines(LineFilter):
    """Shows symbols for unseen characters, in a line of the same width.

    A widget that shows data asks ``visible`` itself before it measures. Here a symbol can only take the room of a
    blank further right or, where there is none, of the end of its own piece.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        changed = [
            at for at, (text, _, control) in enumerate(segments) if not (control or is_plain(text) or _is_seen(text))
        ]
        if not changed:
            return segments
        texts = [text for text, _, _ in segments]
        for at in changed:
            text, (shown, extra) = texts[at], _shown(texts[at])
            blank = next((to for to in range(at + 1, len(texts)) if _is_blank(texts[to], extra)), None)
            if blank is None:
                texts[at] = set_cell_size(shown, cell_len(text))
            else:
                texts[at], texts[blank] = shown, texts[blank][extra:]
        return [Segment(text, style, control) for text, (_, style, control) in zip(texts, segments, strict=True)]


class AsciiLines(LineFilter):
    """Glyphs, borders and charts in ASCII, cell for cell; stands behind ``VisibleLines`` where the locale wants it."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [segment if segment.control else Segment(in_ascii(segment.text), segment.style) for segment in segments]


@lru_cache(maxsize=4096)
def _is_seen(text: str) -> bool:
    return visible(text, single_line=True) == text


@lru_cache(maxsize=4096)
def _shown(text: str) -> tuple[str, int]:
    """The visible text, and how many cells more than before it takes."""
    shown = visible(text, single_line=True)
    return shown, cell_len(shown) - cell_len(text)


def _is_blank(text: str, cells: int) -> bool:
    """All spaces, and more than ``cells`` of them."""
    return len(text) > cells and not text.strip(" ")
