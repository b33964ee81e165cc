"""What a key costs on a slow line: the bytes that go to the terminal for it, on every screen."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from textual._compositor import CompositorUpdate
from textual.app import App
from textual.pilot import Pilot
from textual.screen import Screen

from studio.dataset.formats.reading import Candidate
from studio.files import take_lock
from studio.project import Project
from studio.runs.events import EventWriter
from studio.tui.app import StudioApp
from tests.tui.data_story import opened, press, project_with, shown, tickets
from tests.tui.resting import settle
from tests.tui.run_story import STEPS, model_without_weights, opened_on, recorded_runs, train_run, write_steps

SMALL, LARGE = (80, 24), (120, 40)
KB = 1024
WORDS = (
    "the",
    "order",
    "never",
    "came",
    "she",
    "had",
    "paid",
    "twice",
    "and",
    "wrote",
    "to",
    "us",
    "about",
    "a",
    "lamp",
)


class Line:
    """The line to the terminal: how many bytes went over it."""

    def __init__(self) -> None:
        self.sent = self.frames = 0

    @contextmanager
    def at_most(self, count: int) -> Iterator[None]:
        """Something must be sent, and no more than this."""
        self.sent = self.frames = 0
        yield
        assert 0 < self.sent <= count


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Line:
    line = Line()

    def display(app: App[Any], screen: Screen[Any], update: object) -> None:
        if isinstance(update, CompositorUpdate) and screen is app.screen and not app._batch_count:
            line.sent += len(update.render_segments(app.console).encode()) + len("\x1b[1;1H")
            line.frames += 1

    monkeypatch.setattr(App, "_display", display)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")  # the longest codes
    return line


def letters(count: int) -> list[Candidate]:
    """Rows that have little in common: each in its own words, as long as a person's letter."""
    chosen = random.Random(7)
    texts = [" ".join(chosen.choices(WORDS, k=chosen.randint(20, 90))) for _ in range(2 * count)]
    return [
        Candidate(f"{n} {prompt}", completion, task="letters")
        for n, (prompt, completion) in enumerate(zip(texts[::2], texts[1::2], strict=True))
    ]


async def poll(pilot: Pilot[None]) -> None:
    assert isinstance(pilot.app, StudioApp)
    pilot.app.poll_runs()
    await settle(pilot)


@pytest.mark.parametrize(("size", "most"), [(SMALL, 3 * KB), (LARGE, 5 * KB)])
async def test_a_step_or_a_decision_costs_little_with_the_new_row_shown_whole(
    tmp_path: Path, line: Line, size: tuple[int, int], most: int
) -> None:
    async with opened(project_with(tmp_path, letters(60)), size) as pilot:
        for key in ("j", "j", "k", "a", "s", "x", "u"):
            with line.at_most(most):
                await press(pilot, key)


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_a_letter_of_a_filter_costs_the_lines_above_it(tmp_path: Path, line: Line, size: tuple[int, int]) -> None:
    async with opened(project_with(tmp_path, letters(60)), size) as pilot:
        for key in ("f", *"re", "backspace", *"vision > 1 and to"):
            with line.at_most(3 * KB):
                await press(pilot, {" ": "space", ">": "greater_than_sign"}.get(key, key))


@pytest.mark.parametrize(("size", "most"), [(SMALL, 12 * KB), (LARGE, 25 * KB)])
async def test_a_page_costs_no_more_than_the_screen_it_fills(
    tmp_path: Path, line: Line, size: tuple[int, int], most: int
) -> None:
    async with opened(project_with(tmp_path, letters(300)), size) as pilot:
        for key in ("pagedown", "pagedown", "G", "g"):
            with line.at_most(most):
                await press(pilot, key)


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_the_crosshair_costs_what_it_moves_over(tmp_path: Path, line: Line, size: tuple[int, int]) -> None:
    project = Project.init(tmp_path)
    recorded_runs(project)
    async with opened_on(project, "runs", size) as pilot:
        await press(pilot, "j", "left")
        for _ in range(3):
            with line.at_most(2 * KB):
                await press(pilot, "left")


@pytest.mark.parametrize(("size", "most"), [(SMALL, KB), (LARGE, 2 * KB)])
async def test_the_next_answer_of_a_comparison_costs_its_text(
    tmp_path: Path, line: Line, size: tuple[int, int], most: int
) -> None:
    project = Project.init(tmp_path)
    recorded_runs(project)
    async with opened_on(project, "compare", size) as pilot:
        await poll(pilot)
        for before in ((), ("pagedown",)):  # within what is in sight; then each row scrolls the others
            await press(pilot, *before)
            for _ in range(4):
                with line.at_most(most):
                    await press(pilot, "j")
                assert line.frames == 1, "the new row and its answers together"


async def test_the_next_line_of_the_window_check_costs_two_lines(
    tmp_path: Path, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "cache"))
    Project.init(tmp_path / "project", base_model=str(model_without_weights(tmp_path / "model")), max_length=128)
    async with opened_on(project_with(tmp_path / "project", tickets(30)), "window", LARGE) as pilot:
        await settle(pilot)
        for _ in range(3):
            with line.at_most(2 * KB):
                await press(pilot, "j")


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_a_step_of_a_training_costs_what_it_changes(tmp_path: Path, line: Line, size: tuple[int, int]) -> None:
    project = Project.init(tmp_path)
    directory = train_run(project, "train-1", steps=STEPS // 2)
    with take_lock(directory.lock_path):
        events = EventWriter(directory.events_path)
        async with opened_on(project, "runs", size) as pilot:
            await poll(pilot)
            for step in range(STEPS // 2 + 1, STEPS // 2 + 4):
                write_steps(events, step, step)
                with line.at_most(3 * KB):
                    await poll(pilot)
                assert f"{step} / {STEPS}" in shown(pilot) or f"step {step}" in shown(pilot)
        events.close()


@pytest.mark.parametrize("screen", ["data", "window", "runs", "compare", "try", "checks"])
async def test_nothing_is_sent_while_nothing_happens(tmp_path: Path, line: Line, screen: str) -> None:
    project = project_with(tmp_path, tickets(30))
    recorded_runs(project)
    async with opened_on(project, screen) as pilot:
        await poll(pilot)
        line.sent = 0
        await poll(pilot)
        assert line.sent == 0
