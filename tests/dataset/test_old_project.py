"""A project made by an older version opens, with all that was done in it, and goes on."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from studio.acts.checking import run_checks
from studio.dataset.candidates import Candidate
from studio.dataset.store import Store
from studio.dataset.texts import prompt_hash
from studio.project import Project
from tests.dataset.six_examples import SIX

OLD_PROJECT = Path(__file__).resolve().parents[1] / "old-project"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    shutil.copy(OLD_PROJECT / "studio.toml", project.settings_path)
    project.store_path.write_bytes(gzip.decompress((OLD_PROJECT / "studio.duckdb.gz").read_bytes()))
    return project


@pytest.fixture
def store(project: Project) -> Iterator[Store]:
    with Store.open(project.store_path, "anna") as opened:
        yield opened


def test_its_settings_are_read(project: Project) -> None:
    assert project.settings().max_length == 256


def test_its_rows_labels_edits_marks_and_splits_are_there(store: Store) -> None:
    rows = store.rows_for()
    assert [(row.example_id, row.prompt, row.label, row.split) for row in rows] == [
        (1, "Where is my parcel?", "accept", "validation"),
        (2, "My lamp is broken", "accept", "train"),
        (3, "Tôi muốn đổi hàng", "reject", "train"),
        (4, "Thanks a lot!", "none", "train"),
        (5, "This is a disgrace", "none", "test"),
    ]
    assert (rows[1].completion, rows[1].revision, rows[3].note) == ('{"intent": "mend"}', 2, "ask Ben")
    assert [row.prompt_hash for row in rows] == [prompt_hash(row.prompt) for row in rows]
    assert [(one.field, one.old, one.who) for one in store.history(2)][1] == (
        *("completion", '{"intent": "repair"}', "anna"),
    )


def test_its_token_counts_are_still_known(store: Store) -> None:
    assert store.counts("before")[0].tolist() == [1, 2, 3, 4, 5]
    assert store.previews([5])[0].total_tokens == len("This is a disgrace" + "angry")


def test_it_is_labelled_edited_and_undone_back_to_its_beginning(store: Store) -> None:
    assert store.set_label([4], "accept").count == 1
    assert store.set_text(4, completion="happy").count == 1
    undone = []
    while change := store.undo():
        undone.append(change.summary)
    assert undone == [
        "edit the completion of example 4",
        "accept 1 example",
        "assign splits to 5 examples",
        "remove 1 example",
        "mark 1 example",
        "edit the completion of example 2",
        "reject 1 example",
        "accept 2 examples",
        "import 6 examples from six.jsonl",
    ]
    assert store.stats().examples == 0


def test_what_was_undone_in_it_is_done_again(store: Store) -> None:
    change = store.redo()
    assert change and change.summary == "skip 1 example" and store.example(5).label == "skip"


def test_its_file_imported_again_brings_nothing_new_and_moves_no_row(store: Store) -> None:
    assert store.add(SIX, "six.jsonl").added == 0
    before = [row.split for row in store.rows_for()]
    store.add([Candidate("WHERE IS  MY PARCEL?", "soon", split="test"), Candidate("new", "row")], "more")
    store.assign_splits(0.3, 0.2, 0, keep_assigned=True)
    assert [row.split for row in store.rows_for()][:5] == before
    store.assign_splits(0.3, 0.2, 0)
    assert [row.split for row in store.rows_for()][:5] == before


def test_its_pairs_under_another_task_are_known_as_they_were_imported_and_as_they_are_now(store: Store) -> None:
    assert store.example(2).completion == '{"intent": "mend"}' != SIX[1].completion
    edited = replace(SIX[1], completion='{"intent": "mend"}')
    again = [replace(one, task="another") for one in (*SIX, edited)]
    added = store.add(again, "six.jsonl")
    assert (added.added, added.duplicates, added.of_another_task) == (0, 7, 7)


def test_it_is_checked(project: Project, store: Store) -> None:
    found = run_checks(project, store, ["leakage", "trivial_prompt", "exact_duplicates", "contradictory_duplicates"])
    assert all(one.checked_at and one.finding is None for one in found)
