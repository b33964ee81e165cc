"""Two arms on the same rows: how far apart they are, how sure that is, and what looking at several pairs costs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from studio.scoring.scorers.scorer import Scorer
from studio.scoring.statistics import (
    holm,
    mcnemar_exact,
    paired_bootstrap,
    paired_permutation,
    paired_share_difference,
    sums_by_group,
)

SIGNIFICANT = 0.05

Groups = Sequence[int]  # per row, the source that it shares with others of the same number


@dataclass(frozen=True)
class RowScores:
    """Per arm, the scores of the same rows in the same order, by one scorer; ``groups`` is empty for unshared rows."""

    scorer: Scorer
    values: Mapping[str, Sequence[float]]
    groups: Groups = ()

    @property
    def rows(self) -> int:
        return max((len(values) for values in self.values.values()), default=0)

    def p_value(self, a: str, b: str) -> float:
        """Two-sided, of no difference: exact McNemar for yes-or-no scores, else a permutation test of signs.

        Where rows share sources the sign of a whole source's difference could as well be the other, not of a row's.
        """
        ours, theirs = self.values[a], self.values[b]
        if self.groups:
            difference = sums_by_group(np.subtract(ours, theirs), self.groups)
            return paired_permutation(difference, np.zeros(len(difference)))
        if self.scorer.is_binary:
            both = list(zip(ours, theirs, strict=True))
            return mcnemar_exact(sum(x > y for x, y in both), sum(x < y for x, y in both))
        return paired_permutation(ours, theirs)

    def difference(self, a: str, b: str) -> tuple[float, float, float]:
        """Mean of ``a - b`` with its 95 % interval, which never claims certainty.

        Of yes-or-no scores it is Bonett and Price's, of others a bootstrap, over sources where rows share them. Where
        all rows differ alike a bootstrap has no width: it is then as wide as that of shares of which none differs.
        """
        ours, theirs = self.values[a], self.values[b]
        n, mean = len(ours), _mean(ours) - _mean(theirs)
        if self.scorer.is_binary and not self.groups:
            b_count, c_count = (
                sum(x > y for x, y in zip(*pair, strict=True)) for pair in ((ours, theirs), (theirs, ours))
            )
            low, high = paired_share_difference(b_count, c_count, n)
        elif n > 1:
            _, low, high = paired_bootstrap(ours, theirs, groups=self.groups)
        else:
            low = high = mean
        if low == high:
            below, above = paired_share_difference(0, 0, len(set(self.groups)) or n)
            low, high = max(-1.0, mean + below), min(1.0, mean + above)
        return mean, min(low, mean), max(high, mean)

    def compared(self, tuned: Sequence[str], others: Sequence[str], best_tuned: str, best_other: str) -> Contrast:
        """The best tuned arm against the best other, p corrected for that the better of the two was chosen.

        It was chosen from all arms of its kind, by looking at these rows: Holm over that kind against the other's best.
        """
        is_worse = _mean(self.values[best_other]) > _mean(self.values[best_tuned])
        rivals, chosen, fixed = (others, best_other, best_tuned) if is_worse else (tuned, best_tuned, best_other)
        adjusted = holm([self.p_value(arm, fixed) for arm in rivals])[list(rivals).index(chosen)]
        return self.contrast(best_tuned, best_other, adjusted, len(rivals))

    def contrast(self, a: str, b: str, p_adjusted: float, looks: int) -> Contrast:
        """How ``a`` differs from ``b``, with the p-value that the caller corrected for ``looks`` looks."""
        ours, theirs = self.values[a], self.values[b]
        difference, low, high = self.difference(a, b)
        return Contrast(
            a=a,
            b=b,
            scorer=self.scorer.name,
            n=len(ours),
            difference=difference,
            low=low,
            high=high,
            p_value=self.p_value(a, b),
            p_adjusted=p_adjusted,
            looks=looks,
            fixed=sum(x > y for x, y in zip(ours, theirs, strict=True)),
            broken=sum(x < y for x, y in zip(ours, theirs, strict=True)),
        )


@dataclass(frozen=True)
class Contrast:
    """Arm ``a`` against arm ``b`` over ``n`` rows by one scorer.

    ``difference`` is the mean of a's score less b's, -1..1, with its 95 % interval. ``p_value`` is two-sided,
    ``p_adjusted`` Holm's of ``looks`` comparisons. ``fixed`` counts the rows where a scores higher, ``broken`` lower.
    """

    a: str
    b: str
    scorer: str
    n: int
    difference: float
    low: float
    high: float
    p_value: float
    p_adjusted: float
    looks: int
    fixed: int
    broken: int

    @property
    def is_shown(self) -> bool:
        return self.p_adjusted < SIGNIFICANT


def contrasts_of(scores: RowScores, tuned: Sequence[str], others: Sequence[str], best: str) -> tuple[Contrast, ...]:
    """Every tuned arm against every other, p adjusted by Holm over all; without both kinds, best against rest."""
    if not scores.rows:
        return ()
    pairs = [(a, b) for a in tuned for b in others] or [(best, arm) for arm in scores.values if arm != best]
    adjusted = holm([scores.p_value(a, b) for a, b in pairs])
    return tuple(scores.contrast(a, b, p, len(pairs)) for (a, b), p in zip(pairs, adjusted, strict=True))


def task_contrasts(
    tasks: Mapping[str, RowScores], tuned: Sequence[str], others: Sequence[str]
) -> dict[str, tuple[Contrast, ...]]:
    """Per task every tuned arm against every other, p adjusted by Holm over all tasks and pairs together."""
    places = [(task, a, b) for task in tasks for a in tuned for b in others]
    adjusted = holm([tasks[task].p_value(a, b) for task, a, b in places])
    found: dict[str, list[Contrast]] = {}
    for (task, a, b), p_value in zip(places, adjusted, strict=True):
        found.setdefault(task, []).append(tasks[task].contrast(a, b, p_value, len(places)))
    return {task: tuple(of) for task, of in found.items()}


def joined(parts: Iterable[RowScores]) -> RowScores:
    """The rows of several tasks that one scorer decides, one after another. There is at least one part."""
    parts = list(parts)
    values = {arm: [value for part in parts for value in part.values[arm]] for arm in parts[0].values}
    return RowScores(parts[0].scorer, values, [group for part in parts for group in part.groups])


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
