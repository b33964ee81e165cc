"""Checking the data: which checks run, what counts as a failure, what a waiver does, and which runs may not start."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from studio.acts import checking
from studio.acts.checking import (
    error_findings,
    found_at_least,
    kept_checks,
    refusal_of_findings,
    run_checks,
    severity_named,
    take_waiver_back,
    waive,
    waived_in_words,
)
from studio.dataset.candidates import Candidate
from studio.dataset.checks import CHECKS
from studio.dataset.checks.check import Severity
from studio.dataset.checks.kept import Result
from studio.dataset.checks.prompts import TRIVIAL_PROMPT
from studio.dataset.checks.rows import Need
from studio.dataset.store import Interrupted, Store
from studio.errors import AskedWrongly
from studio.project import Project

ROWS = [
    Candidate("n/a", "It came yesterday, thank you.", split="train"),
    Candidate("Where is my parcel?", "It is on its way.", split="train"),
    Candidate("where is my parcel?", "It was lost on the way.", split="test"),
    Candidate("The lamp flickers.", "Please send it back to us.", split="train"),
]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.init(tmp_path / "desk")


@pytest.fixture
def store(project: Project) -> Iterator[Store]:
    with Store.open(project.store_path, "anna") as opened:
        opened.add(ROWS, "")
        yield opened


def found(results: list[Result]) -> dict[str, Result]:
    return {one.check.name: one for one in results}


def test_all_checks_run_in_their_order_and_say_how_far_they_are(project: Project, store: Store) -> None:
    heard: list[tuple[int, int]] = []
    results = run_checks(project, store, progress=lambda done, total: heard.append((done, total)))
    assert [one.check for one in results] == list(CHECKS)
    counts = {name: one.count for name, one in found(results).items()}
    assert (counts["leakage"], counts["trivial_prompt"], counts["exact_duplicates"]) == (2, 1, 0)
    assert heard == [(done, len(CHECKS)) for done in range(len(CHECKS) + 1)]
    assert [one.count for one in kept_checks(project, store)] == [one.count for one in results]


def test_only_the_checks_named_run(project: Project, store: Store) -> None:
    assert list(found(run_checks(project, store, ["exact_duplicates"]))) == ["exact_duplicates"]
    with pytest.raises(AskedWrongly, match="'duplicates' is no check") as caught:
        run_checks(project, store, ["duplicates"])
    assert "contradictory_duplicates" in caught.value.hint


def test_a_check_that_lacks_what_it_needs_says_so_instead_of_nothing_found(
    project: Project, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "CHECKS", (replace(TRIVIAL_PROMPT, needs=(Need.SPLITS,)),))
    store.add([Candidate("TODO", "in no split yet")], "")
    (result,) = run_checks(project, store)
    assert (result.lacking, result.finding) == ((Need.SPLITS,), None)
    store.assign_splits()
    (result,) = run_checks(project, store)
    assert (result.lacking, result.count) == ((), 2)


def test_what_was_found_counts_from_its_severity_up_unless_it_is_waived(project: Project, store: Store) -> None:
    results = run_checks(project, store, ["leakage", "trivial_prompt"])
    assert found_at_least(results, Severity.ERROR) and found_at_least(results, Severity.INFO)
    waive(project, store, "leakage", "the two customers are one")
    results = run_checks(project, store, ["leakage", "trivial_prompt"])
    assert not found_at_least(results, Severity.ERROR) and found_at_least(results, Severity.WARNING)
    assert severity_named("warn") is Severity.WARNING
    with pytest.raises(AskedWrongly, match="'bad' is no severity"):
        severity_named("bad")


def test_cancelling_stops_and_leaves_the_store_usable(project: Project, store: Store) -> None:
    with pytest.raises(Interrupted):
        run_checks(project, store, is_cancelled=lambda: True)
    assert store.set_label([1], "accept").count == 1


class TestWaiving:
    def test_needs_a_reason_and_something_to_waive(self, project: Project, store: Store) -> None:
        with pytest.raises(AskedWrongly, match="no reason was given"):
            waive(project, store, "leakage", " ")
        with pytest.raises(AskedWrongly, match="exact_duplicates finds nothing"):
            waive(project, store, "exact_duplicates", "they are meant")
        with pytest.raises(AskedWrongly, match="is no check"):
            waive(project, store, "leaks", "they are meant")

    def test_can_be_taken_back(self, project: Project, store: Store) -> None:
        waive(project, store, "leakage", "meant")
        assert take_waiver_back(store, "leakage").summary == "no longer waive leakage"
        assert found(kept_checks(project, store))["leakage"].is_open


class TestWhatBlocksARun:
    def test_an_error_in_its_rows_says_what_and_how_to_go_on(self, project: Project, store: Store) -> None:
        errors = error_findings(project, store, [2, 4])
        refusal = refusal_of_findings([one for one in errors if one.is_open])
        assert refusal and "leakage: 2 rows in 1 group have one prompt in several splits" in refusal.message
        assert "--waive leakage" in refusal.hint

    def test_an_error_in_other_rows_does_not(self, project: Project, store: Store) -> None:
        assert error_findings(project, store, [1, 4]) == []
        assert refusal_of_findings([]) is None

    def test_a_waiver_lets_it_start_and_is_told_with_its_reason(self, project: Project, store: Store) -> None:
        waive(project, store, "leakage", "meant")
        (error,) = error_findings(project, store, [2, 4])
        assert not error.is_open and waived_in_words([error]) == ["leakage: meant (anna)"]
