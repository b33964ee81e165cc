"""``studio rows`` and ``studio label``: the rows that a condition finds, listed and decided on at the prompt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from studio.dataset.candidates import Candidate
from studio.dataset.store import Store
from studio.project import LABELLER_VARIABLE, Project
from studio.reports.cells import cells
from studio.reports.visible import visible
from tests.cli.conftest import Studio


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Anna's, who has done what is in it."""
    monkeypatch.setenv(LABELLER_VARIABLE, "anna")
    project = Project.init(tmp_path / "desk")
    rows = [
        Candidate("Where is order 7?\nIt is late.", "On its way. " * 20, "tickets"),
        Candidate("Mon colis ?", "En route.", "tickets"),
        Candidate("[bold]burns[/] \x1b]0;title\x07\u202e", "日本語" * 30, "tone of voice and manner"),
        Candidate("hello", "Hi, ORDER anything?", ""),
    ]
    with Store.open(project.store_path, "anna") as store:
        store.add(rows, "")
        store.set_label([1], "accept")
        store.set_mark([1], True, "look again")
        store.assign_splits(0.25, 0.25)
    return project


def in_json(result: Result) -> Any:
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def labels(project: Project) -> list[str]:
    with Store.open(project.store_path, "anna") as store:
        return [example.label for example in store.examples([1, 2, 3, 4])]


def ids(result: Result) -> list[int]:
    return [row["example_id"] for row in in_json(result)]


@pytest.mark.parametrize("width", [60, 80, 140])
def test_the_table_fits_the_terminal_and_each_row_is_one_harmless_line(
    studio: Studio, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    result = studio("rows")
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["row", "1", "2", "3", "4"]
    assert all(cells(line) <= width and visible(line) == line for line in lines)
    assert "Where is order 7?⏎It" in lines[1] and "accept ◆" in lines[1]
    assert result.stderr == "4 rows\n"


def test_every_page_has_the_same_borders(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = studio("rows").stdout
    monkeypatch.setattr("studio.cli.rows.PAGE_ROWS", 1)
    assert studio("rows").stdout == whole


def test_filter_search_sort_and_limit_are_those_of_the_screen(studio: Studio) -> None:
    assert ids(studio("rows", "--where", "task = 'tickets'", "--json")) == [1, 2]
    assert ids(studio("rows", "--search", "order", "--json")) == [1, 4]
    assert ids(studio("rows", "--where", "example_id < 4", "--search", "ORDER", "--json")) == [1]
    assert ids(studio("rows", "--sort", "task,example_id:desc", "--json")) == [4, 2, 1, 3]
    limited = studio("rows", "--sort", "example_id:desc", "--limit", "2", "--json")
    assert ids(limited) == [4, 3]
    assert limited.stderr == "2 of 4 rows\n"


def test_json_is_one_document_of_whole_rows_also_where_it_is_written_page_by_page(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studio.cli.rows.PAGE_ROWS", 3)
    found = in_json(studio("rows", "--json"))
    assert found[2]["prompt"] == "[bold]burns[/] \x1b]0;title\x07\u202e"
    assert (found[0]["label"], found[0]["note"], found[0]["is_marked"]) == ("accept", "look again", True)
    assert in_json(studio("show", "2", "--json")) == found[1]
    nothing = studio("rows", "--where", "task = 'x'", "--json")
    assert (nothing.stdout, nothing.stderr) == ("[]\n", "0 rows\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--sort", "colour"], "colour"),
        (["--sort", "task:up"], "up is no direction"),
        (["--where", "colour = 1"], "colour"),
        (["--limit", "-1"], "less than nothing"),
    ],
)
def test_what_cannot_be_listed_is_said_and_nothing_is(studio: Studio, arguments: list[str], said: str) -> None:
    result = studio("rows", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def test_all_that_a_condition_finds_are_labelled_and_one_undo_takes_them_back(studio: Studio, project: Project) -> None:
    result = studio("label", "accept", "--where", "task = 'tickets'")
    assert result.stderr == "accept 1 example · 1 has it already · studio undo takes it back\n"
    assert labels(project) == ["accept", "accept", "none", "none"]
    studio("label", "reject", "--where", "true")
    assert labels(project) == ["reject"] * 4
    assert "undone: reject 4 examples" in studio("undo").stderr
    assert labels(project) == ["accept", "accept", "none", "none"]
    studio("label", "none", "--search", "late")
    assert labels(project) == ["none", "accept", "none", "none"]


def test_a_dry_run_says_what_it_would_be_and_writes_nothing(studio: Studio, project: Project) -> None:
    result = studio("label", "accept", "--where", "task = 'tickets'", "--dry-run")
    assert result.stderr == "would label 1 example accept · 1 has it already\n"
    assert in_json(studio("label", "skip", "3", "4", "--dry-run", "--json")) == {
        "label": "skip", "rows": 2, "changed": 2, "is_dry_run": True,
    }  # fmt: skip
    assert studio("label", "skip", "99", "--dry-run").exit_code == 2
    assert labels(project) == ["accept", "none", "none", "none"]


def test_nothing_found_is_said_and_is_no_step_to_undo(studio: Studio) -> None:
    result = studio("label", "accept", "--where", "task = 'x'")
    assert (result.exit_code, result.stderr) == (0, "nothing to change\n")
    assert "undone: assign splits" in studio("undo").stderr


def test_what_another_did_is_theirs_to_undo_and_to_agree_with_it_is_a_decision(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LABELLER_VARIABLE, "bo")
    assert studio("undo").stderr == "bo has nothing to undo\n"
    assert studio("label", "accept", "1", "--dry-run").stderr == "would label 1 example accept\n"
    assert studio("label", "accept", "1").stderr == "accept 1 example · studio undo takes it back\n"
    assert studio("label", "accept", "1").stderr == "nothing to change · 1 has it already\n"
    assert studio("undo").stderr == "undone: accept 1 example\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["reject", "--where", ""], "no rows are named"),
        (["reject"], "no rows are named"),
        (["reject", "1", "--where", "true"], "named twice"),
        (["Accept", "1"], "Accept is no label"),
        (["1", "2"], "studio label accept 1 2 3"),
    ],
)
def test_an_empty_condition_does_not_label_everything_and_the_next_step_is_named(
    studio: Studio, project: Project, arguments: list[str], said: str
) -> None:
    result = studio("label", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert labels(project) == ["accept", "none", "none", "none"]
