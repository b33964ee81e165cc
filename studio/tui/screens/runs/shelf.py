"""The curves of the runs in sight, kept from one frame to the next: a frame looks only at what is new or in sight."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from studio.reports.thinning import Curve
from studio.runs.series import Series
from studio.runs.state import RunState

Floats = NDArray[np.float64]
Name = tuple[str, str, float]  # of a curve: the run, the series, what smooths it
Curves = dict[Name, Curve]

# Of so many values more a curve is grown within a frame: some milliseconds. Of more it is read in a thread.
MOST_IN_A_FRAME = 50_000


def read_curves(state: RunState, names: Sequence[Name]) -> Curves:
    """These curves of a run, from its first value on; for a thread, as it looks at nothing that is shared."""
    curves: Curves = {}
    for name in names:
        _, column, smoothed_by = name
        curves[name] = Curve(smoothed_by)
        curves[name].grow(np.asarray(getattr(state.series, column), dtype=np.float64))
    return curves


class Shelf:
    """A run that is looked at no more can be put away with ``keep_only``."""

    def __init__(self) -> None:
        self._curves: Curves = {}
        self._x: dict[tuple[str, str], tuple[Series, int, Floats]] = {}

    def curve(self, state: RunState, name: str, smoothed_by: float = 0.0) -> Curve:
        """The series ``name`` of a run as it is now."""
        curve = self._curves.setdefault((state.run_id, name, smoothed_by), Curve(smoothed_by))
        curve.grow(np.asarray(getattr(state.series, name), dtype=np.float64))
        return curve

    def unread(self, state: RunState, names: Iterable[Name]) -> list[Name]:
        """Those of the run's curves that have grown by more than a frame can take in, or were never read."""
        steps = len(state.series.step)
        return [name for name in names if abs(steps - len(self._curves.get(name, ()))) > MOST_IN_A_FRAME]

    def put(self, curves: Curves) -> None:
        """Take what was read elsewhere."""
        self._curves |= curves

    def x(self, state: RunState, x_axis: str) -> Floats:
        """``x_values`` of the run, made once for each look at it."""
        series, steps = state.series, len(state.series.step)
        kept = self._x.get((state.run_id, x_axis))
        if kept is None or kept[0] is not series or kept[1] != steps:
            kept = self._x[state.run_id, x_axis] = series, steps, x_values(series, x_axis)
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
    return np.array(columns[x_axis], dtype=np.float64)


def x_at(series: Series, x_axis: str, steps: Sequence[int]) -> Floats:
    """The x of ``steps``, for what is noted by step: evaluations, the best checkpoint."""
    if x_axis == "step" or not series.step:
        return np.asarray(steps, dtype=np.float64)
    return np.asarray(np.interp(steps, series.step, x_values(series, x_axis)), dtype=np.float64)
