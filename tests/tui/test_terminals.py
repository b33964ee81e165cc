"""What is seen on terminals that show less: no colour, no strike-through, no letters beyond ASCII."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.cells import cell_len

from studio.dataset.store import Store
from studio.project import Project
from studio.tui.terminal import shows_strike
from tests.tui.data_story import opened, press, project_with, shown, tickets
from tests.tui.resting import resize
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


SCREENS = {"data": "f2", "window": "f3", "runs": "f4", "compare": "f5", "try": "f6", "checks": "f7"}


MODES = {
    "ascii": {"LC_ALL": "C"},
    "16": {"TERM": "screen", "COLORTERM": ""},
    "plain": {"TERM": "vt100", "COLORTERM": "", "NO_COLOR": "1"},
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [(80, 24), (60, 15)])
async def test_the_screens_are_as_they_were_looked_at_where_a_terminal_shows_less(
    mode: str, size: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    for name, value in MODES[mode].items():
        monkeypatch.setenv(name, value)
    project = support_desk(tmp_path)
    recorded_runs(project)
    async with opened_on(project, "data", size) as pilot:
        for screen, key in SCREENS.items():
            await press(pilot, key)
            text = shown(pilot)
            held_against(f"{screen}-{mode}-{size[0]}x{size[1]}", text, request)
            assert text.isascii() or mode != "ascii"
            assert {cell_len(line) for line in text.splitlines()} == {size[0]}


SIZES = [(60, 15), (80, 24), (100, 30), (120, 40), (140, 40), (200, 60)]
FIRST_THINGS = {
    "data": ("where is order 1?", "a accept"),
    "window": ("no model 'tiny' here", "? all keys"),
    "runs": ("✓ finished", "step 84 / 84", "? all keys"),
    "compare": ("tuned answers 20 of 40 exactly", "zero_shot", "✚   322", "? all keys"),
    "try": ("prompt", "zero_shot", "When a run has made a model", "all keys"),
    "checks": ("checks · ", "before", "? all keys"),
}


@pytest.mark.parametrize("mode", ["truecolor", "256", "16", "plain"])
async def test_at_every_size_every_screen_shows_its_first_things(
    mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = {"truecolor": {"TERM": "xterm", "COLORTERM": "truecolor"}, "256": {"TERM": "xterm-256color"}}
    for name, value in (MODES | more)[mode].items():
        monkeypatch.setenv(name, value)
    project = support_desk(tmp_path)
    recorded_runs(project)
    async with opened_on(project, "data", (80, 24)) as pilot:
        # Where things stand goes by the size, how they look by the mode: one mode has all sizes, the others two.
        for size in SIZES if mode == "truecolor" else (SIZES[0], SIZES[-1]):
            await resize(pilot, size)
            for screen, key in SCREENS.items():
                await press(pilot, key)
                if screen == "runs":
                    await press(pilot, "G")  # the training
                text = shown(pilot)
                missing = [thing for thing in FIRST_THINGS[screen] if thing not in text]
                assert not missing, f"{screen} at {size}:\n{text}"


async def test_where_there_is_little_height_ctrl_d_puts_the_answers_in_full_in_place_of_the_scores(
    tmp_path: Path,
) -> None:
    project = support_desk(tmp_path)
    recorded_runs(project)
    async with opened_on(project, "compare", (60, 15)) as pilot:
        assert "latency" in shown(pilot) and "#322 · tickets" not in shown(pilot)
        await press(pilot, "ctrl+d")
        assert "latency" not in shown(pilot) and "#322 · tickets · fixed" in shown(pilot)
        await press(pilot, "j", "ctrl+d")
        assert "#318 · tickets · fixed" in shown(pilot) and "✚   317" in shown(pilot)
        await press(pilot, "escape")
        assert "latency" in shown(pilot)


async def test_in_16_colours_and_without_any_the_row_under_the_cursor_is_turned_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In grey on another grey it was lost, and with it which run ``X`` stops."""
    project = support_desk(tmp_path)
    recorded_runs(project)
    for mode in ("16", "plain"):
        for name, value in MODES[mode].items():
            monkeypatch.setenv(name, value)
        async with opened_on(project, "runs", (120, 40)) as pilot:
            for key in ("f4", "f2"):
                await press(pilot, key, "j")
                strips = pilot.app.screen._compositor.render_strips()
                turned = [y for y, strip in enumerate(strips) if any(one.style and one.style.reverse for one in strip)]
                assert len(turned) == 1, (mode, key)
