"""The story of the history of comparisons on the Compare screen."""

from __future__ import annotations

from studio.project import Project
from tests.reports.test_history import project as project
from tests.tui.data_story import NARROW, press, shown
from tests.tui.run_story import opened_on


async def test_h_shows_the_history_and_enter_opens_a_comparison(project: Project) -> None:
    async with opened_on(project, "compare", NARROW) as pilot:
        await press(pilot, "<", "H")
        text = shown(pilot)
        assert "comparisons, oldest first" in text and text.count("├") >= 3
        await press(pilot, "f")
        assert "task tickets" in shown(pilot)
        await press(pilot, "g", "enter")
        assert "4/4 compare-1" in shown(pilot)
