"""The training rows nearest to a held-out one."""

from __future__ import annotations

import math

import pytest

from studio.reports.nearest import NearestRows, nearest_lines
from studio.runs.directory import FrozenRow

ROWS = [
    FrozenRow(1, "t", "my desk lamp never arrived", "lamp"),
    FrozenRow(2, "t", "the printer stopped working", "printer"),
    FrozenRow(3, "t", "a lamp is on its way", "lamp"),
    FrozenRow(4, "t", "机のランプがまだ届きません", "ランプ"),
    FrozenRow(5, "t", "  ?! ", "nothing to go by"),
]


def test_the_nearest_comes_first_with_the_share_of_words_it_has() -> None:
    found = NearestRows(ROWS).nearest("Where is my desk lamp?")
    assert [near.row.example_id for near in found] == [1, 3]
    assert found[0].shared == pytest.approx(3 / 5), "my, desk and lamp of five words"


def test_the_score_is_bm25_by_hand() -> None:
    """k1 = 1.5, b = 0.75, idf = ln(1 + (N - df + 0.5) / (df + 0.5)); of 4 rows with words, 22 words, one has desk."""
    (found,) = NearestRows(ROWS).nearest("desk")
    average = (5 + 4 + 6 + 13) / 4
    idf = math.log(1 + (4 - 1 + 0.5) / (1 + 0.5))
    assert found.score == pytest.approx(idf / (1 + 1.5 * (0.25 + 0.75 * 5 / average)), rel=1e-5)


def test_scripts_without_spaces_are_found_by_their_characters() -> None:
    assert [near.row.example_id for near in NearestRows(ROWS).nearest("ランプ")] == [4]


def test_no_word_and_no_row_find_nothing_and_say_so() -> None:
    assert NearestRows(ROWS).nearest("?!") == NearestRows(ROWS).nearest("zebra") == []
    assert NearestRows([]).nearest("lamp") == []
    assert nearest_lines("zebra", [])[-1] == [("No training row shares a word with it.", "warn")]


def test_shared_words_are_marked_and_nothing_steers_the_terminal() -> None:
    rows = [FrozenRow(7, "", "My lamp \x1b[2J is dark", "sorry\x07")]
    lines = nearest_lines("my lamp", NearestRows(rows).nearest("my lamp"))
    assert ("My", "bold") in lines[-2] and ("dark", "dim") in lines[-2]
    assert "\x1b" not in str(lines) and "\x07" not in "".join(text for line in lines for text, _ in line)
