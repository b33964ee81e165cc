"""Stories of the Window screen, with a real tokenizer and store."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input

from studio.dataset.formats.reading import Candidate
from studio.project import Project
from studio.tui.screens.data.screen import DataScreen
from studio.tui.screens.window.screen import WindowScreen, step_of
from tests.tui.data_story import NARROW, data_screen, press, project_with, said, settle, shown, tickets, type_line
from tests.tui.run_story import model_without_weights, opened_on

LONG = Candidate("why " * 90, "because", task="tickets")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "cache"))
    Project.init(tmp_path / "project", base_model=str(model_without_weights(tmp_path / "model")), max_length=128)
    return project_with(tmp_path / "project", [*tickets(30), LONG])


async def test_fates_lengths_and_the_cost_of_shots_are_shown(project: Project) -> None:
    async with opened_on(project, "window") as pilot:
        await settle(pilot)
        text = shown(pilot)
        assert "31 rows counted" in said(pilot)
        assert "max_length 128" in text
        assert "n 31" in text
        assert "96.8 %" in text
        assert "nothing left to learn" in text
        assert "│ 128" in text or "128 │" in text, "the limit is drawn in the histogram"
        assert "of the window" in text
        assert "#31" in text


async def test_a_second_check_counts_nothing_again(project: Project) -> None:
    async with opened_on(project, "window") as pilot:
        await settle(pilot)
    async with opened_on(project, "window") as pilot:
        await settle(pilot)
        assert "n 31" in shown(pilot)
        assert "rows counted" not in said(pilot)


async def test_enter_opens_the_rows_of_a_fate_in_data(project: Project) -> None:
    async with opened_on(project, "window") as pilot:
        await settle(pilot)
        await press(pilot, "j")
        await press(pilot, "enter")
        assert said(pilot) == "no row has the fate answer cut"
        await press(pilot, "G", "enter")
        await settle(pilot)
        assert isinstance(pilot.app.screen, DataScreen)
        assert "nothing left to learn" in shown(pilot)
        assert said(pilot) == "1 row · esc goes back to Window"
        await press(pilot, "escape")
        assert isinstance(pilot.app.screen, WindowScreen)
        await press(pilot, "f2")
        assert len(data_screen(pilot).table.ids) == 31, "Data has the rows it had before"


async def test_max_length_is_changed_by_steps_or_typed(project: Project) -> None:
    async with opened_on(project, "window", NARROW) as pilot:
        await settle(pilot)
        await press(pilot, "+")
        await settle(pilot)
        assert "max_length 160" in shown(pilot)
        await press(pilot, "m")
        await type_line(pilot, "x")
        assert "a whole number from 8 on is needed" in shown(pilot)
        await press(pilot, "escape")
        screen = pilot.app.screen
        assert isinstance(screen, WindowScreen)
        screen._set_max_length(10_000)
        await settle(pilot)
        assert "max_length 256" in shown(pilot), "never beyond the context window"


async def test_data_warns_by_the_max_length_that_was_tried_here(project: Project) -> None:
    async with opened_on(project, "data") as pilot:
        assert "fate whole" in shown(pilot)
        await press(pilot, "f3", *["-"] * 9, "f2")
        assert "fate whole" not in shown(pilot)
        assert "▲ fate" in shown(pilot), "the row under the cursor is over 24 tokens"


async def test_the_new_run_form_begins_with_the_max_length_that_was_tried_here(project: Project) -> None:
    async with opened_on(project, "window") as pilot:
        await press(pilot, "+", "f4", "n")
        assert pilot.app.screen.query_one("#row-max_length").query_one(Input).value == "160"


def test_steps_are_round_and_go_back_to_where_they_came_from() -> None:
    for start in (64, 128, 512, 640, 2048):
        longer = start + step_of(start)
        assert longer - step_of(longer - 1) == start


async def test_a_model_that_is_not_here_is_said_with_the_command_that_gets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "cache"))
    project = project_with(tmp_path / "project", tickets(2))
    async with opened_on(project, "window") as pilot:
        await settle(pilot)
        assert "no model 'smollm2-135m-instruct' here." in shown(pilot)
        assert "studio models get smollm2-135m-instruct" in shown(pilot)
