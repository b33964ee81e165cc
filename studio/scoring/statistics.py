"""How sure one may be of a score: intervals, paired tests and the smallest difference a test set can show.

Everything is seeded or exact: the same predictions always give the same figures. Scores and shares are numbers in 0..1
without a unit; p-values are two-sided; intervals are at ``confidence``, 95 % unless said otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

POWER = 0.8
RESAMPLES = 2000
EXACT_SIGNS = 12
SIGN_FLIPS = 10_000
DRAWS_AT_ONCE = 1 << 20  # bounds the memory of a bootstrap to some 16 MB, whatever the number of rows


def wilson(successes: float, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Score interval of a proportion, as (low, high) in 0..1; (0, 1) where nothing was observed.

    successes: how many of ``n`` rows, 0..n; as a sum of scores it need not be whole.
    Wilson 1927, "Probable inference, the law of succession, and statistical inference", JASA 22: 209-212, without
    continuity correction.
    """
    if n == 0:
        return 0.0, 1.0
    z = two_sided_z(confidence)
    share = successes / n
    centre = share + z * z / (2 * n)
    spread = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    low = 0.0 if successes == 0 else (centre - spread) / scale
    high = 1.0 if successes == n else (centre + spread) / scale
    return low, high


def bootstrap_mean(
    values: Sequence[float], seed: int = 0, resamples: int = RESAMPLES, confidence: float = 0.95
) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean of ``values``, as (low, high), from ``resamples`` seeded resamples.

    Efron 1979, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7: 1-26; the percentile
    interval is Efron and Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13.
    Raises ValueError for fewer than two values: one value says nothing about its spread.
    """
    data = np.asarray(values, dtype=np.float64)
    if len(data) < 2:
        raise ValueError(f"a bootstrap needs two values or more, not {len(data)}")
    low, high = np.quantile(resampled_sums(data[:, None], seed, resamples)[:, 0] / len(data), tails(confidence))
    return float(low), float(high)


def paired_bootstrap(
    a: Sequence[float],
    b: Sequence[float],
    seed: int = 0,
    resamples: int = RESAMPLES,
    confidence: float = 0.95,
    groups: Sequence[int] = (),
) -> tuple[float, float, float]:
    """Mean of ``a - b`` over the same rows, with its percentile bootstrap interval: (difference, low, high) in -1..1.

    a, b: one score per row, in the same order of rows. Rows are drawn, not scores, so what makes a row hard for both
    cancels out. Source as ``bootstrap_mean``. groups: per row the source that it shares with others; then sources are
    drawn whole (Davison and Hinkley 1997, section 3.8), since rows of one source are alike.
    Raises ValueError where the lengths differ or there are fewer than two rows.
    """
    if len(a) != len(b):
        raise ValueError(f"paired values must have one length, not {len(a)} and {len(b)}")
    difference = np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64)
    if len(groups):
        columns = np.stack([sums_by_group(column, groups) for column in (difference, np.ones(len(difference)))], axis=1)
        sums, counts = resampled_sums(columns, seed, resamples).T
        low, high = np.quantile(sums / counts, tails(confidence))
        return float(difference.mean()), float(low), float(high)
    low, high = bootstrap_mean(difference.tolist(), seed, resamples, confidence)
    return float(difference.mean()), low, high


def paired_share_difference(b: int, c: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Interval of the difference of two shares over the same ``n`` rows, as (low, high) in -1..1.

    b, c: how many rows only the one, and only the other, of two arms answers right. Where all go one way, or none
    differs, it is still no certainty: one row more is counted for either side. Bonett and Price 2012, "Adjusted Wald
    confidence interval for a difference of binomial proportions based on paired data", Journal of Educational and
    Behavioral Statistics 37: 479-488.
    """
    ours, theirs = (b + 1) / (n + 2), (c + 1) / (n + 2)
    reach = two_sided_z(confidence) * math.sqrt((ours + theirs - (ours - theirs) ** 2) / (n + 2))
    return max(-1.0, ours - theirs - reach), min(1.0, ours - theirs + reach)


def mcnemar_exact(b: int, c: int) -> float:
    """Two-sided p-value of McNemar's test in its exact form, the binomial test of ``b`` of ``b + c`` at one half.

    b, c: how many rows only the one, and only the other, of two arms answers right. 1.0 where there are none.
    McNemar 1947, "Note on the sampling error of the difference between correlated proportions or percentages",
    Psychometrika 12: 153-157, which approximates by chi-squared what is summed here.
    """
    n, fewer = b + c, min(b, c)
    term = tail = 1
    for k in range(1, fewer + 1):
        term = term * (n - k + 1) // k
        tail += term
    # Whole numbers to the end: 2**n is beyond any float from 1,024 rows on.
    return min(1.0, float(Fraction(2 * tail, 2**n)))


def paired_permutation(
    a: Sequence[float] | Floats, b: Sequence[float] | Floats, seed: int = 0, resamples: int = SIGN_FLIPS
) -> float:
    """Two-sided p-value of the mean of ``a - b`` when the sign of every row's difference could as well be the other.

    a, b: one score per row, in the same order of rows. Rows without a difference say nothing and fall out. Then

    - where all differences are of one size, as with scores of 0 and 1, the exact McNemar test, however many rows;
    - else, up to ``EXACT_SIGNS`` rows, exact: the share of all 2**rows choices of signs that go as far or farther;
    - else Monte Carlo: ``resamples`` seeded choices of signs, as (as far or farther + 1) / (resamples + 1), so that p
      is never 0 and the test keeps its level.

    The test is Fisher's (1935, "The Design of Experiments", section 21); the + 1 is Davison and Hinkley 1997,
    "Bootstrap Methods and their Application", section 4.2. Raises ValueError where the lengths differ.
    """
    if len(a) != len(b):
        raise ValueError(f"paired values must have one length, not {len(a)} and {len(b)}")
    difference = np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64)
    difference = difference[difference != 0]
    size = np.abs(difference)
    if len(difference) == 0 or size.min() == size.max():
        return mcnemar_exact(int((difference > 0).sum()), int((difference < 0).sum()))
    observed = abs(difference.sum()) * (1 - 1e-12)  # the same sum in another order may be a rounding error smaller
    if len(difference) <= EXACT_SIGNS:
        which = np.arange(2 ** len(difference))[:, None] >> np.arange(len(difference)) & 1
        return float((np.abs((1 - 2 * which) @ difference) >= observed).mean())
    generator = np.random.default_rng(seed)
    step = max(1, DRAWS_AT_ONCE // len(difference))
    as_far = 0
    for start in range(0, resamples, step):
        which = generator.integers(0, 2, (min(step, resamples - start), len(difference)))
        as_far += int((np.abs((1 - 2 * which) @ difference) >= observed).sum())
    return (as_far + 1) / (resamples + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for that several were looked at, in their order: each under 0.05 may be named at 5 % for all.

    Holm 1979, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6: 65-70.
    It is never weaker than multiplying each by their number, and asks no independence.
    """
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda place: p_values[place])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = largest
    return adjusted


def sums_by_group(values: Sequence[float] | Floats, groups: Sequence[int]) -> Floats:
    """The sum of each group's values, groups in the order of their numbers, those without a value left out."""
    _, places = np.unique(np.asarray(groups), return_inverse=True)
    return np.asarray(np.bincount(places, weights=np.asarray(values, dtype=np.float64)), dtype=np.float64)


def detectable_difference(n: int, discordance: float = 0.2, power: float = POWER, confidence: float = 0.95) -> float:
    """Smallest true difference of two shares, as a share, that ``n`` paired rows show with probability ``power``.

    ``discordance`` is the share of rows on which the arms are expected to differ in being right. A difference cannot
    be larger than the discordance that carries it, so for few rows the discordance grows to the difference itself.
    1.0 means that no difference can be shown.

    Sample size for McNemar's test, solved for the difference d: n = (z_alpha + z_power)**2 * discordance / d**2. It is
    Connor 1987, "Sample size for testing differences in proportions for the paired-sample design", Biometrics 43:
    207-211, with discordance for its discordance - d**2 beside z_power, which asks for a little more.
    """
    if n == 0:
        return 1.0
    z = two_sided_z(confidence) + NormalDist().inv_cdf(power)
    difference = z * math.sqrt(discordance / n)
    return min(1.0, difference if difference <= discordance else z * z / n)


def rows_needed(difference: float, discordance: float = 0.2, power: float = POWER, confidence: float = 0.95) -> int:
    """How many paired rows show a true ``difference`` of two shares with probability ``power``: the other way round.

    difference: above 0. See ``detectable_difference``, whose formula is solved for n here.
    """
    z = two_sided_z(confidence) + NormalDist().inv_cdf(power)
    return math.ceil(z * z * max(discordance, difference) / difference**2)


def two_sided_z(confidence: float) -> float:
    """How many standard deviations a normal interval at ``confidence`` reaches to either side: 1.96 at 95 %."""
    return NormalDist().inv_cdf(0.5 + confidence / 2)


def tails(confidence: float = 0.95) -> tuple[float, float]:
    """Between which quantiles an interval at ``confidence`` lies: 0.025 and 0.975 at 95 %."""
    return (1 - confidence) / 2, (1 + confidence) / 2


def resampled_sums(columns: Floats, seed: int = 0, resamples: int = RESAMPLES) -> Floats:
    """Sums of every column over seeded resamples of the rows: (rows, columns) to (resamples, columns).

    A resample draws as many rows as there are, each as often as it comes. All columns are summed over the same draws.
    """
    rows = len(columns)
    generator = np.random.default_rng(seed)
    sums = np.empty((resamples, columns.shape[1]))
    step = max(1, DRAWS_AT_ONCE // rows)
    for start in range(0, resamples, step):
        count = min(step, resamples - start)
        drawn = generator.integers(0, rows, (count, rows))
        drawn += np.arange(count)[:, None] * rows
        times = np.bincount(drawn.ravel(), minlength=count * rows).reshape(count, rows)
        sums[start : start + count] = times @ columns
    return sums
