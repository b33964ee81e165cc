"""What a click does: a key of the footer, a tab, a pane, a row of every list."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from studio.project import Project
from studio.tui.app import StudioApp
from studio.tui.dialogs.help import HelpDialog
from studio.tui.screens.data.example_pane import ExamplePane
from studio.tui.widgets.row_list import RowList
from tests.tui.data_story import data_screen, opened, press, project_with, said, shown, tickets
from tests.tui.resting import settle
from tests.tui.run_story import comparison, model_without_weights, opened_on, recorded_runs


async def click_on(pilot: Pilot[None], words: str, *, within: Callable[[int], bool] = lambda line: True) -> None:
    """Click on the first cell of the words, where a person sees them."""
    lines = shown(pilot).splitlines()
    y = next(y for y, line in enumerate(lines) if words in line and within(y))
    await pilot.click(offset=(lines[y].index(words), y))
    await settle(pilot)


async def click(pilot: Pilot[None], selector: str, line: int) -> None:
    """Click on a line of a widget, its border counted."""
    await pilot.click(selector, offset=(20, line))
    await settle(pilot)


async def test_a_click_on_a_key_of_the_footer_is_that_key(tmp_path: Path) -> None:
    async with opened(project_with(tmp_path, tickets(3)), (80, 24)) as pilot:
        await click_on(pilot, "x reject", within=lambda y: y == 23)
        assert said(pilot).startswith("reject · 1 of 3")
        await click_on(pilot, "all keys", within=lambda y: y == 23)
        assert isinstance(pilot.app.screen, HelpDialog)


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (140, 40)])
async def test_a_click_on_a_tab_shows_that_screen(tmp_path: Path, size: tuple[int, int]) -> None:
    async with opened(project_with(tmp_path, tickets(3)), size) as pilot:
        for name in ("Window", "Try", "Checks", "Compare", "Runs", "Data"):
            await click_on(pilot, f" {name}", within=lambda y: y == 0)
            assert pilot.app.current_mode == name.lower()


async def test_a_click_on_a_pane_or_its_border_gives_it_the_keyboard(tmp_path: Path) -> None:
    project = project_with(tmp_path, tickets(3))
    comparison(project, "compare-1")
    async with opened(project) as pilot:
        pane = data_screen(pilot).query_one(ExamplePane)
        await pilot.click(ExamplePane, offset=(10, 0))  # its border
        await settle(pilot)
        assert pane.has_focus
        await click_on(pilot, "all keys", within=lambda y: y == 39)
        await press(pilot, "escape")
        assert pane.has_focus, "a key of the footer leaves the keyboard where it is"
        await press(pilot, "f5")
        pilot.app.set_focus(None)
        await click_on(pilot, "#1 · tickets")  # the title of the pane of answers, which takes no keyboard
        assert pilot.app.screen.query_one("#rows", RowList).has_focus


async def test_a_click_on_a_row_moves_there_and_a_second_one_goes_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "cache"))
    model = model_without_weights(tmp_path / "model")
    project = Project.init(tmp_path / "desk", base_model=str(model), max_length=128)
    project_with(project.root, tickets(6))
    recorded_runs(project)
    async with opened_on(project, "window") as pilot:
        assert isinstance(pilot.app, StudioApp)
        fates = pilot.app.screen.query_one("#fates", RowList)
        await pilot.click("#fates", offset=(5, 2))  # within its border: the second row
        await settle(pilot)
        assert (fates.index, fates.has_focus) == (1, True)
        await click(pilot, "#fates", 0)
        assert fates.index == 1, "a border is no row"
        await click(pilot, "#fates", 1)
        await click(pilot, "#fates", 1)
        assert pilot.app.current_mode == "data" and len(data_screen(pilot).table.ids) == 6

        await press(pilot, "f4")
        runs = pilot.app.screen.query_one("#runs", RowList)
        await click(pilot, "#runs", 2)
        assert runs.index == 1
        await click(pilot, "#runs", 1)
        assert runs.index == 0
        await click(pilot, "#runs", 1)
        assert pilot.app.current_mode == "compare", "a comparison goes to Compare"

        rows = pilot.app.screen.query_one("#rows", RowList)
        await click(pilot, "#rows", 3)
        assert rows.index == 3
        await click(pilot, "#rows", 3)
        assert pilot.app.current_mode == "data"
