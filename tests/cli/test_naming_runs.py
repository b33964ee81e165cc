"""``studio run rename`` and ``studio run note``: what a person calls a run, where it is shown, and what stays."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from studio.project import Project
from studio.reports.cells import cells
from studio.reports.visible import visible
from studio.runs.directory import RunDirectory
from studio.runs.watch import RunWatch
from studio.tui.run_poll import RunPoll
from studio.tui.widgets.run_lines import facts_lines, full_title, run_line
from tests.cli.conftest import Studio

RECORDED = Path(__file__).parents[1] / "recorded"
TRAIN, COMPARE = "train-1125-043614-d3", "compare-1125-043826-df"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project.init(tmp_path / "desk")
    for name in (TRAIN, COMPARE):
        run = shutil.copytree(RECORDED / name, project.runs_path / name)
        (run / "process.json").write_text("{}")
    return project


def listed(studio: Studio) -> dict[str, dict[str, Any]]:
    return {run["run_id"]: run for run in json.loads(studio("runs", "--json").stdout)}


def drawn(line: list[tuple[str, str]]) -> str:
    return "".join(text for text, _ in line)


def test_a_name_and_a_note_are_listed_beside_an_id_that_stays(studio: Studio, project: Project) -> None:
    assert studio("run", "rename", "train", "lower rate").stderr == f"{TRAIN} is called lower rate now\n"
    studio("run", "note", "train", "see whether tickets get better")
    run = listed(studio)[TRAIN]
    assert (run["name"], run["note"]) == ("lower rate", "see whether tickets get better")
    assert (project.runs_path / TRAIN / "naming.json").stat().st_mode & 0o777 == 0o600
    studio("run", "rename", TRAIN, "")
    assert (listed(studio)[TRAIN]["name"], listed(studio)[TRAIN]["note"]) == ("", "see whether tickets get better")


def test_a_run_is_found_by_its_name_and_two_cannot_have_the_same(studio: Studio) -> None:
    studio("run", "rename", COMPARE, "train")
    assert COMPARE in studio("watch", "train").stderr
    for taken in ("train", COMPARE):
        result = studio("run", "rename", TRAIN, taken)
        assert (result.exit_code, f"is what {COMPARE} is called" in result.stderr) == (2, True)
    assert studio("run", "rename", COMPARE, "train").exit_code == 0


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_the_list_of_runs_fits_the_terminal_whatever_they_are_called(
    studio: Studio, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    studio("run", "rename", "train", "a\nname \x1b]0;x\x07日本語 that goes on and on")
    studio("run", "note", "compare", "line one\nline two \u202e" * 20)
    lines = studio("runs").stdout.splitlines()
    assert len(lines) == 3
    assert all(cells(line) <= width and visible(line) == line for line in lines)
    assert "a name ␛]0;x␇日本語" in "\n".join(lines)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rename", "train", "x" * 61], "61 characters; at most 60"),
        (["note", "train", "x" * 2_001], "2,001 characters; at most 2,000"),
        (["rename", "nosuch", "x"], "no run 'nosuch'"),
    ],
)
def test_what_cannot_be_kept_is_said(studio: Studio, words: list[str], said: str) -> None:
    result = studio("run", *words)
    assert (result.exit_code, said in result.stderr) == (2, True)


@pytest.mark.parametrize("damage", [b"\xff", b"[]", b'{"name": 1}', b"[" * 100_000, b'{"name": "' + b"x" * 100 + b'"}'])
def test_a_damaged_name_hides_no_run_and_is_not_written_over_in_silence(
    studio: Studio, project: Project, damage: bytes
) -> None:
    path = project.runs_path / TRAIN / "naming.json"
    path.write_bytes(damage)
    run = listed(studio)[TRAIN]
    assert (run["status"], run["name"]) == ("finished", "")
    assert "naming.json is damaged" in run["note"]
    result = studio("run", "note", TRAIN, "mine")
    assert (result.exit_code, f"Delete {path}" in result.stderr) == (1, True)
    assert path.read_bytes() == damage
    path.unlink()
    assert studio("run", "note", TRAIN, "mine").exit_code == 0


def test_screens_show_the_name_of_a_run_that_has_long_ended_as_soon_as_it_has_one(
    studio: Studio, project: Project
) -> None:
    poll = RunPoll(project.runs_path)
    before = {state.run_id: state for state in poll.poll()}
    studio("run", "rename", "train", "lower rate")
    studio("run", "note", "train", "better\x1b on tickets")
    after = {state.run_id: state for state in poll.poll()}
    assert drawn(run_line(before[TRAIN], 50)).split()[1] == TRAIN
    assert "lower rate" in drawn(run_line(after[TRAIN], 50))
    assert full_title(after[TRAIN]) == f"lower rate · {TRAIN}"
    assert drawn(facts_lines(after[TRAIN], 80)[-1]) == "better␛ on tickets"
    assert after[COMPARE] is before[COMPARE], "the others need no drawing"


def test_a_run_without_a_name_is_called_by_its_id(project: Project) -> None:
    state = RunWatch(RunDirectory(project.runs_path / TRAIN)).poll()
    assert (state.title, state.note) == (TRAIN, "")
