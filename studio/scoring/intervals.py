"""Scores with their intervals: of each scorer over a set of rows, for every arm at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from studio.scoring.one_answer import AnswerScores, Settings
from studio.scoring.scored_rows import HeldOutRow, ScoredRows
from studio.scoring.scorers.scorer import Floats, Scorer
from studio.scoring.sources import groups_of
from studio.scoring.statistics import bootstrap_mean, paired_bootstrap, resampled_sums, sums_by_group, tails, wilson


@dataclass(frozen=True)
class Interval:
    """A score over ``n`` rows with its 95 % interval ``low`` to ``high``, in its scorer's unit; see ``interval_of``."""

    score: float
    low: float
    high: float
    n: int


def interval_of(values: Sequence[float], *, is_binary: bool, groups: Sequence[int] = ()) -> Interval:
    """Mean and 95 % interval of scores in 0..1, of which there is at least one.

    Scores that are 0 or 1 take Wilson's interval, all others a seeded percentile bootstrap of the mean. Where all rows
    score the same, a bootstrap would claim certainty: the interval is then Wilson's for that mean, which is never too
    narrow, since of all scores in 0..1 with one mean those of 0 and 1 vary the most. One row that scores neither 0 nor
    1 says nothing: 0 to 1. groups: per row the source that it shares with others; then all take a bootstrap of sources.
    """
    if len(groups) and min(values) < max(values):
        mean, low, high = paired_bootstrap(values, np.zeros(len(values)).tolist(), groups=groups)
        return Interval(mean, low, high, len(values))
    simple = _without_bootstrap(values, is_binary=is_binary)
    return simple or Interval(float(np.mean(values)), *bootstrap_mean(values), len(values))


@dataclass(frozen=True)
class _Figure:
    """A figure of one arm by one scorer, ready to be resampled: what is summed, and what the sums make.

    ``is_of_row``: which of the rows it is of. ``columns``: their counts, (rows it is of, counts).
    """

    arm: str
    scorer: Scorer
    is_of_row: NDArray[np.bool_]
    columns: Floats
    made_of: Callable[[Floats], Floats]
    n: int

    def of_samples(self, sums: Floats) -> Interval:
        """The figure with its percentile interval, from sums over resamples, (resamples, counts)."""
        score = float(self.made_of(self.columns.sum(axis=0)))
        low, high = (float(end) for end in np.quantile(self.made_of(sums), tails()))
        if low == high and self.scorer.unit == "points":  # as in ``interval_of``: alike is not certain
            low, high = wilson(score * self.n, self.n)
        return Interval(score, min(low, score), max(high, score), self.n)


def intervals_over(
    scored: ScoredRows, rows: Sequence[HeldOutRow], scorers: Sequence[Scorer]
) -> dict[str, dict[str, Interval]]:
    """Per arm, an interval per scorer over ``rows``, in the order of ``scorers``, without those that apply to no row.

    A pooled figure takes a percentile bootstrap of itself, and needs two rows that are counted alike. All bootstraps
    over the same rows use the same draws, so that these are made once. Where rows share sources, sources are drawn.
    """
    groups = groups_of(rows)
    found: dict[str, dict[str, Interval]] = {arm: {} for arm in scored.arms}
    waiting: dict[bytes, list[_Figure]] = {}
    for scorer in scorers:
        for arm, answers in scored.answers.items():
            if scorer.pooled and not scorer.is_binary:
                figure = _pooled_figure(arm, scorer, answers, rows, scored.settings)
            else:
                values = [answers[row.example_id].scores[scorer.name] for row in rows]
                known = [value for value in values if value is not None]
                is_binary = scorer.is_binary and not groups
                if known and (interval := _without_bootstrap(known, is_binary=is_binary)):
                    found[arm][scorer.name] = interval
                    continue
                figure = _mean_figure(arm, scorer, values)
            if figure is not None:
                waiting.setdefault(figure.is_of_row.tobytes(), []).append(figure)
    for together in waiting.values():
        columns = np.hstack([figure.columns for figure in together])
        if groups:
            of_rows = [group for group, is_of in zip(groups, together[0].is_of_row, strict=True) if is_of]
            columns = np.stack([sums_by_group(column, of_rows) for column in columns.T], axis=1)
        sums = resampled_sums(columns)
        ends = np.cumsum([figure.columns.shape[1] for figure in together])[:-1]
        for figure, of_figure in zip(together, np.split(sums, ends, axis=1), strict=True):
            found[figure.arm][figure.scorer.name] = figure.of_samples(of_figure)
    return {arm: {one.name: of[one.name] for one in scorers if one.name in of} for arm, of in found.items()}


def _without_bootstrap(values: Sequence[float], *, is_binary: bool) -> Interval | None:
    n, mean = len(values), float(np.mean(values))
    if is_binary or mean in (0.0, 1.0) or (n > 1 and min(values) == max(values)):
        return Interval(mean, *wilson(sum(values), n), n)
    return Interval(mean, 0.0, 1.0, n) if n == 1 else None


def _mean_figure(arm: str, scorer: Scorer, values: Sequence[float | None]) -> _Figure | None:
    data = np.array(values, dtype=np.float64)  # None becomes NaN
    is_of_row = ~np.isnan(data)
    if not is_of_row.any():
        return None
    known = data[is_of_row]
    columns = np.stack([known, np.ones(len(known))], axis=1)  # sources that are drawn have any number of rows
    return _Figure(arm, scorer, is_of_row, columns, lambda sums: sums[..., 0] / sums[..., 1], len(known))


def _pooled_figure(
    arm: str,
    scorer: Scorer,
    answers: Mapping[int, AnswerScores],
    rows: Sequence[HeldOutRow],
    settings: Mapping[str, Settings],
) -> _Figure | None:
    """None where the tasks are counted in different ways, or fewer than two rows are counted at all."""
    pooled = scorer.pooled
    ways = {settings[row.task].get(scorer.name) for row in rows}
    if pooled is None or len(ways) != 1 or None in ways:
        return None
    (setting,) = ways
    counts = [answers[row.example_id].counts.get(scorer.name) for row in rows]
    known = [of for of in counts if of is not None]
    if len(known) < 2:
        return None
    is_of_row = np.array([of is not None for of in counts])
    figure = pooled.figure
    columns = np.array(known, dtype=np.float64)
    return _Figure(arm, scorer, is_of_row, columns, lambda sums: figure(sums, setting), len(known))
