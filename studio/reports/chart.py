"""Curves in Braille: every cell holds 2 × 4 dots, several series share one axis, and no spike is lost.

Each column of dots is filled from the smallest to the largest value that falls in it, never sampled. What is not
finite (or not above 0 on a log axis) is a gap: no line is drawn across it, and a value between two gaps is a dot.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from studio.reports.cells import Segment, cells, cut, fit
from studio.reports.ticks import linear_ticks, log_ticks, tick_labels

Floats = NDArray[np.float64]

NARROWEST_WITH_LABELS = 20
LOWEST_WITH_LABELS = 4
LOWEST_WITH_LEGEND = 7
ROWS_PER_TICK = 4
# What is larger, as a run that blew up may be, is drawn at this height: the range of an axis must itself be a float.
HUGE = 1e150
# A moving average of a weight of 0.99 or less: what lies so many values back has no digit left in it.
FORGOTTEN_AFTER = 4096
# Dots drawn and dots left out in turn, along x: how lines are told apart without colour.
PATTERNS: dict[str, tuple[int, ...]] = {"solid": (), "dashed": (6, 4), "dotted": (1, 3), "dash-dot": (6, 3, 1, 3)}
PATTERN_SIGNS = {"solid": "━━", "dashed": "╍╍", "dotted": "┄┄", "dash-dot": "╍┄"}
# A stroke of more dots is no line but a spike, which is drawn whole.
TALLEST_LEFT_OUT = 6
# Dot bits of a Braille cell, by row and column of the dot (Unicode 2800 block).
_DOT_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], dtype=np.int32)


@dataclass(frozen=True)
class ChartSeries:
    """One curve. ``x`` and ``y`` have one length; ``y`` may hold NaN.

    ``kind`` is ``line`` (Braille) or ``points`` (the ``glyph``, one cell wide, at each value). ``style`` is a style
    name for the screen to resolve, ``pattern`` one of ``PATTERNS``. A series without a ``name`` is not in the legend.
    """

    name: str
    x: ArrayLike
    y: ArrayLike
    kind: Literal["line", "points"] = "line"
    glyph: str = "●"
    style: str = "loss"
    pattern: str = "solid"


@dataclass(frozen=True)
class BorderMark:
    """Something at ``x`` that has no height, such as a value that is no number: its ``glyph`` stands on the x axis."""

    x: float
    glyph: str
    style: str


@dataclass(frozen=True)
class Chart:
    """``rows`` of segments (text, style name); the texts of every row fill exactly the asked width in cells."""

    rows: list[list[Segment]]

    def __str__(self) -> str:
        return "\n".join("".join(text for text, _ in row) for row in self.rows)


def smooth(values: ArrayLike, weight: float = 0.9) -> Floats:
    """Exponential moving average with its bias towards zero corrected, of the same length as ``values``.

    ``s_t = weight * s_(t-1) + (1 - weight) * v_t`` from ``s_0 = 0``, shown as ``s_t / (1 - weight^t)``: the correction
    of Adam (Kingma & Ba 2014, section 3), used for scalar charts by TensorBoard. NaN stays NaN and is passed over.
    Raises ValueError unless ``0 <= weight < 1``.
    """
    if not 0 <= weight < 1:
        raise ValueError(f"the weight must be 0 or more and less than 1, not {weight}")
    data = np.asarray(values, dtype=np.float64)
    is_value = np.isfinite(data)
    averaged = np.full(len(data), np.nan)
    known = data[is_value]
    if len(known) and known.min() == known.max():
        averaged[is_value] = known  # a constant stays exactly itself: rounding would draw a ripple
        return averaged
    raw = _moving_average(known, weight)
    begun = slice(0, FORGOTTEN_AFTER)  # behind it the correction is 1 to the last digit
    raw[begun] /= 1 - weight ** np.arange(1, len(raw[begun]) + 1)
    averaged[is_value] = raw
    return averaged


def _moving_average(values: Floats, weight: float, block: int = 128) -> Floats:
    # One matrix product per block of values instead of one Python step per value.
    padded = np.zeros(math.ceil(len(values) / block) * block)
    padded[: len(values)] = values
    ages = np.subtract.outer(np.arange(block), np.arange(block))
    kernel = np.where(ages >= 0, (1 - weight) * weight ** np.maximum(ages, 0), 0.0)
    blocks = padded.reshape(-1, block) @ kernel.T
    decay = weight ** np.arange(1, block + 1)
    carried = [0.0]
    for last in blocks[:-1, -1].tolist():
        carried.append(last + carried[-1] * decay[-1])
    blocks += np.outer(carried[: len(blocks)], decay)
    return blocks.reshape(-1)[: len(values)]


def render_chart(
    series: Sequence[ChartSeries],
    width: int,
    height: int,
    *,
    log_y: bool = False,
    x_label: str = "step",
    marker_x: float | None = None,
    marker_label: str = "best",
    marks: Sequence[BorderMark] = (),
    x_range: tuple[float, float] | None = None,
    empty: str = "nothing to draw yet",
) -> Chart:
    """Draw ``series`` in ``width`` × ``height`` cells: a legend, the y axis, the curves, the x axis.

    Later series are on top: they win a cell's colour while the dots of both stay. ``marker_x`` is drawn as a dashed
    line called ``marker_label``, ``marks`` stand on the x axis. ``x_range`` is the part that is drawn (None: all that
    there is), y reaches over what is in it. Labels go where there is no room for them (below 20 × 4). Without one
    finite value the frame says ``empty``. Raises ValueError where a series' x and y differ in length.

    Styles used beside the series' own: ``axis`` for lines, ``label`` for numbers, ``best`` for the marker, ``dim``.
    """
    if width <= 0 or height <= 0:
        return Chart([])
    curves = [_curve(one, log_y, x_range) for one in series]
    known = [curve for curve in curves if len(curve.x)]
    if not known:
        return Chart(_empty_rows(width, height, empty))
    low, high = x_range or (min(curve.x.min() for curve in known), max(curve.x.max() for curve in known))
    x_range = _padded(low, high, 1.0)
    y_range = _padded(min(curve.y.min() for curve in known), max(curve.y.max() for curve in known), None)
    layout = _layout(width, height, y_range, log_y, any(one.name for one in series))
    canvas = _Canvas(layout.plot_width, layout.plot_height, x_range, y_range)
    if marker_x is not None:
        canvas.mark(marker_x, marker_label)
    for curve in curves:
        canvas.draw(curve)
    rows = canvas.rows()
    if layout.has_labels:
        rows = [[*left, *row] for left, row in zip(_y_axis(layout), rows, strict=True)]
        rows += _x_axis(layout, x_range, x_label, marker_x, marks)
    if layout.has_legend:
        rows.insert(0, _legend(series, width))
    return Chart(rows)


@dataclass(frozen=True)
class _Curve:
    """The finite points by rising x, y already on the axis' scale; ``follows`` is False after a gap."""

    series: ChartSeries
    x: Floats
    y: Floats
    follows: NDArray[np.bool_]


@dataclass(frozen=True)
class _Layout:
    plot_width: int
    plot_height: int
    gutter: int
    has_labels: bool
    has_legend: bool
    y_ticks: dict[int, str]


def _curve(series: ChartSeries, log_y: bool, x_range: tuple[float, float] | None) -> _Curve:
    x, y = np.asarray(series.x, dtype=np.float64), np.asarray(series.y, dtype=np.float64)
    if x.shape != y.shape or x.ndim != 1:
        raise ValueError(f"series {series.name!r}: x {x.shape} and y {y.shape} must be one row of one length")
    if len(x) > 1 and (np.diff(x) < 0).any():
        order = np.argsort(x, kind="stable")
        x, y = x[order], y[order]
    if x_range is not None:
        is_seen = (x >= x_range[0]) & (x <= x_range[1])
        x, y = x[is_seen], y[is_seen]
    is_known = np.isfinite(x) & np.isfinite(y) & ((y > 0) if log_y else True)
    follows = np.zeros(len(x), dtype=np.bool_)
    follows[1:] = is_known[1:] & is_known[:-1]
    x, y = np.clip(x[is_known], -HUGE, HUGE), np.clip(y[is_known], 1 / HUGE if log_y else -HUGE, HUGE)
    return _Curve(series, x, np.log10(y) if log_y else y, follows[is_known])


def _padded(low: float, high: float, spread: float | None) -> tuple[float, float]:
    """The range itself, or for a single value a range around it."""
    if high > low and math.isfinite(high - low):
        return float(low), float(high)
    around = spread if spread is not None else max(abs(low) * 0.1, 1e-9) if low else 1.0
    return float(low - around), float(high + around)


def _empty_rows(width: int, height: int, sentence: str) -> list[list[Segment]]:
    rows: list[list[Segment]] = [[(" " * width, "")] for _ in range(height)]
    text = cut(sentence, width)
    rows[height // 2] = [(fit(" " * ((width - cells(text)) // 2) + text, width), "dim")]
    return rows


def _layout(width: int, height: int, y_range: tuple[float, float], log_y: bool, is_named: bool) -> _Layout:
    if width < NARROWEST_WITH_LABELS or height < LOWEST_WITH_LABELS:
        return _Layout(width, height, 0, False, False, {})
    has_legend = is_named and height >= LOWEST_WITH_LEGEND
    plot_height = height - 2 - has_legend
    most = max(2, plot_height // ROWS_PER_TICK + 1)
    if log_y:
        values = log_ticks(10 ** y_range[0], 10 ** y_range[1], most)
        positions = [math.log10(value) for value in values]
    else:
        values = positions = linear_ticks(*y_range, most)
    cells = [_row_of(position, y_range, plot_height) for position in positions]
    ticks = dict(zip(cells, tick_labels(values), strict=True))
    gutter = max((len(label) for label in ticks.values()), default=0) + 2
    if gutter > width // 3:
        return _Layout(width, height, 0, False, False, {})
    return _Layout(width - gutter, plot_height, gutter, True, has_legend, ticks)


def _row_of(y: float, y_range: tuple[float, float], height: int) -> int:
    """The cell row, from the top, that holds the dot of ``y``."""
    dots = 4 * height - 1
    return (dots - round((y - y_range[0]) / (y_range[1] - y_range[0]) * dots)) // 4


class _Canvas:
    """The plot itself: dots per cell, their styles, and glyphs over them."""

    def __init__(self, width: int, height: int, x_range: tuple[float, float], y_range: tuple[float, float]) -> None:
        self._width, self._height = width, height
        self._x_range, self._y_range = x_range, y_range
        self._bits = np.zeros((height, width), dtype=np.int32)
        self._styles = np.full((height, width), "", dtype=object)
        self._glyphs: dict[tuple[int, int], str] = {}

    def draw(self, curve: _Curve) -> None:
        if not len(curve.x):
            return
        columns = self._scaled(curve.x, self._x_range, 2 * self._width)
        rows = 4 * self._height - 1 - self._scaled(curve.y, self._y_range, 4 * self._height)
        if curve.series.kind == "points":
            for row, column in zip((rows // 4).tolist(), (columns // 2).tolist(), strict=True):
                self._glyphs[row, column] = curve.series.glyph
                self._styles[row, column] = curve.series.style
            return
        drawn = self._cells_of(_patterned(self._line_dots(columns, rows, curve.follows), curve.series.pattern))
        self._bits |= drawn
        is_drawn = drawn > 0
        self._styles[is_drawn] = curve.series.style
        for row, column in [place for place in self._glyphs if is_drawn[place]]:
            del self._glyphs[row, column]

    def mark(self, x: float, label: str) -> None:
        """A dashed line at ``x`` with its name beside its top; curves are drawn over it."""
        if not self._x_range[0] <= x <= self._x_range[1]:
            return
        column = int(self._scaled(np.array([x]), self._x_range, 2 * self._width)[0]) // 2
        for row in range(self._height):
            self._glyphs[row, column] = "┊"
            self._styles[row, column] = "best"
        start = column + 2 if column + 2 + len(label) <= self._width else column - 1 - len(label)
        if start >= 0:
            for offset, character in enumerate(label):
                self._glyphs[0, start + offset] = character
                self._styles[0, start + offset] = "best"

    def rows(self) -> list[list[Segment]]:
        """Runs of cells of one style, row by row."""
        rows = []
        for row in range(self._height):
            texts = [
                self._glyphs.get((row, column)) or (chr(0x2800 + bits) if bits else " ")
                for column, bits in enumerate(self._bits[row].tolist())
            ]
            styles = ["" if text == " " else style for text, style in zip(texts, self._styles[row], strict=True)]
            rows.append(_runs(texts, styles))
        return rows

    @staticmethod
    def _scaled(values: Floats, value_range: tuple[float, float], dots: int) -> NDArray[np.int64]:
        low, high = value_range
        return np.rint((values - low) / (high - low) * (dots - 1)).astype(np.int64)

    def _line_dots(
        self, columns: NDArray[np.int64], rows: NDArray[np.int64], follows: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """The dots of a line: per column its whole range of values, and straight joins from column to column."""
        starts = np.flatnonzero(np.r_[True, (np.diff(columns) > 0) | ~follows[1:]])
        tops, bottoms = np.minimum.reduceat(rows, starts), np.maximum.reduceat(rows, starts)
        # Filling is a sum over +1 where a vertical stroke starts and -1 below its end, so no stroke needs a loop.
        edges = np.zeros((4 * self._height + 1, 2 * self._width), dtype=np.int32)
        np.add.at(edges, (tops, columns[starts]), 1)
        np.add.at(edges, (bottoms + 1, columns[starts]), -1)
        joins = np.flatnonzero(follows & np.r_[False, np.diff(columns) > 0])
        gaps = columns[joins] - columns[joins - 1]
        # All cells of all joins at once: which join each is of, and how many columns behind the join's first it stands.
        which = np.repeat(np.arange(len(joins)), gaps + 1)
        behind = np.arange(len(which)) - np.repeat(np.cumsum(gaps + 1) - gaps - 1, gaps + 1)
        first, rise = rows[joins - 1][which], (rows[joins] - rows[joins - 1])[which]
        # Each column takes the part of the straight line from half a column before it to half a column after.
        halves = (np.clip((behind + half) / gaps[which], 0.0, 1.0) for half in (-0.5, 0.5))
        before, after = (np.rint(first + across * rise).astype(np.int64) for across in halves)
        between = columns[joins - 1][which] + behind
        np.add.at(edges, (np.minimum(before, after), between), 1)
        np.add.at(edges, (np.maximum(before, after) + 1, between), -1)
        dots: NDArray[np.bool_] = np.cumsum(edges[:-1], axis=0) > 0
        return dots

    def _cells_of(self, dots: NDArray[np.bool_]) -> NDArray[np.int32]:
        blocks = dots.reshape(self._height, 4, self._width, 2)
        bits: NDArray[np.int32] = np.einsum("rdcs,ds->rc", blocks.astype(np.int32), _DOT_BITS).astype(np.int32)
        return bits


def _patterned(dots: NDArray[np.bool_], pattern: str) -> NDArray[np.bool_]:
    """``dots`` (rows, columns) of a line without those that its pattern leaves out, where it does not rise steeply."""
    runs = PATTERNS[pattern]
    if not runs:
        return dots
    is_drawn = np.resize(np.repeat(np.arange(len(runs)) % 2 == 0, runs), dots.shape[1])
    kept: NDArray[np.bool_] = dots & (is_drawn | (dots.sum(axis=0) > TALLEST_LEFT_OUT))
    return kept


def _y_axis(layout: _Layout) -> list[list[Segment]]:
    rows: list[list[Segment]] = []
    for row in range(layout.plot_height):
        label = layout.y_ticks.get(row, "")
        rows.append([(label.rjust(layout.gutter - 2) + " ", "label"), ("┤" if label else "│", "axis")])
    return rows


def _x_axis(
    layout: _Layout,
    x_range: tuple[float, float],
    x_label: str,
    marker_x: float | None,
    marks: Sequence[BorderMark],
) -> list[list[Segment]]:
    """The axis line with its ticks and, at its right end, its name; under it the ticks' labels."""
    width = layout.plot_width
    line, labels = ["─"] * width, [" "] * width
    ticks = [tick for tick in linear_ticks(*x_range, max(2, width // 12)) if tick == int(tick)]
    free_from = 0
    for tick, label in zip(ticks, tick_labels(ticks), strict=True):
        column = _column_of(tick, x_range, width)
        line[column] = "┬"
        start = min(max(0, column - len(label) // 2), max(0, width - len(label)))
        if start >= free_from and start + len(label) <= width:
            labels[start : start + len(label)] = label
            free_from = start + len(label) + 2
    styles = ["axis"] * width
    for mark in marks:
        if x_range[0] <= mark.x <= x_range[1]:
            column = _column_of(mark.x, x_range, width)
            line[column], styles[column] = mark.glyph, mark.style
    if marker_x is not None and x_range[0] <= marker_x <= x_range[1]:
        column = _column_of(marker_x, x_range, width)
        line[column], styles[column] = "┴", "best"
    name = cut(x_label, width // 3)
    kept = width - cells(name) - bool(name)
    axis = _runs(line[:kept], styles[:kept])
    corner = " " * (layout.gutter - 1)
    return [
        [(corner, ""), ("└", "axis"), *axis, (" " * bool(name) + name, "label")],
        [(corner + " ", ""), ("".join(labels), "label")],
    ]


def _runs(texts: Sequence[str], styles: Sequence[str]) -> list[Segment]:
    """Neighbouring cells of one style as one segment."""
    segments: list[Segment] = []
    for text, style in zip(texts, styles, strict=True):
        if segments and segments[-1][1] == style:
            segments[-1] = (segments[-1][0] + text, style)
        else:
            segments.append((text, style))
    return segments


def _column_of(x: float, x_range: tuple[float, float], width: int) -> int:
    return round((x - x_range[0]) / (x_range[1] - x_range[0]) * (2 * width - 1)) // 2


def _legend(series: Sequence[ChartSeries], width: int) -> list[Segment]:
    """Glyph and name of every named series, right-aligned; one that has no room is not shown."""
    segments: list[Segment] = []
    room = width
    for one in series:
        glyph = one.glyph if one.kind == "points" else PATTERN_SIGNS[one.pattern]
        text = cut(f"{glyph} {one.name}", 30)
        if one.name and cells(text) + 2 <= room:
            segments += [(text, one.style), ("  ", "")]
            room -= cells(text) + 2
    return [(" " * room, ""), *segments]
