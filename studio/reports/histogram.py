"""How long the rows are: bars over the number of tokens, with the limit drawn in."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from studio.reports.cells import Segment, cut, fit
from studio.reports.numbers import number
from studio.reports.ticks import linear_ticks, tick_labels

_EIGHTHS = " ▁▂▃▄▅▆▇█"
LONGEST_SHARE = 0.995
LOWEST_WITH_AXIS = 3
LOWEST_WITH_LABEL_ROW = 4
NARROWEST_WITH_LIMIT = 3


def histogram(counts: ArrayLike, width: int, height: int, limit: int | None = None) -> list[list[Segment]]:
    """``height`` rows of segments (text, style name) that each fill ``width`` cells, the last one the axis' labels.

    ``counts`` are tokens per row of the dataset, whole numbers of 0 or more. A bar shows rows per number of tokens, so
    that columns which happen to cover one number more do not stick out; what is not empty shows at least ``▁``. The
    longest half percent is gathered in the last column (labelled ``+``) where it would squeeze the rest. The limit is
    a line with its value; far right of all bars it stands at the edge with an arrow.

    Styles: ``bar`` up to the limit, ``bar-over`` beyond it, ``limit``, ``label``, ``dim``.
    """
    if width <= 0 or height <= 0:
        return []
    tokens = np.asarray(counts, dtype=np.int64)
    if not len(tokens):
        text = cut("no rows to count", width)
        blank: list[list[Segment]] = [[(" " * width, "")] for _ in range(height)]
        blank[height // 2] = [(fit(" " * ((width - len(text)) // 2) + text, width), "dim")]
        return blank
    end, is_gathered = _axis_end(tokens, limit)
    scale = _scale(end, width, limit if width >= NARROWEST_WITH_LIMIT else None)
    bar_height = height - 1 if height >= LOWEST_WITH_AXIS else height
    has_label_row = scale.line is not None and bar_height >= LOWEST_WITH_LABEL_ROW
    levels = _levels(np.minimum(tokens, end - 1), scale, bar_height - has_label_row)
    rows = [_bar_row(levels - 8 * (bar_height - 1 - row), scale) for row in range(bar_height)]
    if limit is not None and scale.line is not None:
        rows[0] = _with_limit_label(rows[0], limit, is_beyond=limit >= end)
    if height >= LOWEST_WITH_AXIS:
        rows.append([(_axis_labels(end, width, scale, is_gathered), "label")])
    return rows


@dataclass(frozen=True)
class _Scale:
    """``edges``: first number of tokens of every bar and, last, the end. ``line``: the limit's column, between bars.

    The line has a column of its own and stands between the limit and the next number, so that no bar has rows of both
    sides and a heap exactly at the limit is not hidden.
    """

    edges: NDArray[np.int64]
    line: int | None

    def column_of(self, tokens: int) -> int:
        bar = int(np.searchsorted(self.edges, tokens, side="right")) - 1
        return bar + (self.line is not None and bar >= self.line)


def _scale(end: int, width: int, limit: int | None) -> _Scale:
    if limit is None:
        return _Scale(np.arange(width + 1) * end // width, None)
    split = min(limit + 1, end)
    bars = width - 1
    left = bars if split == end else min(bars - 1, max(1, round(bars * split / end)))
    edges = np.arange(left + 1) * split // left
    if left < bars:
        edges = np.concatenate([edges[:-1], split + np.arange(bars - left + 1) * (end - split) // (bars - left)])
    return _Scale(edges, left)


def _axis_end(tokens: NDArray[np.int64], limit: int | None) -> tuple[int, bool]:
    """First number of tokens right of the axis, and whether longer rows are gathered in its last column."""
    longest, usual = int(tokens.max()), float(np.quantile(tokens, LONGEST_SHARE))
    shown = longest if longest <= 2 * usual else math.ceil(1.2 * usual)
    if limit is not None and shown < limit <= 2 * shown:
        shown = math.ceil(limit * 1.05)
    if limit is not None and shown < limit * 1.15 and limit < longest:
        shown = math.ceil(limit * 1.15)  # rows beyond the limit are never gathered out of sight
    return shown + 1, shown < longest


def _levels(tokens: NDArray[np.int64], scale: _Scale, bar_height: int) -> NDArray[np.int64]:
    """Height of every bar in eighths of a cell."""
    below = np.concatenate([[0], np.cumsum(np.bincount(tokens, minlength=int(scale.edges[-1])))])
    first = scale.edges[:-1]
    last = np.maximum(first + 1, scale.edges[1:])
    density = (below[last] - below[first]) / (last - first)
    levels = np.rint(density / density.max() * 8 * bar_height).astype(np.int64)
    return np.where(density > 0, np.maximum(levels, 1), 0)


def _bar_row(eighths: NDArray[np.int64], scale: _Scale) -> list[Segment]:
    text = "".join(_EIGHTHS[level] for level in np.clip(eighths, 0, 8).tolist())
    if scale.line is None:
        return [(text, "bar")]
    return [(text[: scale.line], "bar"), ("│", "limit"), (text[scale.line :], "bar-over")]


def _with_limit_label(row: list[Segment], limit: int, *, is_beyond: bool) -> list[Segment]:
    """The limit's value beside its line, on the side where no bar is in the way.

    From ``LOWEST_WITH_LABEL_ROW`` rows on the top one is free of bars. In fewer, and with bars on both sides, there
    is no label.
    """
    left, line, right = (text for text, _ in row)
    after, before = f" {number(limit)}", f"{number(limit)}{' →' if is_beyond else ''} "
    if not is_beyond and not right[: len(after)].strip() and len(right) >= len(after):
        return [(left, "bar"), (line + after, "limit"), (right[len(after) :], "bar-over")]
    if len(left) >= len(before) and not left[-len(before) :].strip():
        return [(left[: -len(before)], "bar"), (before + line, "limit"), (right, "bar-over")]
    return row


def _axis_labels(end: int, width: int, scale: _Scale, is_gathered: bool) -> str:
    cells = [" "] * width
    last_label = f"{number(end - 1)}+" if is_gathered else ""
    free_until = width - len(last_label) - (2 if last_label else 0)
    ticks = linear_ticks(0, end - 1, max(2, width // 10)) if end > 1 else [0.0]
    ticks = [tick for tick in ticks if tick == int(tick)]
    free_from = 0
    for tick, label in zip(ticks, tick_labels(ticks), strict=True):
        start = max(0, scale.column_of(int(tick)) - (len(label) - 1) // 2)
        if start >= free_from and start + len(label) <= free_until:
            cells[start : start + len(label)] = label
            free_from = start + len(label) + 2
    text = "".join(cells)
    return fit(text[: width - len(last_label)] + last_label, width)
