"""How sure one may be of a score: intervals, paired tests and the smallest difference a test set can show.

Everything is seeded or exact: the same predictions always give the same figures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RESAMPLES = 2000
EXACT_SIGNS = 12
DRAWS_AT_ONCE = 1 << 20  # bounds the memory of a bootstrap to some 16 MB, whatever the number of rows


def wilson(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson score interval of a proportion, as (low, high) in 0..1; (0, 1) where nothing was observed."""
    if n == 0:
        return 0.0, 1.0
    z = _two_sided_z(confidence)
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
    """Percentile bootstrap interval of the mean, as (low, high).

    Raises ValueError for fewer than two values: one value says nothing about its spread.
    """
    data = np.asarray(values, dtype=np.float64)
    if len(data) < 2:
        raise ValueError(f"a bootstrap needs two values or more, not {len(data)}")
    low, high = np.quantile(_resampled_means(data, seed, resamples), _tails(confidence))
    return float(low), float(high)


def paired_bootstrap(
    a: Sequence[float], b: Sequence[float], seed: int = 0, resamples: int = RESAMPLES, confidence: float = 0.95
) -> tuple[float, float, float]:
    """Mean of ``a - b`` over the same rows, with its percentile bootstrap interval: (difference, low, high).

    Rows are drawn, not scores, so what makes a row hard for both cancels out.
    Raises ValueError where the lengths differ or there are fewer than two rows.
    """
    if len(a) != len(b):
        raise ValueError(f"paired values must have one length, not {len(a)} and {len(b)}")
    difference = np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64)
    low, high = bootstrap_mean(difference.tolist(), seed, resamples, confidence)
    return float(difference.mean()), low, high


def mcnemar_exact(b: int, c: int) -> float:
    """Two-sided exact McNemar p-value; ``b`` and ``c`` count the rows that only one of two arms answers right."""
    n, fewer = b + c, min(b, c)
    term = tail = 1
    for k in range(1, fewer + 1):
        term = term * (n - k + 1) // k
        tail += term
    # Whole numbers to the end: 2**n is beyond any float from 1,024 rows on.
    return min(1.0, float(Fraction(2 * tail, 2**n)))


def paired_permutation(a: Sequence[float], b: Sequence[float], seed: int = 0, resamples: int = 10_000) -> float:
    """Two-sided p-value of the mean of ``a - b`` when the sign of every row's difference could as well be the other.

    All signs are tried for up to ``EXACT_SIGNS`` rows that differ, else ``resamples`` seeded draws (p is never 0).
    On scores of 0 and 1 this is the exact McNemar test. Raises ValueError where the lengths differ.
    """
    if len(a) != len(b):
        raise ValueError(f"paired values must have one length, not {len(a)} and {len(b)}")
    difference = np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64)
    difference = difference[difference != 0]
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


def detectable_difference(n: int, discordance: float = 0.2, power: float = 0.8, confidence: float = 0.95) -> float:
    """Smallest true difference of two shares, as a share, that ``n`` paired rows show with probability ``power``.

    ``discordance`` is the share of rows on which the arms are expected to differ in being right. A difference cannot
    be larger than the discordance that carries it, so for few rows the discordance grows to the difference itself.
    1.0 means that no difference can be shown.
    """
    if n == 0:
        return 1.0
    z = _two_sided_z(confidence) + NormalDist().inv_cdf(power)
    difference = z * math.sqrt(discordance / n)
    return min(1.0, difference if difference <= discordance else z * z / n)


def _two_sided_z(confidence: float) -> float:
    return NormalDist().inv_cdf(0.5 + confidence / 2)


def _tails(confidence: float) -> tuple[float, float]:
    return (1 - confidence) / 2, (1 + confidence) / 2


def _resampled_means(data: Floats, seed: int, resamples: int) -> Floats:
    generator = np.random.default_rng(seed)
    means = np.empty(resamples)
    step = max(1, DRAWS_AT_ONCE // len(data))
    for start in range(0, resamples, step):
        count = min(step, resamples - start)
        means[start : start + count] = data[generator.integers(0, len(data), (count, len(data)))].mean(axis=1)
    return means
