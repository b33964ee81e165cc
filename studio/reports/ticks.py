"""Round numbers along an axis, and their labels."""

from __future__ import annotations

import math
from collections.abc import Sequence


def linear_ticks(low: float, high: float, most: int) -> list[float]:
    """At most ``most`` multiples of 1, 2 or 5 times a power of ten inside ``low``..``high``."""
    span = high - low
    if most < 1 or not span > 0 or not math.isfinite(span):
        return []
    for exponent in range(math.floor(math.log10(span / most)) - 1, math.floor(math.log10(span)) + 2):
        for mantissa in (1, 2, 5):
            step = mantissa * 10.0**exponent
            first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
            if last - first + 1 <= most:
                # Counted in whole steps and rounded, or 3 × 0.1 is labelled 0.30000000000000004.
                return [round(index * step, max(0, -exponent)) for index in range(first, last + 1)]
    return []


def log_ticks(low: float, high: float, most: int) -> list[float]:
    """At most ``most`` of 1, 2 and 5 times powers of ten inside ``low``..``high`` (both above 0).

    Powers of ten alone where the three are too many, and linear ticks where the range is too small for two of them.
    """
    decades = range(math.floor(math.log10(low)), math.floor(math.log10(high)) + 1)
    for mantissas in ((1, 2, 5), (1, 3), (1,)):
        ticks = [tick for e in decades for m in mantissas if low <= (tick := float(f"{m}e{e}")) <= high]
        if 2 <= len(ticks) <= most:
            return ticks
    if len(ticks) > most >= 1:
        return ticks[:: math.ceil(len(ticks) / most)]
    return [tick for tick in linear_ticks(low, high, most) if tick > 0]


def tick_labels(ticks: Sequence[float]) -> list[str]:
    """Labels with the decimals of the finest tick: ``0.25``, ``1,500``, ``20k``, ``2e-5``; never a raw float."""
    largest = max((abs(tick) for tick in ticks), default=0.0)
    decimals = max((_decimals(tick) for tick in ticks), default=0)
    if largest and (decimals > 4 or largest >= 1e7):
        return [_with_exponent(tick) for tick in ticks]
    if largest >= 10_000 and all(tick % 1000 == 0 for tick in ticks):
        return [f"{tick / 1000:,.0f}k" if tick else "0" for tick in ticks]
    if min((abs(tick) for tick in ticks if tick), default=1.0) * 1000 <= largest:
        return [f"{tick:,.{_decimals(tick)}f}" for tick in ticks]  # a log axis: 0.01 beside 100
    return [f"{tick:,.{decimals}f}" for tick in ticks]


def _decimals(value: float) -> int:
    """Digits after the point that a round number needs, up to 9."""
    return next((digits for digits in range(9) if math.isclose(round(value, digits), value, abs_tol=1e-12)), 9)


def _with_exponent(value: float) -> str:
    if value == 0:
        return "0"
    digits, _, exponent = f"{value:.3e}".partition("e")
    return f"{digits.rstrip('0').rstrip('.')}e{int(exponent)}"
