"""How far people agree, from what they did in the store."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.acts.agreeing import agreement_of
from studio.dataset.store import Store
from studio.reports.agreement import disagreements_table, pairs_table, side_by_side
from tests.dataset.six_examples import SIX


@pytest.fixture
def store_path(tmp_path: Path) -> Path:
    """Anna has labelled five rows, Bo four of them, Cy one more."""
    path = tmp_path / "studio.duckdb"
    with Store.open(path, "anna") as store:
        store.add(SIX, "six")
        store.set_label([1, 2, 3], "accept")
        store.set_label([4, 5], "reject")
    with Store.open(path, "bo") as store:
        store.set_label([1, 2], "accept")
        store.set_label([3, 4], "skip")
    with Store.open(path, "cy") as store:
        store.set_label([6], "reject")
    return path


def test_pairs_alpha_and_the_rows_side_by_side(store_path: Path) -> None:
    with Store.open(store_path, "anna") as store:
        found = agreement_of(store)
        assert found.labelled == {"anna": 5, "bo": 4, "cy": 1} and found.rows == 4
        assert [(pair.one, pair.other, pair.rows, pair.percent) for pair in found.pairs] == [
            ("anna", "bo", 4, 0.5),
            ("anna", "cy", 0, None),
            ("bo", "cy", 0, None),
        ]
        assert found.pairs[0].kappa == pytest.approx(1 / 5), "(0.5 - 0.375) / (1 - 0.375)"
        assert found.alpha_nominal == pytest.approx(1 - 7 * 4 / (64 - 25 - 1 - 4)), "labels: 5 accept, 1 reject, 2 skip"
        assert found.disagreed == {3: {"anna": "accept", "bo": "skip"}, 4: {"anna": "reject", "bo": "skip"}}
        assert agreement_of(store, "example_id < 3").pairs[0].percent == 1
    table = "\n".join(disagreements_table(found.disagreed, list(found.labelled)).lines(60))
    assert "accept" in table and "skip" in table
    assert "50.0 %" in "\n".join(pairs_table(found.pairs).lines(60))
    assert side_by_side(found.disagreed[3]) == "anna accept · bo skip"


def test_nobody_has_labelled_anything(tmp_path: Path) -> None:
    with Store.open(tmp_path / "studio.duckdb", "anna") as store:
        found = agreement_of(store)
    assert (found.rows, found.labelled, found.pairs, found.alpha_nominal) == (0, {}, [], None)
