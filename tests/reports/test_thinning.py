"""A long curve is drawn from its extremes: cheap, and no spike is lost."""

from __future__ import annotations

import numpy as np
import pytest

from studio.reports.chart import BorderMark, ChartSeries, render_chart, smooth
from studio.reports.thinning import MOST_POINTS, Curve

LONG = 300_000


@pytest.mark.parametrize("spike_at", [0, 63, 64, 123_456, LONG - 1])
def test_no_spike_is_lost_among_many_points(spike_at: int) -> None:
    values = np.random.default_rng(0).random(LONG)
    values[spike_at] = 50.0
    curve = Curve()
    curve.grow(values)
    x, y = curve.part(np.arange(LONG, dtype=np.float64), 0, LONG - 1)
    assert len(x) == len(y) <= MOST_POINTS
    assert (y.max(), y.min()) == (50.0, values.min())
    assert abs(x[y.argmax()] - spike_at) <= LONG / 1000, "it stands where it happened, to less than a column"


def test_few_points_are_drawn_as_they_are() -> None:
    values = np.random.default_rng(1).random(LONG)
    curve = Curve()
    curve.grow(values)
    x, y = curve.part(np.arange(LONG, dtype=np.float64), 1000, 1999)
    assert np.array_equal(y, values[1000:2000])
    assert (x[0], x[-1]) == (1000, 1999)


@pytest.mark.parametrize("weight", [0.0, 0.5, 0.99])
def test_a_curve_that_grew_is_the_curve_made_at_once(weight: float) -> None:
    values = np.random.default_rng(2).random(40_000)
    values[7] = np.nan
    grown, whole = Curve(weight), Curve(weight)
    for length in (1, 10, 5000, 5001, 39_999, 40_000):
        grown.grow(values[:length])
    whole.grow(values)
    x = np.arange(40_000, dtype=np.float64)
    for one, other in zip(grown.part(x, 0, 39_999), whole.part(x, 0, 39_999), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)
    np.testing.assert_allclose(grown.part(x, 0, 9999)[1], (smooth(values, weight) if weight else values)[:10_000])


def test_a_run_that_went_back_is_drawn_as_it_is_now() -> None:
    curve = Curve(0.9)
    curve.grow(np.full(1000, 5.0))
    again = np.r_[np.full(500, 5.0), np.full(700, 1.0)]
    curve.grow(again)
    assert curve[1199] == pytest.approx(1.0, abs=1e-6)


def test_a_gap_stays_a_gap_and_what_is_no_number_is_marked_on_the_border() -> None:
    values = np.ones(LONG)
    values[100_000:200_000] = np.nan
    curve = Curve()
    curve.grow(values)
    x, y = curve.part(np.arange(LONG, dtype=np.float64), 0, LONG - 1)
    assert np.isnan(y[(x > 101_000) & (x < 199_000)]).all()
    chart = render_chart([ChartSeries("", x, y)], 60, 10, marks=[BorderMark(150_000, "✗", "bad")])
    plot = [row for row in str(chart).splitlines() if "│" in row or "┤" in row]
    assert all(row[30] == " " for row in plot), "no line is drawn across it"
    assert ("✗", "bad") in chart.rows[-2]


def test_only_the_part_in_sight_is_drawn_and_its_range_is_the_axis() -> None:
    x = np.arange(100.0)
    chart = str(render_chart([ChartSeries("", x, np.r_[np.full(50, 9.0), x[50:] / 100])], 60, 10, x_range=(60.0, 80.0)))
    assert "9" not in chart.splitlines()[0]
    assert "60" in chart.splitlines()[-1] and "80" in chart.splitlines()[-1]
