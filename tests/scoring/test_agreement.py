"""Agreement of people, against published tables and values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from studio.scoring.agreement import GAP, Labels, cohen_kappa, krippendorff_alpha, percent

# Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", section D: four observers, twelve units, gaps.
OBSERVERS = ["1 2 3 3 2 1 4 1 2 . . .", "1 2 3 3 2 2 4 1 2 5 . 3", ". 3 3 3 2 3 4 2 2 5 1 .", "1 2 3 3 2 4 4 1 2 5 1 ."]


def rating(text: str) -> Labels:
    return np.array([GAP if one == "." else int(one) - 1 for one in text.split()], dtype=np.int32)


def table(counts: list[list[int]]) -> tuple[Labels, Labels]:
    """Two ratings that a table of how often one said the row's label and the other the column's comes from."""
    pairs = [(one, other) for one, row in enumerate(counts) for other, count in enumerate(row) for _ in range(count)]
    one, other = np.array(pairs, dtype=np.int32).T
    return one, other


def test_krippendorff_s_own_table_with_gaps() -> None:
    ratings = [rating(text) for text in OBSERVERS]
    assert krippendorff_alpha(ratings) == pytest.approx(0.743, abs=0.0005)
    assert krippendorff_alpha(ratings, is_ordinal=True) == pytest.approx(0.815, abs=0.0005)


def test_krippendorff_s_table_of_two_observers_of_a_nominal_scale() -> None:
    """The same paper, section B: 12 articles, five labels."""
    two = [rating("1 1 2 2 4 3 3 3 5 4 4 1"), rating("2 1 2 2 2 3 3 3 5 4 4 4")]
    assert krippendorff_alpha(two) == pytest.approx(0.692, abs=0.0005)


def test_krippendorff_s_table_of_a_binary_scale() -> None:
    """The same paper, section A: 10 documents."""
    two = [rating("1 2 1 1 1 1 1 1 2 1"), rating("2 2 2 1 1 2 1 1 1 1")]
    assert krippendorff_alpha(two) == pytest.approx(0.095, abs=0.0005)


def test_cohen_s_kappa_of_fifty_proposals() -> None:
    """20 and 15 agreed, 5 and 10 not: 0.7 observed, 0.5 by chance."""
    one, other = table([[20, 5], [10, 15]])
    assert percent(one, other) == pytest.approx(0.7) and cohen_kappa(one, other) == pytest.approx(0.4)


def test_two_tables_of_the_same_agreement_and_another_chance() -> None:
    assert cohen_kappa(*table([[45, 15], [25, 15]])) == pytest.approx(0.1304, abs=0.00005)
    assert cohen_kappa(*table([[25, 35], [5, 35]])) == pytest.approx(0.2593, abs=0.00005)


def test_where_nothing_can_be_said_nothing_is() -> None:
    gaps, ones = rating(". . ."), rating("1 1 1")
    assert percent(gaps, ones) is None and cohen_kappa(gaps, ones) is None
    assert cohen_kappa(ones, ones) is None, "all labels are one: there is no chance to compare with"
    assert krippendorff_alpha([ones, ones]) is None and krippendorff_alpha([ones, gaps]) is None
    assert krippendorff_alpha([]) is None and krippendorff_alpha([gaps, gaps]) is None


def test_full_agreement_is_one_and_opposite_is_below_zero() -> None:
    one, other = rating("1 2 1 2"), rating("2 1 2 1")
    assert cohen_kappa(one, one) == 1 == krippendorff_alpha([one, one])
    assert cohen_kappa(one, other) == -1
    alpha = krippendorff_alpha([one, other])
    assert alpha == pytest.approx(-0.75), "1 - (8 - 1) × 8 / (4 × 4 × 2)"
