"""Checking the data: which checks run, in what order, and when that counts as a failure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from studio.acts import checking
from studio.acts.checking import found_at_least, run_checks, severity_named
from studio.dataset.candidates import Candidate
from studio.dataset.checks import CHECKS
from studio.dataset.checks.check import Severity
from studio.dataset.checks.rows import Need
from studio.dataset.store import Interrupted, Store
from studio.errors import AskedWrongly


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "studio.duckdb", "anna") as opened:
        opened.add([Candidate("n/a", "c"), Candidate("p", "a"), Candidate("P", "b"), Candidate("sound", "c")], "")
        yield opened


def test_all_checks_run_in_their_order_and_say_how_far_they_are(store: Store) -> None:
    heard: list[tuple[int, int]] = []
    checked = run_checks(store, progress=lambda done, total: heard.append((done, total)))
    assert [one.check for one in checked] == list(CHECKS)
    assert {one.check.name: one.row_count for one in checked} == {
        "trivial_prompt": 3,
        "exact_duplicates": 0,
        "contradictory_duplicates": 2,
    }
    assert heard == [(done, len(CHECKS)) for done in range(len(CHECKS) + 1)]


def test_only_the_checks_named_run(store: Store) -> None:
    assert [one.check.name for one in run_checks(store, ["exact_duplicates"])] == ["exact_duplicates"]
    with pytest.raises(AskedWrongly, match="'duplicates' is no check") as caught:
        run_checks(store, ["duplicates"])
    assert "contradictory_duplicates" in caught.value.hint


def test_a_check_that_lacks_what_it_needs_says_so_instead_of_nothing_found(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "CHECKS", (replace(CHECKS[0], needs=(Need.SPLITS,)), *CHECKS[1:]))
    assert (run_checks(store)[0].lacking, run_checks(store)[0].findings) == ((Need.SPLITS,), [])
    store.assign_splits()
    assert run_checks(store)[0].lacking == () and run_checks(store)[0].findings


def test_what_was_found_counts_from_its_severity_up(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    warned = run_checks(store)
    assert found_at_least(warned, Severity.WARNING) and found_at_least(warned, Severity.INFO)
    assert not found_at_least(warned, Severity.ERROR)
    store.set_label([1, 2, 3], "reject")
    assert not found_at_least(run_checks(store), Severity.INFO)
    with pytest.raises(AskedWrongly, match="'bad' is no severity"):
        severity_named("bad")


def test_cancelling_stops_and_leaves_the_store_usable(store: Store) -> None:
    with pytest.raises(Interrupted):
        run_checks(store, is_cancelled=lambda: True)
    assert store.set_label([1], "accept").count == 1
