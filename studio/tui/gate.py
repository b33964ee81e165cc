"""The last gate before the terminal: every line of every widget passes it, also of one that forgot ``visible``."""

from __future__ import annotations

from functools import lru_cache

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from studio.reports.visible import is_plain, visible


class VisibleLines(LineFilter):
    """Shows symbols for unseen characters, each piece in the cells that it was given, so that no column moves.

    A widget that shows data asks ``visible`` itself before it measures: here a symbol can only take the room of what
    stands behind it.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        if all(is_plain(segment.text) for segment in segments):
            return segments
        return [segment if segment.control else _shown(segment) for segment in segments]


def _shown(segment: Segment) -> Segment:
    text = _shown_text(segment.text)
    return segment if text == segment.text else Segment(text, segment.style)


@lru_cache(maxsize=4096)
def _shown_text(text: str) -> str:
    shown = visible(text, single_line=True)
    return text if shown == text else set_cell_size(shown, cell_len(text))
