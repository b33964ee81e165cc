"""The chart: what is in the data is on the screen."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from studio.reports.chart import PATTERNS, Chart, ChartSeries, render_chart, smooth
from studio.reports.ticks import linear_ticks, log_ticks, tick_labels

NAN = float("nan")


def is_braille(character: str) -> bool:
    return 0x2800 < ord(character) <= 0x28FF


def dots(chart: Chart) -> int:
    return sum((ord(c) - 0x2800).bit_count() for c in str(chart) if is_braille(c))


def line(y: list[float], **facts: str) -> ChartSeries:
    return ChartSeries("", range(len(y)), y, **facts)  # type: ignore[arg-type]


def test_a_whole_chart() -> None:
    chart = render_chart(
        [
            ChartSeries("loss", [0, 10, 20, 30, 40], [2.0, 1.0, 0.5, 0.4, 0.4]),
            ChartSeries("eval_loss", [20, 40], [0.6, 0.5], kind="points", glyph="◆", style="eval"),
        ],
        44,
        9,
        marker_x=30,
    )
    assert str(chart).splitlines() == [
        "                      ━━ loss  ◆ eval_loss  ",
        "2 ┤⠙⠦⣄                           ┊ best     ",
        "  │  ⠈⠓⢦⣀                        ┊          ",
        "  │     ⠈⠓⢦⡀                     ┊          ",
        "1 ┤        ⠉⠳⢤⣀⡀                 ┊          ",
        "  │            ⠉⠓⠲⢤⣀⡀            ┊          ",
        "  │                 ⠉⠓⠲◆⠤⠤⠤⠤⢤⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀◆",
        "  └┬───────────────────┬─────────┴───── step",
        "   0                  20                  40",
    ]
    assert {style for row in chart.rows for _, style in row} == {"", "label", "axis", "loss", "eval", "best"}


def test_the_axis_has_round_numbers_and_no_raw_float() -> None:
    text = str(render_chart([ChartSeries("", range(1, 641), np.linspace(2.3, 0.1, 640))], 80, 20))
    labels = [row.split("┤")[0].strip() for row in text.splitlines() if "┤" in row]
    assert labels == ["2.0", "1.5", "1.0", "0.5"]
    assert text.splitlines()[-1].split() == ["100", "200", "300", "400", "500", "600"]


@pytest.mark.parametrize("at", [0, 1, 49_999, 77_777, 99_999])
def test_a_spike_among_100_000_values_is_drawn_to_its_top(at: int) -> None:
    y = np.full(100_000, 0.5)
    y[at] = 9.0
    top = render_chart([ChartSeries("", range(100_000), y)], 100, 20).rows[0]
    assert any(is_braille(c) for text, _ in top for c in text)


def test_no_line_is_drawn_over_a_gap() -> None:
    text = str(render_chart([line([1.0] * 40 + [NAN] * 20 + [1.0] * 40)], 19, 3))
    assert text.splitlines()[1][8:11].strip() == ""
    assert is_braille(text.splitlines()[1][6])
    assert is_braille(text.splitlines()[1][12])


def test_a_value_between_two_gaps_is_a_dot() -> None:
    assert dots(render_chart([line([1.0, NAN, 3.0, NAN, 2.0])], 19, 6)) == 3


def test_one_value_and_a_constant_are_drawn_in_the_middle() -> None:
    for y in ([0.7], [0.7] * 50, [0.0] * 3):
        text = str(render_chart([line(y)], 40, 9)).splitlines()
        drawn = [number for number, row in enumerate(text[:-2]) if any(is_braille(c) for c in row)]
        assert drawn in ([3], [4])


@pytest.mark.parametrize("series", [[], [line([])], [line([NAN, NAN])], [line([float("inf")])]])
def test_nothing_to_draw_is_said(series: list[ChartSeries]) -> None:
    chart = render_chart(series, 40, 5, empty="no step yet")
    assert str(chart).splitlines()[2].strip() == "no step yet"
    assert {cell_len(row) for row in str(chart).splitlines()} == {40}


def test_patterns_tell_lines_apart_without_colour_and_hide_no_spike() -> None:
    flat = [1.0] * 200
    drawn = {name: str(render_chart([line(flat, pattern=name)], 19, 3)) for name in PATTERNS}
    assert len(set(drawn.values())) == len(PATTERNS)
    assert dots(render_chart([line(flat, pattern="dashed")], 19, 3)) == 24, "of 38 columns, 6 of each 10"
    for at in range(1, 39):  # whichever dot column it falls into
        spiked = flat.copy()
        spiked[at * 5] = 9.0
        top = str(render_chart([line(spiked, pattern="dotted")], 19, 5)).splitlines()[0]
        assert any(map(is_braille, top)), at


def test_a_log_axis_leaves_out_what_it_cannot_show() -> None:
    chart = render_chart([line([100.0, 10.0, 1.0, 0.0, -1.0, 0.1, 0.01])], 60, 20, log_y=True)
    labels = [row.split("┤")[0].strip() for row in str(chart).splitlines() if "┤" in row]
    assert labels == ["100", "10", "1", "0.1", "0.01"]


def test_the_later_series_wins_the_colour_and_both_keep_their_dots() -> None:
    below, above = line([1.0, 1.0], style="loss_raw"), line([1.0, 1.0], style="loss")
    chart = render_chart([below, above], 19, 5)
    assert {style for row in chart.rows for text, style in row if text.strip()} == {"loss"}
    slope, flat = line([0.0, 1.0]), line([0.0, 0.0])
    both = render_chart([slope, flat], 19, 5)
    assert dots(both) > max(dots(render_chart([slope], 19, 5)), dots(render_chart([flat, line([NAN, 1.0])], 19, 5)))


def test_evaluation_points_lie_on_the_curve() -> None:
    chart = render_chart(
        [line([1.0, 0.0], style="loss"), ChartSeries("", [0, 1], [1.0, 0.0], "points", "◆", "eval")], 19, 5
    )
    assert (chart.rows[0][0], chart.rows[-1][-1]) == (("◆", "eval"), ("◆", "eval"))


def test_steps_that_come_out_of_order_are_drawn_in_order() -> None:
    shuffled = ChartSeries("", [3, 1, 2, 0], [3.0, 1.0, 2.0, 0.0])
    assert str(render_chart([shuffled], 30, 8)) == str(render_chart([line([0.0, 1.0, 2.0, 3.0])], 30, 8))


def test_a_series_of_two_lengths_is_refused() -> None:
    with pytest.raises(ValueError, match="one length"):
        render_chart([ChartSeries("loss", [1, 2], [1.0])], 40, 10)


def test_a_loss_that_blew_up_to_the_largest_float_is_still_drawn() -> None:
    for log_y in (False, True):
        for y in ([1.0, 1.7976931348623157e308, -1e292], [1.7e280], [5e-324, 1.0]):
            assert len(render_chart([line(y)], 30, 8, log_y=log_y).rows) == 8


values = st.lists(
    st.one_of(st.floats(), st.floats(-5, 5), st.just(NAN), st.integers(-(10**6), 10**6).map(float)), max_size=30
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(values, st.sampled_from(["line", "points"])), max_size=3),
    st.integers(0, 60),
    st.integers(0, 16),
    st.booleans(),
    st.one_of(st.none(), st.floats(allow_nan=True)),
    st.sampled_from(["", "loss", "損失 loss of a rather long name"]),
)
def test_every_row_fills_the_width_whatever_the_data(
    data: list[tuple[list[float], str]], width: int, height: int, log_y: bool, marker: float | None, name: str
) -> None:
    series = [ChartSeries(name, range(len(y)), y, kind=kind) for y, kind in data]  # type: ignore[arg-type]
    chart = render_chart(series, width, height, log_y=log_y, marker_x=marker)
    assert len(chart.rows) == (height if width else 0)
    assert {cell_len("".join(text for text, _ in row)) for row in chart.rows} <= {width}
    assert chart == render_chart(series, width, height, log_y=log_y, marker_x=marker)


def test_100_000_points_are_drawn_in_the_time_of_a_frame() -> None:
    series = [ChartSeries("loss", np.arange(100_000), np.random.default_rng(0).normal(size=100_000))]
    best = 1.0
    for _ in range(5):
        started = time.process_time()
        render_chart(series, 140, 30)
        best = min(best, time.process_time() - started)
    assert best < 0.03


def test_smoothing_golden() -> None:
    """By hand, in halves: 0.5 / 0.5, then 1.75 / 0.75, the NaN passed over, then 3.375 / 0.875."""
    assert smooth([1.0, 3.0, NAN, 5.0], 0.5) == pytest.approx([1.0, 1.75 / 0.75, NAN, 3.375 / 0.875], nan_ok=True)
    assert smooth([1.0, 3.0], 0.0) == pytest.approx([1.0, 3.0])
    assert smooth([0.3] * 5, 0.99).tolist() == [0.3] * 5
    assert smooth([], 0.9).tolist() == []
    with pytest.raises(ValueError, match="weight"):
        smooth([1.0], 1.0)


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=400), st.floats(0, 0.999))
def test_smoothing_by_blocks_is_the_recurrence(y: list[float], weight: float) -> None:
    last, expected = 0.0, []
    for count, value in enumerate(y, start=1):
        last = weight * last + (1 - weight) * value
        expected.append(last / (1 - weight**count))
    assert smooth(y, weight) == pytest.approx(expected, abs=1e-6)


def test_ticks() -> None:
    assert linear_ticks(0.03, 0.97, 5) == [0.2, 0.4, 0.6, 0.8]
    assert linear_ticks(0, 640, 7) == [0, 100, 200, 300, 400, 500, 600]
    assert linear_ticks(1.0, 1.0, 5) == []
    assert log_ticks(0.02, 3, 6) == [0.03, 0.1, 0.3, 1, 3]
    assert log_ticks(0.02, 3, 8) == [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2]
    assert log_ticks(1.1, 1.9, 4) == [1.2, 1.4, 1.6, 1.8]
    assert log_ticks(1e-6, 1e6, 4) == [1e-6, 1e-2, 1e2, 1e6]
    assert tick_labels([0.2, 0.25]) == ["0.20", "0.25"]
    assert tick_labels([0, 20_000, 40_000]) == ["0", "20k", "40k"]
    assert tick_labels([500, 1500]) == ["500", "1,500"]
    assert tick_labels([0.00001, 0.00002]) == ["1e-5", "2e-5"]
    assert tick_labels([0.1 + 0.2]) == ["0.3"]
