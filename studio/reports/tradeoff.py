"""Quality against what it costs: every arm a point with its interval, and the frontier of those that nothing beats.

The points are made once; a screen draws them in cells (here), a report as SVG (``reports/page``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from studio.reports.cells import Segment, cells, fit
from studio.reports.numbers import latency, money, number, percent
from studio.reports.ticks import linear_ticks, log_ticks, tick_labels
from studio.scoring.comparison import ArmSummary, Comparison
from studio.scoring.intervals import Interval

WIDE_RANGE = 10  # the dearest over the cheapest from which the axis is logarithmic
LEAST_WIDTH, LEAST_HEIGHT = 24, 5
SHARE_OF_A_SCORE = 100
_UP, _ALONG = "┊", "╌"  # of the frontier


@dataclass(frozen=True)
class Price:
    """What an arm takes per answer: ``of`` gives it, None where it is not known; ``words`` writes it."""

    name: str
    title: str
    of: Callable[[ArmSummary], float | None]
    words: Callable[[float | None], str]


PRICES: tuple[Price, ...] = (
    Price("context", "prompt tokens", lambda arm: arm.prompt_tokens_mean, number),
    Price("latency", "median seconds an answer", lambda arm: arm.latency_p50_seconds, latency),
    Price("cost", "cost of 1,000 answers", lambda arm: arm.effort.cost.value if arm.effort.cost else None, money),
)


@dataclass(frozen=True)
class TradePoint:
    """An arm at what it takes (``x``) with its score in 0..1. ``number`` is its place among the arms, from 1.

    ``is_frontier``: no other arm scores as high or higher for as little or less, by the scores as they are measured.
    """

    number: int
    arm: str
    x: float
    score: Interval
    is_frontier: bool


@dataclass(frozen=True)
class Scale:
    """Where a value stands on an axis, 0 to 1; logarithmic where the range is wide."""

    low: float
    high: float
    is_log: bool = False

    def at(self, value: float) -> float:
        if self.is_log:
            return (math.log(value) - math.log(self.low)) / (math.log(self.high) - math.log(self.low))
        return (value - self.low) / (self.high - self.low)

    def ticks(self, most: int) -> list[float]:
        return log_ticks(self.low, self.high, most) if self.is_log else linear_ticks(self.low, self.high, most)


def prices_known(comparison: Comparison) -> list[Price]:
    """Those of ``PRICES`` that are known of two arms or more: one point is no choice."""
    return [price for price in PRICES if sum(price.of(arm) is not None for arm in comparison.arms.values()) > 1]


def trade_points(comparison: Comparison, price: Price, scores: dict[str, Interval]) -> list[TradePoint]:
    """The arms in their order, without those whose price or score is not known. ``scores`` are by arm."""
    known = [
        (place, arm.arm, x, scores[arm.arm])
        for place, arm in enumerate(comparison.arms.values(), start=1)
        if arm.arm in scores and (x := price.of(arm)) is not None
    ]
    return [
        TradePoint(place, arm, x, score, not any(_beats(other, (x, score.score)) for other in _places(known)))
        for place, arm, x, score in known
    ]


def frontier(points: Iterable[TradePoint]) -> list[TradePoint]:
    """The points of the frontier from the cheapest to the dearest, each better than the one before."""
    return sorted((point for point in points if point.is_frontier), key=lambda point: (point.x, point.score.score))


def scales(points: Sequence[TradePoint]) -> tuple[Scale, Scale]:
    """Of x and of the score, with room for every interval. ``points`` are one or more."""
    xs = [point.x for point in points]
    low, high = min(xs), max(xs)
    is_log = low > 0 and high / low >= WIDE_RANGE
    if high == low:
        low, high = low - (abs(low) / 2 or 1.0), high + (abs(high) / 2 or 1.0)
    least = min(point.score.low for point in points) * SHARE_OF_A_SCORE
    most = max(point.score.high for point in points) * SHARE_OF_A_SCORE
    bottom, top = math.floor(least / 10) * 10.0, math.ceil(most / 10) * 10.0
    return Scale(low, high, is_log), Scale(bottom, max(top, bottom + 10))


def drawn(points: Sequence[TradePoint], price: Price, width: int, height: int) -> list[list[Segment]]:
    """The plot in ``width`` × ``height`` cells: an arm is the figure of its place, its interval a stroke through it.

    Arms of one price stand side by side, so that none hides another. The dotted steps are the frontier. Without a
    point, or without room, a sentence.
    """
    if not points or width < LEAST_WIDTH or height < LEAST_HEIGHT:
        words = "nothing to draw" if not points else "no room to draw"
        return [[(fit(words, width), "dim")]]
    x_scale, y_scale = scales(points)
    rows = height - 2
    ticks = y_scale.ticks(max(2, rows // 3))
    labels = dict(zip((_row(tick, y_scale, rows) for tick in ticks), tick_labels(ticks), strict=True))
    gutter = max(map(len, labels.values()), default=0)
    plot = _Plot(width - gutter - 2, rows)
    columns = _columns(points, x_scale, plot.width)
    plot.draw_frontier(frontier(points), columns, y_scale)
    for point in points:
        plot.draw_interval(point, columns[point.number], y_scale)
    for point in points:
        plot.draw_name(point, columns[point.number], y_scale)
    lines = [
        [(f"{labels.get(row, ''):>{gutter}} ", "label"), ("┤" if row in labels else "│", "axis"), *plot.line(row)]
        for row in range(rows)
    ]
    return [*lines, *_x_axis(x_scale, price, gutter, plot.width)]


def legend(points: Sequence[TradePoint], price: Price) -> list[list[Segment]]:
    """Each arm in words: its figure, its name, its score, what it takes."""
    return [
        [
            (f"{point.number} ", "key"),
            (point.arm, "bold" if point.is_frontier else "dim"),
            (f" {percent(point.score.score)} {price.words(point.x)}", "" if point.is_frontier else "dim"),
        ]
        for point in points
    ]


def _places(known: Sequence[tuple[int, str, float, Interval]]) -> list[tuple[float, float]]:
    return [(x, score.score) for _, _, x, score in known]


def _beats(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one != other and one[0] <= other[0] and one[1] >= other[1]


def _row(score_of_100: float, scale: Scale, rows: int) -> int:
    return rows - 1 - round(scale.at(score_of_100) * (rows - 1))


def _columns(points: Sequence[TradePoint], scale: Scale, width: int) -> dict[int, int]:
    """By number of the arm: its column, or the next free one where another stands there."""
    taken: dict[int, int] = {}
    for point in sorted(points, key=lambda point: (point.x, point.number)):
        wanted = 1 + round(scale.at(point.x) * (width - 3))
        around = sorted(range(1, width - 1), key=lambda column: (abs(column - wanted), column < wanted))
        free = (column for column in around if all(abs(column - other) > 1 for other in taken.values()))
        taken[point.number] = next(free, wanted)
    return taken


class _Plot:
    """Cells with a style each; what is drawn later stands over what was drawn before."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._cells: dict[tuple[int, int], tuple[str, str]] = {}

    def draw_frontier(self, points: Sequence[TradePoint], columns: dict[int, int], scale: Scale) -> None:
        """Steps: as good as the cheaper arm, until what the better one takes is spent."""
        ends = [*(columns[point.number] for point in points[1:]), self.width]
        below = None
        for point, end in zip(points, ends, strict=True):
            row, column = _row(point.score.score * SHARE_OF_A_SCORE, scale, self.height), columns[point.number]
            for step in range(row, self.height if below is None else below):
                self._cells[step, column] = (_UP, "axis")
            for step in range(column, end):
                self._cells[row, step] = (_ALONG, "axis")
            below = row

    def draw_interval(self, point: TradePoint, column: int, scale: Scale) -> None:
        style = "good" if point.is_frontier else "dim"
        top, row, bottom = (
            _row(share * SHARE_OF_A_SCORE, scale, self.height)
            for share in (point.score.high, point.score.score, point.score.low)
        )
        for step in range(top, bottom + 1):
            self._cells[step, column] = ("│", style)
        self._cells[top, column], self._cells[bottom, column] = ("┬", style), ("┴", style)
        self._cells[row, column] = (str(point.number), "accept" if point.is_frontier else "dim")

    def draw_name(self, point: TradePoint, column: int, scale: Scale) -> None:
        """Beside its figure, where nothing else stands; the legend names it in any case."""
        name = " " + point.arm
        row = _row(point.score.score * SHARE_OF_A_SCORE, scale, self.height)
        for start in (column + 1, column - cells(name) - 1):
            places = [(row, start + offset) for offset in range(cells(name))]
            is_inside = start >= 0 and start + len(places) <= self.width
            if is_inside and len(name) == len(places) and all(self._is_free(place) for place in places):
                text = name if start > column else name[1:] + " "
                style = "" if point.is_frontier else "dim"
                self._cells |= {place: (letter, style) for place, letter in zip(places, text, strict=True)}
                return

    def _is_free(self, place: tuple[int, int]) -> bool:
        return self._cells.get(place, (_UP, ""))[0] in (_UP, _ALONG)

    def line(self, row: int) -> list[Segment]:
        return [self._cells.get((row, column), (" ", "")) for column in range(self.width)]


def _x_axis(scale: Scale, price: Price, gutter: int, width: int) -> list[list[Segment]]:
    line, under = ["─"] * width, [" "] * width
    free_from = 0
    for tick in scale.ticks(max(2, width // 12)):
        column = 1 + round(scale.at(tick) * (width - 3))
        label = price.words(tick)
        start = min(max(0, column - len(label) // 2), width - len(label))
        line[column] = "┬"
        if start >= free_from:
            under[start : start + len(label)] = label
            free_from = start + len(label) + 2
    corner = " " * (gutter + 1)
    return [[(corner, ""), ("└" + "".join(line), "axis")], [(corner + " ", ""), ("".join(under), "label")]]
