"""What changed between two texts."""

from __future__ import annotations

import itertools
import time

from hypothesis import given
from hypothesis import strategies as st

from studio.reports.differences import are_akin, differences, spelled_out


def test_differences_are_told_by_word() -> None:
    assert differences('{"order": 8812, "urgency": "low"}', '{"order": 8813, "urgency": "low"}') == [
        ('{"order": ', "same"),
        ("8812", "removed"),
        ("8813", "added"),
        (', "urgency": "low"}', "same"),
    ]
    assert differences("订单已取消", "订单未取消") == [
        ("订单", "same"),
        ("已", "removed"),
        ("未", "added"),
        ("取消", "same"),
    ]
    assert differences("a", "a") == [("a", "same")]
    assert differences("", "") == []


@given(st.text("ab \n漢.", max_size=60), st.text("ab \n漢.", max_size=60))
def test_differences_give_both_texts_back(a: str, b: str) -> None:
    pieces = differences(a, b)
    assert "".join(text for text, kind in pieces if kind != "added") == a
    assert "".join(text for text, kind in pieces if kind != "removed") == b
    assert all(before[1] != after[1] for before, after in itertools.pairwise(pieces))


def test_differences_of_long_texts_stay_quick() -> None:
    a = " ".join(f"w{i * i % 9973}" for i in range(60_000))
    b = " ".join(f"w{i * i % 9967}" for i in range(60_000))
    lines = "\n".join(f"line {i}" for i in range(900))
    started = time.perf_counter()
    assert [kind for _, kind in differences(a, b)] == ["removed", "added"]
    assert differences(lines, lines.replace("line 500", "line five"))[1:3] == [
        ("500", "removed"),
        ("five", "added"),
    ]
    assert len(differences("the cat " * 480, "cat the " * 480)) > 1
    assert time.perf_counter() - started < 4


def test_without_strike_and_colour_a_difference_is_still_read() -> None:
    pieces = spelled_out(differences("a mouse that broke", "a phone that broke"))
    assert "".join(text for text, _ in pieces) == "a [-mouse-]{+phone+} that broke"


def test_an_answer_that_shares_next_to_nothing_is_not_akin_to_its_reference() -> None:
    reference = '{"product": "router", "order": 9716}'
    assert are_akin(differences(reference, '{"product": "phone", "order": null}'))
    assert not are_akin(differences(reference, '{\n  "type": "json",\n  "data": {\n    "id": 12345,'))
    assert are_akin(differences("", "")) and not are_akin(differences("", "friendly"))
