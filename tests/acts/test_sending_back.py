"""Rows that a run sends back to be mended."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.acts.sending_back import QUEUE_FILTER, rows_worth_mending, send_back
from studio.dataset.store import Store
from studio.errors import AskedWrongly
from studio.project import Project
from tests.tui.data_story import project_with, tickets
from tests.tui.run_story import comparison, train_run


def test_sending_back_is_one_undo_step_and_a_persons_note_stays(tmp_path: Path) -> None:
    project = project_with(tmp_path, tickets(4))
    with Store.open(project.store_path, "anna") as store:
        store.set_mark([2], True, "ask the shop")
        sent = send_back(store, "compare-1", {1: "broken", 2: "broken", 3: "neither", 99: "broken"})
        assert (sent.change.count, sent.gone, sent.change.summary) == (3, 1, "send 3 examples back")
        assert [row.note for row in store.examples([1, 2, 3])] == [
            "sent back: broken in compare-1",
            "ask the shop · sent back: broken in compare-1",
            "sent back: neither in compare-1",
        ]
        assert store.view_ids(QUEUE_FILTER).tolist() == [1, 2, 3]
        store.undo()
        assert [row.note for row in store.examples([1, 2, 3])] == ["", "ask the shop", ""]
        assert store.view_ids(QUEUE_FILTER).tolist() == []


def test_a_later_run_says_the_reason_anew_and_a_mended_row_leaves_the_queue(tmp_path: Path) -> None:
    project = project_with(tmp_path, tickets(2))
    with Store.open(project.store_path, "anna") as store:
        store.set_mark([1], True, "ask the shop")
        send_back(store, "compare-1", {1: "broken"})
        send_back(store, "compare-2", {1: "neither"})
        assert store.example(1).note == "ask the shop · sent back: neither in compare-2"
        assert send_back(store, "compare-2", {1: "neither"}).change.count == 0
        store.set_mark([1], False)
        assert store.view_ids(QUEUE_FILTER).tolist() == []


def test_each_list_of_a_run_is_found_by_its_name(tmp_path: Path) -> None:
    project = Project.init(tmp_path)
    comparison(project, "compare-1")
    train_run(project, "train-1")
    found = {which: rows_worth_mending(project, "compare", which)[1] for which in ("broken", "fixed", "disagreed")}
    assert found["broken"] == {2: "broken"} and found["fixed"] == {1: "fixed"}
    assert set(found["disagreed"]) == {1, 2}
    assert rows_worth_mending(project, "compare", "both", limit=1) == ("compare-1", {3: "both"})
    for run, which in (("compare", "worst"), ("train", "broken"), ("compare", "all")):
        with pytest.raises(AskedWrongly):
            rows_worth_mending(project, run, which)
