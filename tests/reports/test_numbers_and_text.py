"""Numbers and foreign text as a person reads them."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from studio.reports.cells import cut, fit
from studio.reports.differences import differences
from studio.reports.numbers import counted, duration, latency, learning_rate, loss, number, percent, score, size
from studio.reports.visible import visible

# Any code point at all, lone surrogates too, and more of what breaks columns than chance would bring.
ANY_TEXT = st.text(
    st.one_of(st.characters(exclude_categories=[]), st.sampled_from("漢字e\u0301\u200d\u202e\ufe0f❤👨👍🏽\t\n\x1b["))
)
UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.00 s"),
        (0.42, "0.42 s"),
        (0.996, "1 s"),
        (12.4, "12 s"),
        (59.7, "1 m 00 s"),
        (252, "4 m 12 s"),
        (3599.6, "1 h 00 m"),
        (3840, "1 h 04 m"),
        (183_600, "2 d 3 h"),
        (None, "–"),
        (float("nan"), "–"),
        (-1, "–"),
    ],
)
def test_duration(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


def test_latency_keeps_its_hundredths() -> None:
    assert [latency(s) for s in (0.42, 3.184, 9.996, 75, None)] == ["0.42 s", "3.18 s", "10 s", "1 m 15 s", "–"]


def test_number() -> None:
    assert [number(n) for n in (0, 1204, 1_234_567, 230.6, -1500, None)] == [
        "0",
        "1,204",
        "1,234,567",
        "231",
        "−1,500",
        "–",
    ]


def test_loss_and_learning_rate() -> None:
    assert [loss(x) for x in (0.41234, 12.0, 1234.5, float("nan"), float("inf"), None)] == [
        "0.412",
        "12.000",
        "1,234",
        "NaN",
        "∞",
        "–",
    ]
    assert [learning_rate(x) for x in (2e-4, 1.49e-5, 0.0, 1.0, None)] == ["2e-4", "1.5e-5", "0", "1e0", "–"]


def test_size() -> None:
    assert [size(b) for b in (0, 999, 1000, 2_800_000_000, 134_000_000, 999_600, 3e12, None)] == [
        "0 B", "999 B", "1.0 kB", "2.8 GB", "134 MB", "1.0 MB", "3.0 TB", "–",
    ]  # fmt: skip


def test_percent_never_rounds_to_nothing_or_to_everything() -> None:
    assert [percent(x) for x in (0.26, 0.0, 1.0, 0.001, 0.999, 1.2, None)] == [
        "26 %",
        "0 %",
        "100 %",
        "<1 %",
        ">99 %",
        "120 %",
        "–",
    ]
    assert [percent(x, 1) for x in (0.998, 0.0001, 0.99999)] == ["99.8 %", "<0.1 %", ">99.9 %"]


def test_score() -> None:
    assert [score(x) for x in (0.812, 1.0, 0.0, None)] == ["81.2", "100.0", "0.0", "–"]


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


@given(ANY_TEXT, st.integers(0, 40), st.sampled_from(["left", "right"]))
def test_fit_is_exact_in_cells(text: str, width: int, align: str) -> None:
    assert cell_len(fit(text, width, align)) == width  # type: ignore[arg-type]
    assert cell_len(cut(text, width)) <= width


def test_fit_cuts_between_characters() -> None:
    assert fit("漢字漢字", 5) == "漢字…"
    assert fit("漢字漢字", 6) == "漢字… "
    assert fit("đơn hàng", 10) == "đơn hàng  "
    assert fit(unicodedata.normalize("NFD", "tiếng Việt"), 6) == unicodedata.normalize("NFD", "tiếng") + "…"
    assert fit("1,204", 7, "right") == "  1,204"
    assert fit("anything", 0) == ""


def test_fitting_a_huge_cell_looks_at_its_start_only() -> None:
    started = time.perf_counter()
    assert fit("x" * 50_000_000, 10) == "xxxxxxxxx…"
    assert time.perf_counter() - started < 0.5


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


def test_words_are_light_for_the_first_paint() -> None:
    program = (
        "import sys, studio.reports.numbers, studio.reports.visible;"
        "print([m for m in ('numpy', 'rich', 'duckdb') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_one_row_is_not_one_rows() -> None:
    assert [counted(n, "row") for n in (0, 1, 7473)] == ["0 rows", "1 row", "7,473 rows"]
