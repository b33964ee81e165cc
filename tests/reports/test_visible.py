"""Foreign text made harmless."""

from __future__ import annotations

import sys
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from studio.reports.visible import visible
from tests.reports.any_text import ANY_TEXT

UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def test_what_would_steer_the_terminal_is_shown() -> None:
    hostile = "\x1b[2J\x00 a\u202eb\ufeff\u200b\ud800\x9b31m\x7f\tc\r\nd\U000e0041"
    assert visible(hostile) == "␛[2J␀ a⟨U+202E⟩b⟨U+FEFF⟩⟨U+200B⟩⟨U+D800⟩⟨U+009B⟩31m␡⇥c␍\nd⟨U+E0041⟩"
    assert visible("a\n b", single_line=True) == "a⏎ b"
    assert visible("Chào bạn [bold] e\u0301 漢字 👍🏽") == "Chào bạn [bold] e\u0301 漢字 👍🏽"


def test_every_unseen_character_of_unicode_is_shown() -> None:
    left = [
        hex(code)
        for code in range(sys.maxunicode + 1)
        if unicodedata.category(chr(code)) in UNSEEN and visible(chr(code)) == chr(code)
    ]
    assert left == [hex(ord("\n"))]


@given(ANY_TEXT, st.booleans())
def test_visible_never_emits_a_control_character(text: str, single_line: bool) -> None:
    shown = visible(text, single_line=single_line)
    assert {unicodedata.category(c) for c in shown if single_line or c != "\n"}.isdisjoint(UNSEEN)
    shown.encode()
    assert visible(shown, single_line=single_line) == shown
