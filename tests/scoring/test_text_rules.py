"""Which words a text has, in the scripts of the world."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.scoring.text_rules import folded, words_joined_over_punctuation, words_parted_at_punctuation


@pytest.mark.parametrize(
    ("text", "joined", "parted"),
    [
        ("Chào, mình mua e\u0301", ["chào", "mình", "mua", "é"], ["chào", "mình", "mua", "é"]),
        ("don't 12.5", ["dont", "125"], ["don", "t", "12", "5"]),
        ("हिन्दी है।", ["हिन्दी", "है"], ["हिन्दी", "है"]),
        ("订单ABC取消", ["订", "单", "abc", "取", "消"], ["订", "单", "abc", "取", "消"]),
        ("人々、〇", ["人", "々", "〇"], ["人", "々", "〇"]),
        ("snake_case + 1", ["snakecase", "1"], ["snake", "case", "1"]),
        ("5€ ฿20 ok👍🏽", ["5", "€", "฿", "20", "ok", "👍", "🏽"], ["5", "€", "฿", "20", "ok", "👍", "🏽"]),
        ("❤\ufe0f", ["❤"], ["❤"]),
        ("\u200eשלום\u200f", ["שלום"], ["שלום"]),
        ("می\u200cخواهم", ["میخواهم"], ["میخواهم"]),
        ("བོད་ཡིག", ["བོད", "ཡིག"], ["བོད", "ཡིག"]),
        ("ሰላም፡ልዑል", ["ሰላም", "ልዑል"], ["ሰላም", "ልዑል"]),
        ("STRASSE Straße", ["strasse", "strasse"], ["strasse", "strasse"]),
        (" \n", [], []),
    ],
)
def test_words_of(text: str, joined: list[str], parted: list[str]) -> None:
    assert words_joined_over_punctuation(text) == joined
    assert words_parted_at_punctuation(text) == parted


@given(st.text())
def test_no_word_has_punctuation_or_a_space_in_it(text: str) -> None:
    for words in (words_joined_over_punctuation(text), words_parted_at_punctuation(text)):
        for word in words:
            assert word and not any(unicodedata.category(one).startswith(("P", "Z")) for one in word)


def test_folding_leaves_case_and_punctuation() -> None:
    assert folded("  Rất\n\ttốt. ") == folded(unicodedata.normalize("NFD", "Rất tốt.")) == "Rất tốt."
