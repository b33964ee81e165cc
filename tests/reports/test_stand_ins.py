"""A text in an editor of lines: what goes in comes out, and nothing else changes."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st
from textual.document._document import Document

from studio.reports.stand_ins import StandIns, named
from studio.reports.visible import visible

BREAKERS = (
    "\n\r\t\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029\x00\x1b\x7f\x9b\u200d\u202e\ufeff\U000e0041\U000f0000\U0010fffd␛⏎"
)
texts = st.text(st.one_of(st.sampled_from(BREAKERS), st.characters()), max_size=40) | st.lists(
    st.text("ab\r", max_size=4), max_size=6
).map("\r\n".join)


@given(texts)
@example("one\r\ntwo\rthree\n\x0bfour\u2028")
@example("all\r\nof\r\nthem\r\n")
@example("\r\r\n")
def test_what_an_editor_was_given_comes_back_from_it(text: str) -> None:
    stand_ins = StandIns(text)
    document = Document(stand_ins.held(text))
    assert stand_ins.meant(document.text) == text
    for row in range(document.line_count):
        drawn, places = stand_ins.drawn(document.get_line(row))
        assert visible(drawn).replace("⇥", "\t") == drawn and len(drawn) == len(document.get_line(row))
        assert all(0 <= at < len(drawn) for at in places)


@given(texts, texts, st.data())
def test_what_is_typed_in_one_place_changes_only_that_place(text: str, typed: str, data: st.DataObject) -> None:
    stand_ins = StandIns(text)
    document = Document(stand_ins.held(text))
    row = data.draw(st.integers(0, document.line_count - 1))
    column = data.draw(st.integers(0, len(document.get_line(row))))
    before = stand_ins.meant(document.get_text_range((0, 0), (row, column)))
    after = stand_ins.meant(document.get_text_range((row, column), document.end))
    assert before + after == text
    document.replace_range((row, column), (row, column), stand_ins.held(typed))
    newline = "\r\n" if stand_ins.meant("\n") == "\r\n" else "\n"
    said = typed.replace("\r\n", "\n").replace("\n", newline) if newline == "\r\n" else typed
    assert stand_ins.meant(document.text) == before + said + after


def test_the_name_of_what_cannot_be_seen_is_told() -> None:
    assert named("\u202e") == "U+202E right-to-left override"
    assert named("\x1b") == "U+001B control character"
    assert named("\U000f0000") == "U+F0000 character without a name"
