"""The last gate: whatever a widget draws, the terminal gets a line of the same width with nothing unseen in it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from studio.reports.visible import visible
from studio.tui.gate import VisibleLines
from tests.hostile import STEERING

BLACK = Color(0, 0, 0)
pieces = st.lists(st.one_of(st.sampled_from([*STEERING, " ", " " * 9, "│", "注文"]), st.text(max_size=8)), max_size=8)


def passed(*texts: str) -> list[str]:
    return [segment.text for segment in VisibleLines().apply([Segment(text) for text in texts], BLACK)]


@given(pieces)
def test_a_line_keeps_its_width_and_shows_what_was_unseen(texts: list[str]) -> None:
    line = "".join(passed(*texts))
    assert visible(line, single_line=True) == line
    assert cell_len(line) == sum(map(cell_len, texts))


def test_a_symbol_takes_the_room_of_a_blank_so_that_borders_and_ends_stay() -> None:
    assert passed("│", "a\x1bb.csv", "▏", "    ", "│") == ["│", "a␛b.csv", "▏", "   ", "│"]
    assert passed("│", "a\u202eb.csv", "│") == ["│", "a⟨U+20", "│"]


def test_a_line_without_anything_unseen_is_left_as_it_is() -> None:
    segments = [Segment("plain", Style(bold=True)), Segment("│ 注文 ━━")]
    assert VisibleLines().apply(segments[:1], BLACK) == segments[:1]
    assert VisibleLines().apply(segments, BLACK) == segments
