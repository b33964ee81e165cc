"""What checks found is kept: counts beside those of the look before, what changed since, waivers, all or none of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from studio.dataset.candidates import Candidate
from studio.dataset.checks import CHECKS, current
from studio.dataset.checks.check import RowCheck
from studio.dataset.checks.duplicates import CONTRADICTORY_DUPLICATES, EXACT_DUPLICATES
from studio.dataset.checks.kept import Result, among
from studio.dataset.checks.labels import CLASS_IMBALANCE
from studio.dataset.checks.leakage import LEAKAGE
from studio.dataset.checks.prompts import TRIVIAL_PROMPT
from studio.dataset.checks.rows import Around
from studio.dataset.store import Interrupted, Store
from studio.errors import AskedWrongly

ALL = Around()
SOME = [
    *[check for check in CHECKS if isinstance(check, RowCheck)][:3],
    *(TRIVIAL_PROMPT, LEAKAGE, EXACT_DUPLICATES, CONTRADICTORY_DUPLICATES, CLASS_IMBALANCE),
]
ROWS = [
    Candidate("n/a", "an answer"),
    Candidate("Where is my parcel?", "On its way."),
    Candidate("where is my parcel?", "Lost."),
    *(Candidate(f"How late is parcel {number}?", f"{number} days.") for number in range(20)),
]


@pytest.fixture
def store(store: Store) -> Store:
    store.add(ROWS, "rows.jsonl")
    return store


def look(store: Store) -> dict[str, Result]:
    return {one.check.name: one for one in store.check(SOME, ALL)}


def kept(store: Store) -> dict[str, Result]:
    return {one.check.name: one for one in store.checked(SOME, ALL)}


def as_if_new(store: Store) -> dict[str, tuple[list[int], str]]:
    findings = (store.finding(check) for check in SOME)
    return {one.check: (one.example_ids.tolist(), one.sentence) for one in findings if one}


def as_kept(store: Store) -> dict[str, tuple[list[int], str]]:
    findings = (one.finding for one in store.check(SOME, ALL, is_new_look=False))
    return {one.check: (one.example_ids.tolist(), one.sentence) for one in findings if one}


def test_a_check_that_never_ran_says_so_and_a_run_is_there_tomorrow(store: Store, store_path: Path) -> None:
    assert kept(store)["trivial_prompt"].checked_at is None
    found = look(store)["trivial_prompt"]
    assert (found.count, found.count_before, found.changed_rows) == (1, None, 0)
    store.close()
    with Store.open(store_path, "anna") as again:
        later = kept(again)["trivial_prompt"]
        assert found.finding and later.finding and later.finding.sentence == found.finding.sentence
        assert later.checked_at == found.checked_at


def test_the_count_of_the_look_before_stands_beside_the_new_one(store: Store) -> None:
    look(store)
    store.set_text(4, prompt="TODO")
    now = look(store)["trivial_prompt"]
    assert (now.count, now.count_before) == (2, 1)
    store.set_text(4, prompt="How late is it?")
    between = {one.check.name: one for one in store.check(SOME, ALL, is_new_look=False)}["trivial_prompt"]
    assert (between.count, between.count_before) == (1, 1)


def test_rows_changed_since_are_counted_whatever_changed_them(store: Store) -> None:
    look(store)
    assert kept(store)["trivial_prompt"].changed_rows == 0
    store.set_text(5, completion="Another.")
    store.set_label([6, 7], "reject")
    assert kept(store)["trivial_prompt"].changed_rows == 3
    store.undo()
    assert kept(store)["trivial_prompt"].changed_rows == 3
    look(store)
    store.redo()
    assert kept(store)["trivial_prompt"].changed_rows == 2
    store.add([Candidate("new", "row")], "")
    assert kept(store)["trivial_prompt"].changed_rows == 3


def test_after_every_kind_of_change_what_is_kept_is_what_a_check_of_everything_finds(store: Store) -> None:
    look(store)
    acts = (
        lambda: store.set_text(2, prompt="Where is my lamp?"),  # leaves a contradiction
        lambda: store.set_text(9, prompt="WHERE IS MY PARCEL?"),  # joins one
        lambda: store.set_text(10, prompt="where is my parcel? ", completion="Lost."),  # is a duplicate, too
        lambda: store.set_label([3], "reject"),
        lambda: store.undo(),
        lambda: store.remove([1, 9]),
        lambda: store.undo(),
        lambda: store.add([Candidate("xxx", "y"), Candidate("Where is my lamp?", "No.")], ""),
        lambda: store.undo(),
        lambda: store.assign_splits(0.3, 0.3),
    )
    for act in acts:
        act()
        assert as_kept(store) == as_if_new(store)


def test_an_edit_of_one_row_does_not_look_at_the_others(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    look(store)
    store.set_text(4, prompt="TODO")
    monkeypatch.setattr(current, "findings_of", lambda *all_rows: pytest.fail("all rows were checked anew"))
    assert look(store)["trivial_prompt"].count == 2


def test_a_check_of_another_version_is_as_if_it_never_ran(store: Store) -> None:
    look(store)
    store.waive(TRIVIAL_PROMPT, np.array([1]), "meant")
    newer = replace(TRIVIAL_PROMPT, version=TRIVIAL_PROMPT.version + 1)
    (result,) = store.checked([newer], ALL)
    assert result.checked_at is None and result.waiver is None


def test_a_look_that_is_stopped_keeps_nothing(store: Store) -> None:
    with pytest.raises(Interrupted):
        store.check(SOME, ALL, is_cancelled=lambda: True)
    assert all(one.checked_at is None for one in kept(store).values())


class TestWaivers:
    def test_a_waiver_speaks_of_the_rows_that_were_found_then(self, store: Store) -> None:
        look(store)
        store.waive(TRIVIAL_PROMPT, np.array([1]), "it is a form field")
        waived = kept(store)["trivial_prompt"]
        assert waived.waiver and (waived.waiver.reason, waived.waiver.who) == ("it is a form field", "anna")
        assert not waived.is_open and waived.count == 1
        store.set_text(4, prompt="TODO")
        more = look(store)["trivial_prompt"]
        assert more.is_open and more.unwaived.tolist() == [4]

    def test_undo_takes_a_waiver_back_and_so_does_another_act(self, store: Store) -> None:
        look(store)
        store.waive(TRIVIAL_PROMPT, np.array([1]), "meant")
        change = store.undo()
        assert change and change.summary == "waive trivial_prompt"
        assert kept(store)["trivial_prompt"].is_open
        store.redo()
        assert not kept(store)["trivial_prompt"].is_open
        store.waive(TRIVIAL_PROMPT, np.array([], dtype=np.int64), "")
        assert kept(store)["trivial_prompt"].is_open
        store.undo()
        assert not kept(store)["trivial_prompt"].is_open

    def test_there_must_be_one_to_take_back(self, store: Store) -> None:
        with pytest.raises(AskedWrongly, match="trivial_prompt is not waived"):
            store.waive(TRIVIAL_PROMPT, np.array([], dtype=np.int64), "")

    def test_an_undo_of_everything_leaves_no_row_and_no_waiver(self, store: Store) -> None:
        look(store)
        store.waive(TRIVIAL_PROMPT, np.array([1]), "meant")
        while store.undo():
            pass
        assert all(one.waiver is None and one.finding is None for one in look(store).values())


class TestAmong:
    def test_of_a_group_all_rows_are_told_where_one_is_asked_for(self, store: Store) -> None:
        result = look(store)[CONTRADICTORY_DUPLICATES.name]
        found = among(result, np.array([2, 20])).finding
        assert found is not None and found.example_ids.tolist() == [2, 3]
        assert among(result, np.array([20])).finding is None

    def test_of_a_row_check_only_the_rows_asked_for(self, store: Store) -> None:
        result = look(store)[TRIVIAL_PROMPT.name]
        assert among(result, np.array([2, 3])).finding is None
        assert among(result, np.array([1])).count == 1
        assert among(look(store)[EXACT_DUPLICATES.name], np.array([1])).finding is None
