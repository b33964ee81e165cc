"""The one-line prompts: typing replaces what stands there, ↑ brings older lines back, Tab completes."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from studio.tui.line_history import KEPT_LINES, LineHistory
from studio.tui.widgets.line_input import Paths, Words, completed
from tests.tui.data_story import data_screen, opened, press, project_with, tickets, type_line


def line(pilot: Pilot[None]) -> Input:
    focused = pilot.app.focused
    assert isinstance(focused, Input)
    return focused


async def test_the_old_search_is_selected_so_that_typing_replaces_it(tmp_path: Path) -> None:
    async with opened(project_with(tmp_path, tickets(12))) as pilot:
        await press(pilot, "/")
        await type_line(pilot, "order 1")
        await press(pilot, "/", "o", "r", "d")
        assert line(pilot).value == "ord", "it was 'order 1ord'"


async def test_up_brings_lines_back_in_the_next_session_too(tmp_path: Path) -> None:
    project = project_with(tmp_path, tickets(12))
    async with opened(project) as pilot:
        for condition in ("example_id > 3", "label = 'none'"):
            await press(pilot, "f")
            await type_line(pilot, condition)
    assert project.lines_path.stat().st_mode & 0o777 == 0o600, "what was searched for is nobody else's"
    async with opened(project) as pilot:
        await press(pilot, "f", "x", "up")
        assert line(pilot).value == "label = 'none'"
        await press(pilot, "up", "up")
        assert line(pilot).value == "example_id > 3"
        await press(pilot, "down", "down")
        assert line(pilot).value == "x", "what was being typed is not lost"
        await press(pilot, "escape", "/", "up")
        assert line(pilot).value == "", "a search has a history of its own"


async def test_tab_completes_a_column_in_the_filter_and_stays_in_the_line(tmp_path: Path) -> None:
    async with opened(project_with(tmp_path, tickets(2))) as pilot:
        await press(pilot, "f", "e", "x", "tab")
        assert line(pilot).value == "example_id"
        await press(pilot, "tab")
        assert line(pilot).value == "example_id"
        await press(pilot, "escape")
        assert data_screen(pilot).table.has_focus


async def test_tab_completes_folders_and_files_in_import_and_then_goes_to_the_next_field(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deliveries").mkdir()
    (tmp_path / "deliveries" / "january.jsonl").touch()
    monkeypatch.chdir(tmp_path)
    async with opened(project_with(tmp_path / "p", [])) as pilot:
        await press(pilot, "I", "d", "tab", "tab")
        assert line(pilot).value == "deliveries/january.jsonl"
        await press(pilot, "tab")
        assert line(pilot).id == "columns"


def test_a_completion_goes_as_far_as_all_names_agree(tmp_path: Path) -> None:
    for name in ("rows-a.jsonl", "rows-b.jsonl", ".hidden", "rows-\x1b[2J"):
        (tmp_path / name).touch()
    assert completed(Paths(), f"{tmp_path}/r") == f"{tmp_path}/rows-"
    assert Paths().choices(f"{tmp_path}/") == [f"{tmp_path}/rows-a.jsonl", f"{tmp_path}/rows-b.jsonl"]
    assert Paths().choices(f"{tmp_path}/.h") == [f"{tmp_path}/.hidden"]
    assert Paths().choices("~nosuch/x") == Paths().choices("/no/such/") == []
    assert completed(Words(["length(", "label"]), "not (lab") == "not (label"


def test_a_damaged_history_is_an_empty_one_and_it_is_bounded(tmp_path: Path) -> None:
    file = tmp_path / "lines.json"
    for text in ("[", "[]", '{"filter": 3, "search": [1, "kept"]}', "[" * 100_000):
        file.write_text(text, encoding="utf-8")
        assert LineHistory(file).lines("filter") == []
    history = LineHistory(file)
    for number in range(KEPT_LINES + 50):
        history.add("search", f"line {number}")
    assert len(LineHistory(file).lines("search")) == KEPT_LINES
    assert LineHistory(file).lines("search")[-1] == f"line {KEPT_LINES + 49}"
