"""Figures of a written report as inline SVG: no script, no font, no colour of its own but the page's variables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

import numpy as np
from numpy.typing import ArrayLike, NDArray

from studio.reports.cells import cut_middle
from studio.reports.chart import ChartSeries
from studio.reports.numbers import out_of_100
from studio.reports.ticks import linear_ticks, tick_labels
from studio.reports.tradeoff import Price, TradePoint, frontier, scales
from studio.reports.visible import visible
from studio.scoring.intervals import Interval

Place = Callable[[float], float]  # where a value stands in a figure

WIDTH = 520  # of every figure, in its own units: at 390 pixels of page its letters are still read
MOST_POINTS = 600
_ROW, _NAMES, _SCORES = 24, 160, 52
_LEFT, _BOTTOM, _TOP, _RIGHT = 62, 38, 14, 14
_DODGE = 20


def forest(rows: Sequence[tuple[str, Interval, str]], title: str) -> str:
    """Every arm's score with its interval on one scale of 0 to 100; a row is (name, interval, class of its colour)."""
    height = _ROW * len(rows) + 34
    left, right = _NAMES, WIDTH - _SCORES
    parts = []
    for tick in range(0, 101, 20):
        x = left + (right - left) * tick / 100
        parts.append(_line(x, 4, x, height - 26, "grid"))
        parts.append(_text(x, height - 10, str(tick), "middle", "dim"))
    for place, (name, interval, style) in enumerate(rows):
        y = 16 + _ROW * place
        low, middle, high = (left + (right - left) * share for share in (interval.low, interval.score, interval.high))
        parts.append(_text(left - 8, y + 4, cut_middle(name, 18), "end", style))
        parts.append(_line(low, y, high, y, f"stroke {style}"))
        parts += [_line(end, y - 4, end, y + 4, f"stroke {style}") for end in (low, high)]
        parts.append(f'<circle class="fill {style}" cx="{middle:.1f}" cy="{y}" r="4"/>')
        parts.append(_text(WIDTH - 4, y + 4, out_of_100(interval.score), "end", style))
    return _svg(height, parts, title)


def tradeoff(points: Sequence[TradePoint], price: Price, title: str) -> str:
    """Quality against what it costs: an arm is its number in a circle, its interval a stroke, the frontier steps."""
    height = 300
    x_scale, y_scale = scales(points)
    right, bottom = WIDTH - _RIGHT, height - _BOTTOM

    def y_of(share: float) -> float:
        return bottom - (bottom - _TOP) * y_scale.at(share * 100)

    columns = _dodged(points, lambda value: _LEFT + 14 + (right - _LEFT - 28) * x_scale.at(value))
    parts = _y_axis(y_scale.ticks(6), lambda tick: y_of(tick / 100), right)
    for tick in x_scale.ticks(5):
        x = _LEFT + 14 + (right - _LEFT - 28) * x_scale.at(tick)
        parts.append(_line(x, bottom, x, bottom + 4, "axis"))
        parts.append(_text(x, bottom + 17, price.words(tick), "middle", "dim"))
    parts.append(_text((_LEFT + right) / 2, height - 4, price.title, "middle", "dim"))
    parts.append(_steps(frontier(points), columns, y_of, right, bottom))
    for point in points:
        x, style = columns[point.number], "good" if point.is_frontier else "dim"
        parts.append(_line(x, y_of(point.score.low), x, y_of(point.score.high), f"stroke {style}"))
    for point in points:
        x, y, style = columns[point.number], y_of(point.score.score), "good" if point.is_frontier else "dim"
        parts.append(f'<circle class="knob {style}" cx="{x:.1f}" cy="{y:.1f}" r="9"/>')
        parts.append(_text(x, y + 4, str(point.number), "middle", style))
    return _svg(height, parts, title)


def curves(series: Sequence[ChartSeries], title: str, x_label: str) -> str:
    """Curves over one axis; ``points`` are circles, a ``line`` is broken where a value is no number."""
    height = 260
    drawn = [(one, *_thinned(one.x, one.y)) for one in series]
    known = [(one, x, y) for one, x, y in drawn if np.isfinite(y).any()]
    if not known:
        return ""
    xs, ys = np.concatenate([x for _, x, _ in known]), np.concatenate([y for _, _, y in known])
    ys = ys[np.isfinite(ys)]
    (x_low, x_high), (y_low, y_high) = _range(xs), _range(ys)
    right, bottom = WIDTH - _RIGHT, height - _BOTTOM

    def x_of(value: float) -> float:
        return _LEFT + (right - _LEFT) * (value - x_low) / (x_high - x_low)

    def y_of(value: float) -> float:
        return bottom - (bottom - _TOP) * (value - y_low) / (y_high - y_low)

    parts = _y_axis(linear_ticks(y_low, y_high, 6), y_of, right)
    ticks = linear_ticks(x_low, x_high, 6)
    for tick, label in zip(ticks, tick_labels(ticks), strict=True):
        parts.append(_line(x_of(tick), bottom, x_of(tick), bottom + 4, "axis"))
        parts.append(_text(x_of(tick), bottom + 17, label, "middle", "dim"))
    parts.append(_text((_LEFT + right) / 2, height - 4, x_label, "middle", "dim"))
    for one, x, y in known:
        places = [(x_of(float(a)), y_of(float(b))) if np.isfinite(b) else None for a, b in zip(x, y, strict=True)]
        parts += _circles(places, one.style) if one.kind == "points" else _polylines(places, one.style)
    parts += _legend([one for one, _, _ in known if one.name], right)
    return _svg(height, parts, title)


def _dodged(points: Sequence[TradePoint], x_of: Place) -> dict[int, float]:
    """Arms of one price side by side: none hides another."""
    taken: dict[int, float] = {}
    for point in sorted(points, key=lambda point: (point.x, point.number)):
        wanted = x_of(point.x)
        while any(abs(wanted - other) < _DODGE for other in taken.values()):
            wanted += _DODGE
        taken[point.number] = min(wanted, WIDTH - _RIGHT)
    return taken


def _steps(points: Sequence[TradePoint], columns: dict[int, float], y_of: Place, right: float, bottom: float) -> str:
    if not points:
        return ""
    path, below = [], bottom
    for point, after in zip(points, [*points[1:], None], strict=True):
        x, y = columns[point.number], y_of(point.score.score)
        path += [(x, below), (x, y), (columns[after.number] if after else right, y)]
        below = y
    return f'<polyline class="frontier" points="{_places(path)}"/>'


def _y_axis(ticks: Sequence[float], y_of: Place, right: float) -> list[str]:
    parts = []
    for tick, label in zip(ticks, tick_labels(ticks), strict=True):
        y = y_of(tick)
        parts += [_line(_LEFT, y, right, y, "grid"), _text(_LEFT - 6, y + 4, label, "end", "dim")]
    return parts


def _thinned(x: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """At most some ``MOST_POINTS`` points: of each stretch its smallest and largest value, so that no spike is lost."""
    xs, ys = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if len(xs) <= MOST_POINTS:
        return xs, ys
    kept: list[int] = []
    for part in np.array_split(np.arange(len(xs)), MOST_POINTS // 2):
        known = part[np.isfinite(ys[part])]
        kept += (
            sorted({int(known[ys[known].argmin()]), int(known[ys[known].argmax()])}) if len(known) else [int(part[0])]
        )
    return xs[kept], ys[kept]


def _range(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low - (abs(low) / 10 or 1.0), high + (abs(high) / 10 or 1.0))


def _polylines(places: Sequence[tuple[float, float] | None], style: str) -> list[str]:
    parts, run = [], []
    for place in [*places, None]:
        if place is not None:
            run.append(place)
        elif run:
            parts.append(f'<polyline class="curve {style}" points="{_places(run)}"/>')
            run = []
    return parts


def _circles(places: Sequence[tuple[float, float] | None], style: str) -> list[str]:
    return [
        f'<circle class="fill {style}" cx="{place[0]:.1f}" cy="{place[1]:.1f}" r="3.5"/>' for place in places if place
    ]


def _legend(series: Sequence[ChartSeries], right: float) -> list[str]:
    words = [
        f'<tspan class="{one.style}">{"●" if one.kind == "points" else "━"} {_safe(one.name)}</tspan>' for one in series
    ]
    return [f'<text x="{right:.1f}" y="{_TOP + 6}" text-anchor="end">{"  ".join(words)}</text>'] if words else []


def _places(path: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in path)


def _line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    return f'<line class="{style}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, words: str, anchor: str, style: str) -> str:
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{_safe(words)}</text>'


def _svg(height: int, parts: Sequence[str], title: str) -> str:
    head = f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{_safe(title)}">'
    return head + "".join(parts) + "</svg>"


def _safe(text: str) -> str:
    return escape(visible(text, single_line=True), quote=True)
