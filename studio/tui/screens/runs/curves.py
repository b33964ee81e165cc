"""From a run's series to what its charts draw, and the read-out under the crosshair. No widget here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from studio.reports.chart import ChartSeries, smooth
from studio.reports.numbers import duration, learning_rate, loss, number
from studio.runs.watch import RunState, Series

X_AXES = ("step", "epoch", "tokens", "time")
SMOOTHING_STEPS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99)
POINT_GLYPHS = "●▲■◆"  # one a run, so that overlaid runs differ without colour
OPEN_GLYPHS = {"▲": "△", "■": "□", "◆": "◇"}
LABELS_PER_CURVE = 6

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ChartChoice:
    """How a person wants the chart: the keys of the Runs screen change it."""

    x_axis: str = "step"
    smoothing: int = 2  # index into SMOOTHING_STEPS
    log_y: bool = False

    @property
    def weight(self) -> float:
        return SMOOTHING_STEPS[self.smoothing]


def x_values(series: Series, x_axis: str) -> Floats:
    """The x of every step: its number, epoch, tokens or seconds since the start."""
    columns: dict[str, Sequence[float]] = {
        "step": series.step, "epoch": series.epoch, "tokens": series.tokens, "time": series.seconds
    }  # fmt: skip
    return np.asarray(columns[x_axis], dtype=np.float64)


def x_at(series: Series, x_axis: str, steps: Sequence[int]) -> Floats:
    """The x of ``steps``, for what is noted by step: evaluations, the best checkpoint."""
    if x_axis == "step" or not series.step:
        return np.asarray(steps, dtype=np.float64)
    return np.asarray(np.interp(steps, series.step, x_values(series, x_axis)), dtype=np.float64)


def loss_series(state: RunState, choice: ChartChoice, overlaid: Sequence[RunState] = ()) -> list[ChartSeries]:
    """Training loss (raw dim, smoothed bright) and evaluation loss of ``state``, then of each overlaid run.

    Overlaid runs show the smoothed curve only; a run's glyph stands on its curve and on its evaluations. The series
    have no names: the legend beneath the chart, which is the crosshair's read-out too, names them.
    """
    series = state.series
    x = x_values(series, choice.x_axis)
    drawn = []
    for place, other in enumerate(overlaid, start=1):
        style, glyph = overlay_style(place), overlay_glyph(place)
        other_x = x_values(other.series, choice.x_axis)
        other_loss = smoothed(other.series.loss, choice.weight)
        drawn.append(ChartSeries("", other_x, other_loss, "line", "", style))
        drawn.append(_labels(other_x, other_loss, OPEN_GLYPHS[glyph], style))
        drawn.append(_evaluations(other, choice.x_axis, glyph, style))
    if choice.weight and not overlaid:
        drawn.append(ChartSeries("", x, series.loss, "line", "", "loss-raw"))
    drawn.append(ChartSeries("", x, smoothed(series.loss, choice.weight), "line", "", "loss"))
    drawn.append(_evaluations(state, choice.x_axis, POINT_GLYPHS[0], "eval"))
    if state.best_step is not None and state.best_eval_loss is not None:
        best_x = x_at(series, choice.x_axis, [state.best_step])
        drawn.append(ChartSeries("", best_x, [state.best_eval_loss], "points", "★", "best"))
    return drawn


def best_x(state: RunState, x_axis: str) -> float | None:
    """Where the best evaluation stands on the x axis, or None while there is none."""
    return None if state.best_step is None else float(x_at(state.series, x_axis, [state.best_step])[0])


def side_series(state: RunState, x_axis: str) -> dict[str, ChartSeries]:
    """Learning rate, gradient norm and tokens/s; never smoothed, since smoothing invents what is not there."""
    series = state.series
    x = x_values(series, x_axis)
    columns = {
        "learning rate": (series.learning_rate, "bar"),
        "gradient norm": (series.grad_norm, "warn"),
        "tokens/s": (series.tokens_per_second, "completion"),
    }
    return {name: ChartSeries("", x, values, "line", "", style) for name, (values, style) in columns.items()}


def smoothed(values: Sequence[float], weight: float) -> Floats:
    raw = np.asarray(values, dtype=np.float64)
    return np.asarray(smooth(raw, weight), dtype=np.float64) if weight else raw


def overlay_style(place: int) -> str:
    """The style name of the ``place``-th overlaid run, counted from 1."""
    return f"overlay-{(place - 1) % 3 + 1}"


def overlay_glyph(place: int) -> str:
    """The glyph of the ``place``-th overlaid run, counted from 1; never that of the run under the cursor."""
    return POINT_GLYPHS[1:][(place - 1) % (len(POINT_GLYPHS) - 1)]


def read_out(state: RunState, index: int, choice: ChartChoice) -> str:
    """What the crosshair stands on, in words."""
    series = state.series
    index = max(0, min(index, len(series.step) - 1))
    parts = [
        f"step {number(series.step[index])}",
        f"epoch {series.epoch[index]:.2f}",
        f"{number(series.tokens[index])} tokens",
        duration(series.seconds[index]),
        f"loss {loss(series.loss[index])}",
    ]
    if choice.weight:
        parts.append(f"smoothed {loss(float(smoothed(series.loss, choice.weight)[index]))}")
    evaluated = [at for at, step in enumerate(series.eval_step) if step <= series.step[index]]
    if evaluated:
        parts.append(f"eval {loss(series.eval_loss[evaluated[-1]])} (step {number(series.eval_step[evaluated[-1]])})")
    parts.append(f"rate {learning_rate(series.learning_rate[index])}")
    parts.append(f"grad {loss(series.grad_norm[index])}")
    return " · ".join(parts)


def _evaluations(state: RunState, x_axis: str, glyph: str, style: str) -> ChartSeries:
    return ChartSeries(
        "", x_at(state.series, x_axis, state.series.eval_step), state.series.eval_loss, "points", glyph, style
    )


def _labels(x: Floats, y: Floats, glyph: str, style: str) -> ChartSeries:
    """A run's glyph here and there on its curve."""
    at = np.unique(np.linspace(0, len(x) - 1, LABELS_PER_CURVE).astype(int)) if len(x) else np.array([], dtype=int)
    return ChartSeries("", x[at], y[at], "points", glyph, style)
