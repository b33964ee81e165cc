"""How far people agree: percent agreement, Cohen's κ of two, Krippendorff's α of any number, with gaps.

Labels are whole numbers from 0; ``GAP`` is where somebody gave none. A rating is a vector of one person's labels, one a
row; all vectors are as long as there are rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

GAP = -1
Labels = NDArray[np.int32]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PairAgreement:
    """Two people on the ``rows`` that both have labelled; shares are 0 to 1, None where nothing can be said."""

    one: str
    other: str
    rows: int
    percent: float | None
    kappa: float | None


@dataclass(frozen=True)
class Agreement:
    """``labelled`` is how many rows each has a label of their own of; ``rows`` have those of two or more.

    ``disagreed`` are the rows with different ones: by row, each person's label.
    """

    labelled: dict[str, int]
    rows: int
    pairs: list[PairAgreement]
    alpha_nominal: float | None
    alpha_ordinal: float | None
    disagreed: dict[int, dict[str, str]]


def agreement(
    ids: NDArray[np.int64], people: Labels, labels: Labels, names: Sequence[str], words: Sequence[str]
) -> Agreement:
    """Agreement of the ``names`` from one entry a label that somebody gave: its row, the person, the label.

    A person is a place in ``names``, a label one in ``words``, which stand in their order from the worst to the best.
    """
    rows, place = np.unique(ids, return_inverse=True)
    ratings = np.full((len(names), len(rows)), GAP, dtype=np.int32)
    ratings[people, place] = labels
    by_name = dict(zip(names, ratings, strict=True))
    return Agreement(
        labelled={name: int((rating != GAP).sum()) for name, rating in by_name.items()},
        rows=int(((ratings != GAP).sum(axis=0) >= 2).sum()),
        pairs=[_of_pair(one, other, by_name) for one, other in combinations(names, 2)],
        alpha_nominal=krippendorff_alpha(list(ratings)),
        alpha_ordinal=krippendorff_alpha(list(ratings), is_ordinal=True),
        disagreed=_disagreed(rows.tolist(), by_name, words),
    )


def _of_pair(one: str, other: str, ratings: dict[str, Labels]) -> PairAgreement:
    both = ratings[one], ratings[other]
    return PairAgreement(one, other, int(shared_rows(*both).sum()), percent(*both), cohen_kappa(*both))


def _disagreed(rows: list[int], ratings: dict[str, Labels], words: Sequence[str]) -> dict[int, dict[str, str]]:
    found = {}
    for place, row in enumerate(rows):
        said = {name: words[rating[place]] for name, rating in ratings.items() if rating[place] != GAP}
        if len(set(said.values())) > 1:
            found[row] = said
    return found


def shared_rows(one: Labels, other: Labels) -> NDArray[np.bool_]:
    """The rows that both have labelled."""
    return np.asarray((one != GAP) & (other != GAP))


def percent(one: Labels, other: Labels) -> float | None:
    """The share, 0 to 1, of the rows that both have labelled on which they agree; None where there is no such row."""
    both = shared_rows(one, other)
    return float(np.mean(one[both] == other[both])) if both.any() else None


def cohen_kappa(one: Labels, other: Labels) -> float | None:
    """Agreement of two beyond what their shares of the labels give by chance: 1 all, 0 as by chance, below 0 less.

    Cohen 1960, "A coefficient of agreement for nominal scales", Educational and Psychological Measurement 20: 37-46.
    None where both have no row in common, or where each gave only one and the same label, which leaves no chance to
    compare with.
    """
    both = shared_rows(one, other)
    if not both.any():
        return None
    count = int(max(one.max(), other.max())) + 1
    of_one, of_other = (np.bincount(rating[both], minlength=count) / both.sum() for rating in (one, other))
    by_chance = float(of_one @ of_other)
    observed = float(np.mean(one[both] == other[both]))
    return None if by_chance >= 1 else (observed - by_chance) / (1 - by_chance)


def krippendorff_alpha(ratings: Sequence[Labels], *, is_ordinal: bool = False) -> float | None:
    """Reliability of any number of people with any gaps: 1 all agree, 0 as by chance, below 0 less than that.

    Rows that fewer than two have labelled say nothing and are left out. With ``is_ordinal`` a label further away in
    the order of the numbers is a larger disagreement. Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability".
    None where no row has two labels, or all labels are one and the same, of which reliability cannot be told.
    """
    table = np.stack(ratings) if len(ratings) else np.empty((0, 0), dtype=np.int32)
    if not table.size or table.max() < 0:
        return None
    coincidences = _coincidences(table, int(table.max()) + 1)
    totals = coincidences.sum(axis=1)
    pairs = totals.sum()
    distances = _ordinal_distances(totals) if is_ordinal else 1.0 - np.eye(len(totals))
    expected = float((np.outer(totals, totals) * distances).sum())
    if not expected:
        return None
    return 1.0 - float(pairs - 1) * float((coincidences * distances).sum()) / expected


def _coincidences(table: Labels, count: int) -> Floats:
    """How often each label stands beside each other one on a row; a row of m labels counts m times in all."""
    of_row = np.stack([(table == label).sum(axis=0) for label in range(count)], axis=1).astype(np.float64)
    of_row = of_row[of_row.sum(axis=1) >= 2]
    weights = 1 / (of_row.sum(axis=1) - 1)
    together = (of_row * weights[:, None]).T @ of_row
    return np.asarray(together - np.diag((of_row * weights[:, None]).sum(axis=0)))


def _ordinal_distances(totals: Floats) -> Floats:
    """The square of how many labels lie between two, those themselves counted by half."""
    upto = np.cumsum(totals)
    middle = upto - totals / 2
    return np.asarray((middle[:, None] - middle[None, :]) ** 2)
