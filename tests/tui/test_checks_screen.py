"""Stories of the Checks screen: what is wrong with the rows, and what is done about it."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from studio.dataset.candidates import Candidate
from studio.project import Project
from studio.tui.screens.checks.screen import ChecksScreen
from studio.tui.screens.data.screen import DataScreen
from tests.tui.data_story import data_screen, press, project_with, said, shown, tickets, type_line
from tests.tui.resting import settle
from tests.tui.run_story import opened_on

SECRET = "AKIAIOSFODNN7EXAMPLE"
ROWS = [
    *tickets(20),
    Candidate(f"Use {SECRET} to log in", "Done."),
    Candidate("The cafÃ© is closed", "Come tomorrow."),
    Candidate("Where is my parcel?", "On its way."),
    Candidate("where is my parcel?", "It was lost."),
]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "cache"))
    return project_with(tmp_path / "project", ROWS)


async def go_to(pilot: Pilot[None], screen: ChecksScreen, name: str) -> None:
    names = [one.check.name for one in screen._results]
    await press(pilot, "g", *["j"] * names.index(name))


async def waive_and_undo(pilot: Pilot[None]) -> None:
    await press(pilot, "W")
    await type_line(pilot, "it is Amazon's example")
    await settle(pilot)
    assert said(pilot) == "waive secrets · saved · u undoes"
    assert "1 waived" in shown(pilot) and "Waived by" in shown(pilot)
    await press(pilot, "u")
    await settle(pilot)
    assert "1 error" in shown(pilot)


async def mend_and_undo(pilot: Pilot[None], screen: ChecksScreen) -> None:
    await go_to(pilot, screen, "mojibake")
    await press(pilot, "A")
    await settle(pilot)
    assert "{+café+}" in shown(pilot), "a fix is shown before it is done"
    await press(pilot, "A")
    await settle(pilot)
    assert "mojibake" not in shown(pilot)
    assert screen.session.opened().example(22).prompt == "The café is closed"
    await press(pilot, "u")
    await settle(pilot)
    assert "mojibake" in shown(pilot)


async def settle_and_undo(pilot: Pilot[None]) -> None:
    await press(pilot, "b")
    text = shown(pilot)
    assert "group 1 of 1" in text and "On its way." in text and "It was lost." in text and "95.8 %" in text
    await press(pilot, "l", "a")
    assert "settled" in shown(pilot) and "It was lost." in shown(pilot) and "On its way." not in shown(pilot)
    await press(pilot, "u")
    assert "On its way." in shown(pilot)
    await press(pilot, "e")
    assert "edit · row 23" in shown(pilot)
    await press(pilot, "escape", "escape")
    await settle(pilot)


async def test_what_is_found_is_shown_mended_waived_and_opened_in_data(project: Project) -> None:
    async with opened_on(project, "checks") as pilot:
        await settle(pilot)
        text = shown(pilot)
        assert "1 error" in text and "secrets" in text and "1 row has a key, a token or a password" in text
        assert SECRET not in text and "AKI•••" in text, "a secret is masked on a screen"
        assert "b side by side" not in text and "W waive" in text, "the footer names no key that can do nothing here"

        await waive_and_undo(pilot)
        screen = pilot.app.screen
        assert isinstance(screen, ChecksScreen)
        await mend_and_undo(pilot, screen)
        await go_to(pilot, screen, "contradictory_duplicates")
        await settle_and_undo(pilot)
        await press(pilot, "enter")
        await settle(pilot)
        assert isinstance(pilot.app.screen, DataScreen)
        assert list(data_screen(pilot).table.ids) == [23, 24] and "group 1 of 1" in shown(pilot)
        await press(pilot, "x", "escape")
        await settle(pilot)
        assert isinstance(pilot.app.screen, ChecksScreen)
        assert "contradictory" not in shown(pilot), "a rejected row is an answer"


async def test_rows_like_this_one_are_a_view(project: Project, tmp_path: Path) -> None:
    lamp = "I bought a desk lamp from you in the spring and since last week it flickers when somebody walks past"
    near = project_with(tmp_path / "near", [Candidate(lamp, "c"), *tickets(3), Candidate(f"{lamp}!", "d")])
    async with opened_on(near, "data") as pilot:
        await settle(pilot)
        await press(pilot, "~")
        await settle(pilot)
        assert list(data_screen(pilot).table.ids) == [1, 5] and "rows like 1" in shown(pilot)
        await press(pilot, "escape", "j", "~")
        await settle(pilot)
        assert said(pilot) == "no row is nearly like 2"
