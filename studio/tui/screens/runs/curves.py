"""From a run's series to what its charts draw, and the read-out under the crosshair. No widget here."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from studio.reports.chart import BorderMark, ChartSeries
from studio.reports.mixture import task_word
from studio.reports.numbers import duration, learning_rate, loss, number
from studio.runs.state import RunState
from studio.tui.screens.runs.shelf import Floats, Name, Shelf, x_at
from studio.tui.screens.runs.sight import Sight
from studio.tui.screens.runs.tasks import TaskChoice, TaskCurve, task_curves

X_AXES = ("step", "epoch", "tokens", "time")
SMOOTHING_STEPS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99)
POINT_GLYPHS = "●▲■◆"  # one a run, so that overlaid runs differ without colour
OPEN_GLYPHS = {"▲": "△", "■": "□", "◆": "◇"}
OVERLAY_PATTERNS = ("dashed", "dotted", "dash-dot")  # that of the run under the cursor is solid
LABELS_PER_CURVE = 6
MOST_EVALUATION_GLYPHS = 60
MOST_MARKS = 256  # on the border, where no screen has more columns
# Title of a small chart → name of its series and of its style.
SIDES = {
    "learning rate": ("learning_rate", "bar"),
    "gradient norm": ("grad_norm", "warn"),
    "tokens/s": ("tokens_per_second", "completion"),
}


@dataclass(frozen=True)
class ChartChoice:
    """How a person wants the chart: the keys of the Runs screen change it."""

    x_axis: str = "step"
    smoothing: int = 2  # index into SMOOTHING_STEPS
    log_y: bool = False
    sight: Sight = field(default_factory=Sight)
    tasks: TaskChoice = field(default_factory=TaskChoice)

    @property
    def weight(self) -> float:
        return SMOOTHING_STEPS[self.smoothing]


def curve_names(state: RunState, choice: ChartChoice) -> list[Name]:
    """The curves that the charts of a run are made of, each once."""
    wanted = [("loss", 0.0), ("loss", choice.weight), *((column, 0.0) for column, _ in SIDES.values())]
    return list(dict.fromkeys((state.run_id, column, weight) for column, weight in wanted))


def loss_series(
    state: RunState, choice: ChartChoice, overlaid: Sequence[RunState] = (), shelf: Shelf | None = None
) -> list[ChartSeries]:
    """Training loss (raw dim, smoothed bright) and evaluation loss of ``state``, then of each overlaid run.

    Overlaid runs show the smoothed curve only, each in a pattern of its own; a run's glyph stands on its curve and on
    its evaluations. Where no run is overlaid, so does a task's. The series have no names: the legend beneath the chart,
    which is the crosshair's read-out too, names them. Only what is in sight is in them.
    """
    shelf = shelf or Shelf()
    series = state.series
    x_range = seen_range(state, choice, shelf)
    drawn = []
    for place, other in enumerate(overlaid, start=1):
        style, glyph, pattern = overlay_style(place), overlay_glyph(place), overlay_pattern(place)
        other_x, other_loss = _seen(shelf, other, "loss", choice, choice.weight, x_range)
        drawn.append(ChartSeries("", other_x, other_loss, "line", "", style, pattern))
        drawn.append(_labels(other_x, other_loss, OPEN_GLYPHS[glyph], style))
        drawn += _evaluations(other, choice, choice.tasks.losses(other.series), glyph, style, x_range)
    if choice.weight and not overlaid:
        drawn.append(ChartSeries("", *_seen(shelf, state, "loss", choice, 0.0, x_range), "line", "", "loss-raw"))
    drawn.append(ChartSeries("", *_seen(shelf, state, "loss", choice, choice.weight, x_range), "line", "", "loss"))
    drawn += _task_series(state, choice, tasks_drawn(state, choice, overlaid), x_range)
    drawn += _evaluations(state, choice, choice.tasks.losses(series), POINT_GLYPHS[0], "eval", x_range)
    is_of_all = choice.tasks.only is None  # and the star's height is a loss of all tasks
    if is_of_all and state.best_step is not None and state.best_eval_loss is not None:
        best_x = x_at(series, choice.x_axis, [state.best_step])
        drawn.append(ChartSeries("", best_x, [state.best_eval_loss], "points", "★", "best"))
    return drawn


def seen_range(state: RunState, choice: ChartChoice, shelf: Shelf) -> tuple[float, float] | None:
    """From which x to which the chart shows; None for all that there is."""
    x = shelf.x(state, choice.x_axis)
    if choice.sight == Sight() or not len(x):
        return None
    first, last = choice.sight.part(len(x))
    return float(x[first]), float(x[last])


def border_marks(state: RunState, choice: ChartChoice, shelf: Shelf) -> list[BorderMark]:
    """What has no height: steps whose loss is no number, and warnings."""
    series = state.series
    x = shelf.x(state, choice.x_axis)
    first, last = choice.sight.part(len(x)) if len(x) else (0, -1)
    gone = first + np.flatnonzero(~np.isfinite(np.asarray(series.loss)[first : last + 1]))
    few = gone[_changes((gone - first) * MOST_MARKS // max(1, last - first + 1))]
    warned = x_at(series, choice.x_axis, sorted({step for step, _ in series.warnings if step > 0}))
    return [
        *(BorderMark(float(at), "▲", "warn") for at in warned.tolist()),
        *(BorderMark(float(x[at]), "✗", "bad") for at in few.tolist()),
    ]


def best_x(state: RunState, x_axis: str) -> float | None:
    """Where the best evaluation stands on the x axis, or None while there is none."""
    return None if state.best_step is None else float(x_at(state.series, x_axis, [state.best_step])[0])


def side_series(state: RunState, choice: ChartChoice, shelf: Shelf | None = None) -> dict[str, ChartSeries]:
    """Learning rate, gradient norm and tokens/s; never smoothed, since smoothing invents what is not there."""
    shelf = shelf or Shelf()
    x_range = seen_range(state, choice, shelf)
    return {
        title: ChartSeries("", *_seen(shelf, state, name, choice, 0.0, x_range), "line", "", style)
        for title, (name, style) in SIDES.items()
    }


def overlay_style(place: int) -> str:
    """The style name of the ``place``-th overlaid run, counted from 1."""
    return f"overlay-{(place - 1) % 3 + 1}"


def overlay_glyph(place: int) -> str:
    """The glyph of the ``place``-th overlaid run, counted from 1; never that of the run under the cursor."""
    return POINT_GLYPHS[1:][(place - 1) % (len(POINT_GLYPHS) - 1)]


def overlay_pattern(place: int) -> str:
    """The line pattern of the ``place``-th overlaid run, counted from 1."""
    return OVERLAY_PATTERNS[(place - 1) % len(OVERLAY_PATTERNS)]


def tasks_drawn(state: RunState, choice: ChartChoice, overlaid: Sequence[RunState]) -> list[TaskCurve]:
    """The tasks that have a curve each; none beside overlaid runs, whose glyphs they would have."""
    return task_curves(state.series) if choice.tasks.is_each and not overlaid else []


def read_out(state: RunState, index: int, choice: ChartChoice, shelf: Shelf | None = None) -> str:
    """What the crosshair stands on, in words."""
    shelf = shelf or Shelf()
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
        parts.append(f"smoothed {loss(shelf.curve(state, 'loss', choice.weight)[index])}")
    evaluated = bisect_right(series.eval_step, series.step[index]) - 1
    if evaluated >= 0:
        parts.append(f"eval {loss(series.eval_loss[evaluated])} (step {number(series.eval_step[evaluated])})")
    parts.append(f"rate {learning_rate(series.learning_rate[index])}")
    parts.append(f"grad {loss(series.grad_norm[index])}")
    if evaluated >= 0:
        parts += [f"{task_word(one.task)} {loss(one.losses[evaluated])}" for one in task_curves(series)]
    return " · ".join(parts)


def _seen(
    shelf: Shelf,
    state: RunState,
    name: str,
    choice: ChartChoice,
    weight: float,
    x_range: tuple[float, float] | None,
) -> tuple[Floats, Floats]:
    """x and y of what is in sight of a run's series."""
    x = shelf.x(state, choice.x_axis)
    curve = shelf.curve(state, name, weight)
    if x_range is None:
        return curve.part(x, 0, len(x) - 1)
    first, last = np.searchsorted(x, x_range[0], "left"), np.searchsorted(x, x_range[1], "right") - 1
    return curve.part(x, int(first), int(last)) if last >= first else (x[:0], x[:0])


def _evaluations(
    state: RunState,
    choice: ChartChoice,
    losses: Sequence[float],
    glyph: str,
    style: str,
    x_range: tuple[float, float] | None,
) -> list[ChartSeries]:
    """A glyph at each evaluation in sight; where those would hide the curve a line, with the glyph here and there."""
    x, y = _evaluations_in_sight(state, choice, losses, x_range)
    if len(x) <= MOST_EVALUATION_GLYPHS:
        return [ChartSeries("", x, y, "points", glyph, style)]
    return [ChartSeries("", x, y, "line", "", style), _labels(x, y, glyph, style)]


def _task_series(
    state: RunState, choice: ChartChoice, tasks: Sequence[TaskCurve], x_range: tuple[float, float] | None
) -> list[ChartSeries]:
    """A dotted line through each task's evaluations, and over all of these the tasks' glyphs."""
    lines, points = [], []
    for one in tasks:
        x, y = _evaluations_in_sight(state, choice, one.losses, x_range)
        lines.append(ChartSeries("", x, y, "line", "", one.style, "dotted"))
        few = ChartSeries("", x, y, "points", one.glyph, one.style)
        points.append(few if len(x) <= LABELS_PER_CURVE else _labels(x, y, one.glyph, one.style))
    return lines + points


def _evaluations_in_sight(
    state: RunState, choice: ChartChoice, losses: Sequence[float], x_range: tuple[float, float] | None
) -> tuple[Floats, Floats]:
    steps = state.series.eval_step[: len(losses)]
    x, y = x_at(state.series, choice.x_axis, steps), np.asarray(losses, dtype=np.float64)
    if x_range is None:
        return x, y
    is_seen = (x >= x_range[0]) & (x <= x_range[1])
    return x[is_seen], y[is_seen]


def _labels(x: Floats, y: Floats, glyph: str, style: str) -> ChartSeries:
    """A run's glyph here and there on its curve."""
    at = np.linspace(0, len(x) - 1, LABELS_PER_CURVE).astype(int)[: len(x)]
    at = at[_changes(at)]
    return ChartSeries("", x[at], y[at], "points", glyph, style)


def _changes(rising: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Where each value stands for the first time. ``numpy.unique`` would load 15 ms of numpy into the first frame."""
    is_first = np.ones(len(rising), dtype=np.bool_)
    is_first[1:] = np.diff(rising) > 0
    return is_first
