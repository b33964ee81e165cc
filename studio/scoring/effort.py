"""What an arm's answers took: seconds, tokens and money, each as far as so many answers can show it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from studio.scoring.scored_rows import Prediction
from studio.scoring.statistics import bootstrap_mean

FEWEST_FOR_P95 = 20
A_THOUSAND = 1000


@dataclass(frozen=True)
class Spread:
    """A figure over ``n`` answers with its 95 % interval; an end is None where so few answers bound it on no side."""

    value: float
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Effort:
    """What the scored answers of one arm took; None where it was not measured or is not known.

    Seconds are of answers asked one at a time (a local model) or as they were asked (an endpoint): ``first_token`` to
    the first token, ``whole`` until the last, ``per_token`` between them; medians with order-statistic intervals, and
    ``whole_p95`` from ``FEWEST_FOR_P95`` answers on. ``output_tokens`` and ``prompt_tokens`` are means. ``cost`` is of
    1,000 answers, in the unit of the price table.
    """

    first_token: Spread | None = None
    whole: Spread | None = None
    whole_p95: Spread | None = None
    per_token: Spread | None = None
    prompt_tokens: Spread | None = None
    output_tokens: Spread | None = None
    cost: Spread | None = None


def effort_of(predictions: Iterable[Prediction]) -> Effort:
    """What these answers took, by the fields of predictions.jsonl that they have."""
    lines = list(predictions)
    whole = _known(lines, lambda line: line.get("latency_seconds"))
    cost = _known(lines, lambda line: line.get("cost"))
    return Effort(
        first_token=_median(_known(lines, lambda line: line.get("ttft_seconds"))),
        whole=_median(whole),
        whole_p95=quantile_spread(whole, 0.95) if len(whole) >= FEWEST_FOR_P95 else None,
        per_token=_median(_known(lines, _seconds_per_token)),
        prompt_tokens=_mean(_known(lines, lambda line: line.get("prompt_tokens"))),
        output_tokens=_mean(_known(lines, lambda line: line.get("tokens"))),
        cost=_mean([A_THOUSAND * each for each in cost]) if len(cost) == len(lines) else None,
    )


def quantile_spread(values: Sequence[float], share: float, confidence: float = 0.95) -> Spread:
    """The quantile, interpolated between neighbours, and the order statistics that hold it with ``confidence``.

    The number of values under the true quantile is binomial, whatever their distribution: the interval is from the
    largest rank with a lower tail of (1 - confidence) / 2 at most to the smallest with such an upper one (David and
    Nagaraja 2003, "Order Statistics", section 7.1). A rank beyond the values is no end: the upper end of a 95th
    percentile needs 72 of them. There is at least one value.
    """
    ordered, n, tail = sorted(values), len(values), (1 - confidence) / 2
    below = np.cumsum([math.comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(n + 1)]) if n < 1000 else None
    low = high = None
    if below is None:  # the normal approximation; exact terms overflow
        reach = 1.96 * math.sqrt(n * share * (1 - share))
        low, high = ordered[max(0, math.floor(n * share - reach))], ordered[min(n - 1, math.ceil(n * share + reach))]
    else:
        lower = [rank for rank in range(1, n + 1) if below[rank - 1] <= tail]
        upper = [rank for rank in range(1, n + 1) if 1 - below[rank - 1] <= tail]
        low = ordered[lower[-1] - 1] if lower else None
        high = ordered[upper[0] - 1] if upper else None
    return Spread(float(np.quantile(ordered, share)), low, high, n)


def _median(values: Sequence[float]) -> Spread | None:
    return quantile_spread(values, 0.5) if values else None


def _mean(values: Sequence[float]) -> Spread | None:
    if not values:
        return None
    low, high = bootstrap_mean(values) if len(values) > 1 else (None, None)
    return Spread(float(np.mean(values)), low, high, len(values))


def _known(lines: Iterable[Prediction], of: Callable[[Prediction], Any]) -> list[float]:
    found = (of(line) for line in lines)
    return [float(value) for value in found if isinstance(value, int | float) and math.isfinite(value)]


def _seconds_per_token(line: Prediction) -> float | None:
    """Between tokens: without the first, which waits for the prompt; None for an answer of fewer than two."""
    whole, first, tokens = line.get("latency_seconds"), line.get("ttft_seconds"), int(line.get("tokens") or 0)
    return (whole - first) / (tokens - 1) if whole is not None and first is not None and tokens > 1 else None
