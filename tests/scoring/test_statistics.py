"""Figures a person will trust, against published values and against the exact distribution."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.scoring.statistics import (
    bootstrap_mean,
    detectable_difference,
    holm,
    mcnemar_exact,
    paired_bootstrap,
    paired_permutation,
    paired_share_difference,
    rows_needed,
    wilson,
)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (0, 20, 0.0, 0.1611),
        (9, 10, 0.5958, 0.9821),
        (172, 200, 0.8051, 0.9013),
        (20, 20, 0.8389, 1.0),
        (0, 0, 0.0, 1.0),
    ],
)
def test_wilson_golden(successes: int, n: int, low: float, high: float) -> None:
    assert wilson(successes, n) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 500), st.data())
def test_wilson_holds_the_share(n: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, n))
    low, high = wilson(successes, n)
    assert 0 <= low <= successes / n <= high <= 1
    assert high - low > 0


@pytest.mark.parametrize(
    ("b", "c", "p_value"),
    # Twice the tail of the binomial distribution at one half, added up by hand.
    [(10, 2, 158 / 4096), (0, 6, 2 / 64), (0, 5, 2 / 32), (1, 7, 18 / 256), (5, 5, 1.0), (0, 0, 1.0)],
)
def test_mcnemar_golden(b: int, c: int, p_value: float) -> None:
    assert mcnemar_exact(b, c) == pytest.approx(p_value)
    assert mcnemar_exact(c, b) == pytest.approx(p_value)


def test_mcnemar_survives_test_sets_beyond_the_range_of_a_float() -> None:
    z = (5200 - 4800 - 1) / math.sqrt(10_000)  # the normal approximation with its continuity correction
    assert mcnemar_exact(5200, 4800) == pytest.approx(math.erfc(z / math.sqrt(2)), rel=0.005)
    assert mcnemar_exact(0, 5000) == 0.0


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=12))
def test_the_permutation_test_of_right_and_wrong_is_mcnemar(pairs: list[tuple[bool, bool]]) -> None:
    a, b = [float(x) for x, _ in pairs], [float(y) for _, y in pairs]
    expected = mcnemar_exact(sum(x and not y for x, y in pairs), sum(y and not x for x, y in pairs))
    assert paired_permutation(a, b) == pytest.approx(expected)


@pytest.mark.parametrize(("b", "c"), [(14, 6), (40, 0), (300, 260), (7, 7)])
def test_the_permutation_test_of_right_and_wrong_is_mcnemar_above_12_rows_too(b: int, c: int) -> None:
    tuned, baseline = [1.0] * b + [0.0] * c + [1.0] * 9, [0.0] * b + [1.0] * c + [1.0] * 9
    assert paired_permutation(tuned, baseline) == mcnemar_exact(b, c)
    assert paired_permutation([0.25 * x for x in tuned], [0.25 * x for x in baseline]) == mcnemar_exact(b, c)


def test_the_permutation_test_by_draws_agrees_with_the_exact_one() -> None:
    """13 rows of unequal differences are beyond the exact way, of 12 it is taken: the last row hardly matters."""
    sizes = [0.9, 0.7, -0.3, 0.5, 0.2, -0.6, 0.8, 0.4, -0.1, 0.35, 0.65, 0.15]
    exact = paired_permutation(sizes, [0.0] * 12)
    drawn = paired_permutation([*sizes, 1e-9], [0.0] * 13)
    assert drawn == pytest.approx(exact, abs=0.01) and drawn != exact


def test_a_p_value_by_draws_is_never_0() -> None:
    assert paired_permutation([0.5 + row / 100 for row in range(40)], [0.0] * 40) == pytest.approx(1 / 10_001)
    assert paired_permutation([0.5] * 40, [0.5] * 40) == 1.0


def test_the_bootstrap_is_seeded_and_close_to_the_normal_interval() -> None:
    values = np.random.default_rng(3).normal(0.4, 0.2, 400).tolist()
    low, high = bootstrap_mean(values, seed=1)
    assert (low, high) == bootstrap_mean(values, seed=1)
    assert (low, high) != bootstrap_mean(values, seed=2)
    half = 1.96 * np.std(values) / math.sqrt(400)
    assert (low, high) == pytest.approx((np.mean(values) - half, np.mean(values) + half), abs=0.003)


def test_pairing_takes_out_what_makes_rows_hard() -> None:
    hardness = np.random.default_rng(0).uniform(0, 0.8, 200)
    difference, low, high = paired_bootstrap((hardness + 0.05).tolist(), hardness.tolist())
    assert (difference, low, high) == pytest.approx((0.05, 0.05, 0.05))
    with pytest.raises(ValueError, match="one length"):
        paired_bootstrap([1.0], [1.0, 0.0])
    with pytest.raises(ValueError, match="two values"):
        bootstrap_mean([1.0])


@pytest.mark.parametrize(("n", "points"), [(50, 17.7), (200, 8.9), (1000, 4.0), (5, 100.0), (0, 100.0)])
def test_detectable_difference_golden(n: int, points: float) -> None:
    assert detectable_difference(n) * 100 == pytest.approx(points, abs=0.05)


def test_with_few_rows_a_difference_needs_as_much_discordance() -> None:
    """24 rows: 33 points, all one way, are seen by the exact test four times in five; the usual 26 are not."""
    n, visible = 24, detectable_difference(24)
    assert visible == pytest.approx(0.327, abs=0.001)

    def power(difference: float) -> float:
        return sum(math.comb(n, k) * difference**k * (1 - difference) ** (n - k) for k in range(6, n + 1))

    assert mcnemar_exact(6, 0) < 0.05 < mcnemar_exact(5, 0)
    assert power(visible) > 0.8 > power(0.256)


def test_holm_golden() -> None:
    """By hand: 0.005 × 4, 0.01 × 3, 0.03 × 2, then 0.04 may not be smaller than the one before it."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert (holm([0.02]), holm([])) == ([0.02], [])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holm_is_never_weaker_than_multiplying_and_never_stronger_than_the_value(p_values: list[float]) -> None:
    for p, adjusted in zip(p_values, holm(p_values), strict=True):
        assert p <= adjusted <= min(1.0, p * len(p_values)) + 1e-12


@pytest.mark.parametrize(("points", "rows"), [(5, 628), (17.72, 50), (8.86, 200), (3.97, 996), (50, 16)])
def test_how_many_rows_show_a_difference_golden(points: float, rows: int) -> None:
    """(1.960 + 0.842)² × 0.2 / 0.05² = 627.9; of a difference of 50 points the discordance is 50 % at least."""
    assert rows_needed(points / 100) == pytest.approx(rows, abs=1)
    assert detectable_difference(rows_needed(points / 100)) <= points / 100


@pytest.mark.parametrize(
    ("b", "c", "n", "low", "high"),
    [
        # (b + 1, c + 1, n + 2) by hand: 13/102 − 3/102 ± 1.96 √((16/102 − (10/102)²) / 102) = 0.0980 ± 0.0744
        (12, 2, 100, 0.0236, 0.1725),
        (0, 0, 20, -0.1260, 0.1260),  # ± 1.96 √(2/22 / 22)
        (5, 0, 5, 0.1959, 1.0),  # 6/7 − 1/7 ± 1.96 √((1 − 25/49) / 7)
    ],
)
def test_the_difference_of_paired_shares_golden(b: int, c: int, n: int, low: float, high: float) -> None:
    assert paired_share_difference(b, c, n) == pytest.approx((low, high), abs=5e-4)
    assert paired_share_difference(c, b, n) == pytest.approx((-high, -low), abs=5e-4)
