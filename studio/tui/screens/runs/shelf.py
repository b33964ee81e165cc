"""The curves of the runs in sight, kept from one frame to the next: a frame looks only at what is new or in sight."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from studio.reports.thinning import Curve
from studio.runs.series import Series
from studio.runs.state import RunState

Floats = NDArray[np.float64]


class Shelf:
    """A run that is looked at no more can be put away with ``keep_only``."""

    def __init__(self) -> None:
        self._curves: dict[tuple[str, str, float], Curve] = {}
        self._x: dict[tuple[str, str], tuple[Series, int, Floats]] = {}

    def curve(self, state: RunState, name: str, smoothed_by: float = 0.0) -> Curve:
        """The series ``name`` of a run as it is now."""
        curve = self._curves.setdefault((state.run_id, name, smoothed_by), Curve(smoothed_by))
        curve.grow(np.asarray(getattr(state.series, name), dtype=np.float64))
        return curve

    def x(self, state: RunState, x_axis: str) -> Floats:
        """``x_values`` of the run, made once for each look at it."""
        series, steps = state.series, len(state.series.step)
        kept = self._x.get((state.run_id, x_axis))
        if kept is None or kept[0] is not series or kept[1] != steps:
            kept = self._x[state.run_id, x_axis] = series, steps, x_values(series, x_axis).copy()
        return kept[2]

    def keep_only(self, run_ids: Sequence[str], weight: float) -> None:
        """Put away the curves of other runs, and those smoothed otherwise."""
        kept = set(run_ids)
        self._curves = {key: curve for key, curve in self._curves.items() if key[0] in kept and key[2] in (0.0, weight)}


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
