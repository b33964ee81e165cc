"""What is seen on terminals that show less: no colour, no strike-through, no letters beyond ASCII."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.dataset.store import Store
from studio.tui.terminal import shows_strike
from tests.tui.data_story import opened, press, project_with, shown, tickets


@pytest.mark.parametrize(
    ("term", "no_color", "is_shown"),
    [
        ("xterm-256color", "", True),
        ("tmux-256color", "", True),
        ("screen", "", False),
        ("screen-256color", "", False),
        ("linux", "", False),
        ("xterm-256color", "1", False),
    ],
)
def test_strike_is_trusted_only_where_it_is_seen(
    term: str, no_color: str, is_shown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("NO_COLOR", no_color)
    assert shows_strike() is is_shown


async def test_the_history_of_a_row_is_read_without_colour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "screen")
    project = project_with(tmp_path, tickets(3))
    with Store.open(project.store_path, "anna") as store:
        store.set_text(1, prompt="where is parcel 1?")
    async with opened(project) as pilot:
        await press(pilot, "i")
        assert "where is [-order-]{+parcel+} 1?" in shown(pilot)
