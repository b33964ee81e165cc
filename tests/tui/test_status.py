"""The status line: an error goes when its cause does, nothing is clipped, progress is always there."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.tui.widgets.status import StatusLine, shortened
from tests.tui.data_story import NARROW, data_screen, opened, press, project_with, said, shown, tickets, type_line


@pytest.mark.parametrize("keys", [("escape",), ("escape", "j"), ("escape", "r")])
async def test_a_filters_mistake_does_not_outlive_it(tmp_path: Path, keys: tuple[str, ...]) -> None:
    async with opened(project_with(tmp_path, tickets(6)), NARROW) as pilot:
        await press(pilot, "f")
        await type_line(pilot, "colour = 'red'")
        assert "✗ The filter names colour" in shown(pilot)
        await press(pilot, *keys)
        assert "colour" not in shown(pilot)
        assert said(pilot) == ""


async def test_the_next_good_filter_takes_the_mistake_away(tmp_path: Path) -> None:
    async with opened(project_with(tmp_path, tickets(6)), NARROW) as pilot:
        await press(pilot, "f")
        await type_line(pilot, "colour = 'red'")
        assert "✗" in shown(pilot), "while it is being mended the reason stays"
        line = pilot.app.focused
        line.value = ""  # type: ignore[union-attr]
        await type_line(pilot, "example_id > 4")
        assert len(data_screen(pilot).table.ids) == 2
        assert "✗" not in shown(pilot)


async def test_an_error_is_whole_at_80_columns_and_leaves_the_progress_in_sight(tmp_path: Path) -> None:
    async with opened(project_with(tmp_path, tickets(6)), NARROW) as pilot:
        await press(pilot, "a", ":")
        await type_line(pilot, "no such action")
        reason = "No action 'no such action'. ? lists them; a number goes to that row."
        assert said(pilot) == reason
        words = " ".join(shown(pilot).split())
        assert reason in words
        assert "1 of 6 labelled" in words
        await press(pilot, "j")
        assert data_screen(pilot).query_one(StatusLine).size.height == 1, "its line is given back"


def test_what_is_too_long_is_shortened_by_whole_words() -> None:
    assert shortened("accept · 1 of 500 · row 12 · saved · u undoes", 30) == "accept · 1 of 500 · row 12 …"
    assert shortened("short", 30) == "short"
    assert shortened("unbreakablylongword", 8) == "unbreak…"
