"""Glyphs in ASCII: which locales want it, and that columns stay straight."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from studio.reports.glyphs import ASCII, in_ascii, is_ascii_only


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),  # a container names no locale; its terminal is UTF-8
        ({"LANG": "C"}, True),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, True),  # as Python makes it of LANG=C
        ({"LC_ALL": "POSIX", "LANG": "en_GB.UTF-8"}, True),
        ({"LANG": "en_GB.UTF-8"}, False),
        ({"LANG": "C.utf8"}, False),
        ({"LANG": "de_DE.ISO-8859-1@euro"}, True),
        ({"LANG": "C", "LC_ALL": "C.UTF-8"}, False),
    ],
)
def test_the_locale_says_whether_glyphs_are_shown(environment: dict[str, str], wanted: bool) -> None:
    assert is_ascii_only(environment) is wanted


def test_a_glyph_and_what_stands_for_it_are_equally_wide() -> None:
    for glyph, letter in ASCII.items():
        assert letter.isascii()
        assert cell_len(glyph) == cell_len(letter), glyph


def test_a_chart_of_dots_keeps_its_shape() -> None:
    assert in_ascii("⠉⠒⣀⠀⡇") == "'-. |"


@given(st.text(st.characters(categories=("L", "N", "P", "S")), max_size=20))
def test_any_letters_stay_in_their_columns(text: str) -> None:
    assert len(in_ascii(text)) == sum(map(cell_len, text))
    assert in_ascii(text).isascii()
