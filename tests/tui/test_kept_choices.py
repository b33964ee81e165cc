"""Theme and layout are found again as they were chosen; studio.toml is the person's own."""

from __future__ import annotations

from pathlib import Path

from tests.tui.data_story import data_screen, opened, press, project_with, said, tickets


async def test_theme_and_layout_are_as_they_were_left(tmp_path: Path) -> None:
    project = project_with(tmp_path, tickets(3))
    settings = project.settings_path.read_bytes()
    async with opened(project) as pilot:
        assert data_screen(pilot).has_class("beside"), "as the width suggests"
        await press(pilot, "z", "ctrl+t")
        assert not data_screen(pilot).has_class("beside")
    async with opened(project) as pilot:
        assert not data_screen(pilot).has_class("beside")
        assert pilot.app.theme == "textual-light"
    assert project.settings_path.read_bytes() == settings, "studio.toml belongs to the person"


async def test_a_damaged_file_of_choices_costs_the_choices_and_a_word(tmp_path: Path) -> None:
    project = project_with(tmp_path, tickets(3))
    for text in ("{", "[]", '{"theme": 5}', "\\ud800"):
        (tmp_path / "screens.json").write_text(text)
        async with opened(project) as pilot:
            assert data_screen(pilot).has_class("beside")
            assert pilot.app.theme == "textual-dark"
            assert "screens.json" in said(pilot), text
