"""Numbers as a person reads them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from studio.reports.numbers import counted, duration, latency, learning_rate, loss, number, out_of_100, percent, size


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


def test_a_score_is_said_out_of_100() -> None:
    assert [out_of_100(x) for x in (0.812, 1.0, 0.0, None)] == ["81.2", "100.0", "0.0", "–"]


def test_one_row_is_not_one_rows() -> None:
    assert [counted(n, "row") for n in (0, 1, 7473)] == ["0 rows", "1 row", "7,473 rows"]


def test_numbers_and_visible_text_are_light_for_the_first_paint() -> None:
    program = (
        "import sys, studio.reports.numbers, studio.reports.visible;"
        "print([name for name in ('numpy', 'rich', 'duckdb') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
