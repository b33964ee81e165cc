"""Lines that are longer than their place."""

from __future__ import annotations

from studio.tui.widgets.lines import Line, folded, joined, line_length


def texts(lines: list[Line]) -> list[str]:
    return ["".join(text for text, _ in line) for line in lines]


def test_a_long_line_goes_on_beneath_its_text_not_beneath_its_label() -> None:
    line: Line = [("tuned  ", "dim"), ("a friendly answer ", "same"), ("of many words", "match")]
    assert texts(folded(line, 20, hang=7)) == ["tuned  a friendly", "       answer of", "       many words"]
    assert ("many", "match") in [(text.strip(), style) for text, style in folded(line, 20, hang=7)[2]]


def test_wide_characters_and_words_longer_than_a_line_are_cut_where_the_line_ends() -> None:
    lines = folded([("ja  ", "dim"), ("注文した机のランプがまだ届きません", "")], 14, hang=4)
    assert all(line_length(line) <= 14 for line in lines)
    assert "".join(texts(lines)).replace(" ", "") == "ja注文した机のランプがまだ届きません"


def test_a_line_that_fits_and_a_place_too_narrow_to_hang_in_leave_it_as_it_is() -> None:
    line: Line = [("short", "")]
    assert folded(line, 20, hang=4) == [line]
    assert folded([("longer than that", "")], 4, hang=4) == [[("longer than that", "")]]


def test_facts_are_parted_between_them_never_within() -> None:
    facts: list[Line] = [
        [("rows ", "dim"), ("26", "")],
        [("tokens ", "dim"), ("1,416", "")],
        [("steps ", "dim"), ("8", "")],
    ]
    assert texts(joined(facts, 24)) == ["rows 26 · tokens 1,416", "steps 8"]
