"""The histogram of token lengths."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from studio.reports.histogram import histogram


def text_of(rows: list[list[tuple[str, str]]]) -> list[str]:
    return ["".join(text for text, _ in row) for row in rows]


def styled(rows: list[list[tuple[str, str]]], style: str) -> str:
    return "".join(text for row in rows[:-1] for text, its in row if its == style)


def test_a_whole_histogram() -> None:
    counts = [10] * 2 + [20] * 8 + [30] * 4 + [39]
    assert text_of(histogram(counts, 41, 4, limit=30)) == [
        "                    █          │ 30      ",
        "                    █         ▄│         ",
        "          ▆         █         █│        ▃",
        "0         10        20        30         ",
    ]


def test_a_heap_exactly_at_the_limit_stands_left_of_the_line() -> None:
    rows = histogram([512] * 100 + [513], 80, 6, limit=512)
    assert [row.split("│")[0][-1] for row in text_of(rows)[:-1]] == [" ", *"████"]
    assert styled(rows, "bar-over").strip() == "▁"


def test_one_row_beyond_the_limit_is_never_out_of_sight() -> None:
    assert styled(histogram([100] * 100_000 + [9_000], 80, 6, limit=512), "bar-over").strip() == "▁"


def test_a_limit_far_away_stands_at_the_edge() -> None:
    rows = text_of(histogram([40] * 9 + [20], 60, 5, limit=8192))
    assert rows[0].endswith(" 8,192 → │")
    assert rows[-1].split() == ["0", "10", "20", "30", "40"]


def test_a_long_tail_is_gathered_and_said() -> None:
    labels = text_of(histogram([100] * 1000 + [50_000], 80, 5))[-1]
    assert labels.rstrip().endswith("120+")


def test_whole_numbers_make_no_comb() -> None:
    """Columns that cover two numbers are not twice as high as those that cover one."""
    flat = text_of(histogram(np.repeat(np.arange(150), 10), 100, 3))
    assert set(flat[0]) == {"█"}


@given(
    st.lists(st.integers(0, 5000), max_size=60),
    st.integers(0, 90),
    st.integers(0, 9),
    st.one_of(st.none(), st.integers(1, 9000)),
)
def test_every_row_fills_the_width(counts: list[int], width: int, height: int, limit: int | None) -> None:
    rows = histogram(counts, width, height, limit)
    assert len(rows) == (height if width else 0)
    assert {cell_len(row) for row in text_of(rows)} <= {width}
