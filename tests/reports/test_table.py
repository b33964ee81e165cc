"""Tables: aligned, fitted to the room there is, with drawings that take what is left."""

from __future__ import annotations

import pytest

from studio.reports.intervals import IntervalBar
from studio.reports.table import SHORT_TITLES, Bar, Cell, Column, Table


def table() -> Table:
    columns = [
        *[Column("arm", is_left=True), Column("exact match", "exact")],
        *[Column("", is_left=True, least=3, most=9), Column("prompt tokens", "prompt")],
    ]
    rows = [
        [Cell("zero_shot", "title"), Cell("0.0"), Cell("", "bad", Bar(0.0)), Cell("71")],
        [Cell("調整済", "title"), Cell("65.0", "good"), Cell("", "good", Bar(0.65)), Cell("1,204")],
    ]
    return Table(columns, rows, cuts=[SHORT_TITLES, (2,), (1, 3)], notes=["As counted."])


def test_numbers_stand_right_words_left_and_a_drawing_has_its_widest_where_room_is_no_question() -> None:
    assert table().lines() == [
        "arm        exact match             prompt tokens",
        "zero_shot          0.0                        71",
        "調整済            65.0  ━━━━━━             1,204",
        "As counted.",
    ]


@pytest.mark.parametrize(
    ("width", "header"),
    [
        (48, "arm        exact match             prompt tokens"),
        (44, "arm        exact match         prompt tokens"),
        (42, "arm        exact match       prompt tokens"),
        (41, "arm        exact             prompt"),
        (29, "arm        exact       prompt"),
        (28, "arm        exact  prompt"),
        (20, "arm"),
        (2, "arm"),
    ],
)
def test_what_does_not_fit_goes_in_the_tables_own_order(width: int, header: str) -> None:
    lines = table().drawn(width)
    assert "".join(text for text, _ in lines[0]).rstrip() == header
    assert len({sum(len(text) for text, _ in line) for line in lines[:2]}) == 1, "all lines have one length"


def test_a_terse_table_has_short_titles_from_the_start() -> None:
    assert [text for text, _ in table().drawn(60, gap=1, is_terse=True)[0]][:3] == ["arm      ", " ", "exact"]


def test_cells_keep_their_styles() -> None:
    assert [style for _, style in table().drawn()[2]] == ["title", "", "good", "", "good", "", ""]
    assert {style for _, style in table().drawn()[0]} == {"dim", ""}


def test_text_of_data_does_not_break_the_columns() -> None:
    one = Table([Column("task", is_left=True), Column("n")], [[Cell("a\nb\x1b[31m"), Cell("1")]])
    assert one.lines() == ["task      n", "a⏎b␛[31m  1"]


def test_a_table_without_rows_is_its_header() -> None:
    assert Table([Column("shots"), Column("tokens")], []).lines() == ["shots  tokens"]


@pytest.mark.parametrize(
    ("share", "drawn"), [(0.0, "     "), (0.01, "━    "), (0.5, "━━   "), (1.0, "━━━━━"), (1.7, "━━━━━")]
)
def test_a_bar_shows_whatever_is_not_nothing(share: float, drawn: str) -> None:
    assert Bar(share).drawn(5) == drawn


@pytest.mark.parametrize(
    ("score", "low", "high", "bar"),
    [
        (0.5, 0.3, 0.7, "   ├─●─┤   "),
        (0.0, 0.0, 0.16, "●─┤        "),
        (1.0, 0.84, 1.0, "        ├─●"),
        (0.5, 0.5, 0.5, "     ●     "),
        (0.5, -2.0, 3.0, "├────●────┤"),
    ],
)
def test_an_interval_is_drawn_to_scale(score: float, low: float, high: float, bar: str) -> None:
    assert IntervalBar(score, low, high).drawn(11) == bar
    assert IntervalBar(score, low, high).drawn(0) == ""
