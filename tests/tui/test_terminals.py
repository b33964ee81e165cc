"""What is seen on terminals that show less: no colour, no strike-through, no letters beyond ASCII."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.dataset.store import Store
from studio.project import Project
from studio.tui.terminal import shows_strike
from tests.tui.data_story import opened, press, project_with, shown, tickets
from tests.tui.run_story import opened_on, recorded_runs
from tests.tui.test_golden_screens import SETTINGS


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


GOLDEN = Path(__file__).parents[1] / "golden" / "terminals"


def support_desk(root: Path) -> Project:
    project = project_with(root / "support-desk", tickets(30))
    project.settings_path.write_text(SETTINGS)
    return project


def held_against(name: str, text: str, request: pytest.FixtureRequest) -> None:
    """The screen against its golden file, or made anew."""
    path = GOLDEN / f"{name}.txt"
    wanted = "\n".join(line.rstrip() for line in text.splitlines()) + "\n"
    if request.config.getoption("--make-pictures"):
        path.write_text(wanted, encoding="utf-8")
    assert wanted == path.read_text(encoding="utf-8")


SCREENS = ("data", "window", "runs", "compare", "try")


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("size", [(80, 24), (60, 15)])
async def test_in_the_c_locale_every_screen_is_ascii_cell_for_cell(
    screen: str, size: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    project = support_desk(tmp_path)
    recorded_runs(project)
    async with opened_on(project, screen, size) as pilot:
        text = shown(pilot)
        held_against(f"{screen}-ascii-{size[0]}x{size[1]}", text, request)
        assert text.isascii()
        assert {len(line) for line in text.splitlines()} == {size[0]}


@pytest.mark.parametrize("screen", SCREENS)
async def test_at_60_by_15_every_screen_shows_its_first_thing(screen: str, tmp_path: Path) -> None:
    project = support_desk(tmp_path)
    recorded_runs(project)
    first = {
        "data": "where is order 1?",
        "window": "no model 'tiny' here",
        "runs": "finished",
        "compare": "zero shot",
        "try": "prompt",
    }
    async with opened_on(project, screen, (60, 15)) as pilot:
        assert first[screen] in shown(pilot).split("Try", 1)[1].rsplit("\n", 2)[0], "not only in the status line"
