"""Numbers, durations and sizes as the screens write them. Light, since the first paint needs it."""

from __future__ import annotations

import math

NOTHING = "–"


def duration(seconds: float | None) -> str:
    """``0.42 s``, ``12 s``, ``4 m 12 s``, ``1 h 04 m``, ``2 d 3 h``; a dash for what is not known."""
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return NOTHING
    if round(seconds, 2) < 1:
        return f"{seconds:.2f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} m {whole % 60:02} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60:02} m"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"


def latency(seconds: float | None) -> str:
    """``0.42 s`` and ``3.18 s``, where a tenth of a second matters; from 10 s on as ``duration``."""
    if seconds is not None and 0 <= seconds < 9.995:
        return f"{seconds:.2f} s"
    return duration(seconds)


def money(amount: float | None) -> str:
    """``0.0042``, ``1.5``, ``210``: three digits of a price, in the unit of whoever wrote it."""
    if amount is None or not math.isfinite(amount):
        return NOTHING
    return f"{amount:,.0f}" if abs(amount) >= 100 else f"{amount:.3g}"


def counted(count: int, noun: str) -> str:
    """``1 row``, ``7,473 rows``; ``noun`` is the singular of a regular plural."""
    return f"{number(count)} {noun}" + ("" if count == 1 else "s")


def number(value: float | None) -> str:
    """``1,204``: the nearest whole number with thousands separators."""
    if value is None or not math.isfinite(value):
        return NOTHING
    return f"{round(value):,}".replace("-", "−")


def loss(value: float | None) -> str:
    """``0.412``; NaN and infinity are said, since a loss that is one of them is news."""
    if value is None:
        return NOTHING
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "∞"
    return f"{value:.3f}" if abs(value) < 100 else f"{value:,.0f}"


def learning_rate(value: float | None) -> str:
    """``2e-4``, ``1.5e-5``, ``0``: two digits are enough to see a schedule move."""
    if value is None or not math.isfinite(value):
        return NOTHING
    if value == 0:
        return "0"
    digits, _, exponent = f"{value:.1e}".partition("e")
    return f"{digits.removesuffix('.0')}e{int(exponent)}"


def size(bytes_count: float | None) -> str:
    """``2.8 GB``, decimal as disks and the worker count them."""
    if bytes_count is None:
        return NOTHING
    amount = float(bytes_count)
    for unit in ("B", "kB", "MB", "GB"):
        if abs(amount) < 999.5:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 99.5 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:,.1f} TB"


def percent(share: float | None, digits: int = 0) -> str:
    """``26 %`` from 0.26. Never ``0 %`` for something and never ``100 %`` for less than everything."""
    if share is None or not math.isfinite(share):
        return NOTHING
    smallest = 10**-digits
    shown = round(share * 100, digits)
    if shown == 0 and share > 0:
        return f"<{smallest:.{digits}f} %"
    if shown == 100 and share < 1:
        return f">{100 - smallest:.{digits}f} %"
    return f"{shown:.{digits}f} %"


def out_of_100(share: float | None) -> str:
    """``81.2`` from 0.812; a dash where a scorer does not apply."""
    return NOTHING if share is None or not math.isfinite(share) else f"{share * 100:.1f}"
