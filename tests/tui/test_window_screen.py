"""Stories of the Window screen, with a real tokenizer and store."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from studio.dataset.formats.reading import Candidate
from studio.project import Project
from studio.tui.app import StudioApp
from studio.tui.screens.data.screen import DataScreen
from studio.tui.screens.window.screen import WindowScreen, step_of
from studio.tui.widgets.prompt_bar import PromptBar
from tests.tui.data_story import NARROW, data_screen, press, project_with, said, shown, tickets, type_line
from tests.tui.resting import settle
from tests.tui.run_story import model_without_weights, opened_on

LONG = Candidate("why " * 90, "because", task="tickets")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "cache"))
    Project.init(tmp_path / "project", base_model=str(model_without_weights(tmp_path / "model")), max_length=128)
    return project_with(tmp_path / "project", [*tickets(30), LONG])


async def type_instead(pilot: Pilot[None], text: str) -> None:
    """Type over what stands selected in the line."""
    line = pilot.app.focused
    assert isinstance(line, Input)
    line.value = ""
    await type_line(pilot, text)


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


async def test_a_max_length_beyond_the_context_window_is_refused_and_nothing_shown_changes(project: Project) -> None:
    async with opened_on(project, "window") as pilot:
        await settle(pilot)
        await press(pilot, "m")
        await type_instead(pilot, "100000")
        assert "100,000: the context window has 256" in shown(pilot)
        await type_instead(pilot, "9" * 5000)
        assert "a whole number from 8 on is needed" in shown(pilot)
        await press(pilot, "escape")
        assert "max_length 128 of 256" in shown(pilot)
        assert pilot.app.screen.query_one(PromptBar).is_open is False


async def test_a_model_that_cannot_be_found_is_refused_and_what_is_shown_stays_true(
    project: Project, tmp_path: Path
) -> None:
    """The title named the new model while the figures below were the old one's."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "config.json").write_text('{"a":' * 50_000 + "1" + "}" * 50_000)
    names = {
        "nosuch": "no model 'nosuch' here",
        "~nosuch/x": "no model '~nosuch/x' here",
        "x" * 300: "no model 'xxxxxxxxxx",
        str(tmp_path / "deep"): "nested too deeply",
    }
    async with opened_on(project, "window") as pilot:
        await settle(pilot)
        before = pilot.app.screen.query_one("#lengths").border_title
        for name, said_of_it in names.items():
            await press(pilot, "b")
            await type_instead(pilot, name)
            await settle(pilot)
            assert said_of_it in said(pilot)
            assert pilot.app.screen.query_one(PromptBar).is_open
            await press(pilot, "escape")
        assert pilot.app.screen.query_one("#lengths").border_title == before
        assert "n 31" in shown(pilot)
        session = cast(StudioApp, pilot.app).session
        assert session.base_model == str(tmp_path / "model"), "a new run begins with the model that is there"


async def test_a_model_that_cannot_be_used_leaves_no_figures_of_the_one_before(
    project: Project, tmp_path: Path
) -> None:
    other = model_without_weights(tmp_path / "other")
    (other / "chat_template.jinja").write_text("{{ raise_exception('no such role') }}")
    async with opened_on(project, "window") as pilot:
        await settle(pilot)
        assert "whole" in shown(pilot) and "#31" in shown(pilot)
        await press(pilot, "b")
        await type_instead(pilot, str(other))
        await settle(pilot)
        assert "no such role" in shown(pilot)
        assert "n 31" not in shown(pilot) and "#31" not in shown(pilot) and "96.8 %" not in shown(pilot)


async def test_a_model_with_a_smaller_window_brings_max_length_down_and_says_so(
    project: Project, tmp_path: Path
) -> None:
    other = model_without_weights(tmp_path / "other", context_window=64)
    async with opened_on(project, "window") as pilot:
        await settle(pilot)
        await press(pilot, "b")
        await type_instead(pilot, str(other))
        await settle(pilot)
        title = str(pilot.app.screen.query_one("#lengths").border_title)
        assert "max_length 64 of 64" in title and str(other)[:20] in title
        assert cast(StudioApp, pilot.app).session.max_length == 64


async def test_a_project_whose_max_length_is_beyond_the_window_says_so_and_m_mends_it(tmp_path: Path) -> None:
    model = model_without_weights(tmp_path / "model")
    Project.init(tmp_path / "project", base_model=str(model), max_length=512)
    async with opened_on(project_with(tmp_path / "project", tickets(3)), "window") as pilot:
        await settle(pilot)
        assert "max_length=512 is more than the model's context window of 256 tokens" in shown(pilot)
        await press(pilot, "m")
        await type_instead(pilot, "256")
        await settle(pilot)
        assert "max_length 256 of 256" in shown(pilot)


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
