"""What the stories of the Data screen share: a project with rows in it, and an app driven by keys."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from textual.pilot import Pilot
from textual.widgets import Input

from studio.dataset.formats.reading import Candidate
from studio.dataset.store import Store
from studio.project import Project
from studio.tui.app import StudioApp
from studio.tui.screens.data.screen import DataScreen
from tests.tui.resting import settle, threads_answered

WIDE, NARROW = (140, 40), (80, 24)


def tickets(count: int) -> list[Candidate]:
    return [Candidate(f"where is order {n}?", f'{{"order": {n}}}', task="tickets") for n in range(1, count + 1)]


def project_with(root: Path, rows: Sequence[Candidate]) -> Project:
    project = Project.init(root)
    with Store.open(project.store_path, "anna") as store:
        if rows:
            store.add(rows, "rows.jsonl")
    return project


@asynccontextmanager
async def opened(project: Project, size: tuple[int, int] = WIDE) -> AsyncIterator[Pilot[None]]:
    app = StudioApp(project)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        yield pilot


async def press(pilot: Pilot[None], *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
        await threads_answered(pilot.app)
    await settle(pilot)


async def hold_down(pilot: Pilot[None], key: str, times: int) -> None:
    """Key repeat: the presses come faster than anything is drawn."""
    for _ in range(times):
        pilot.app.simulate_key(key)
    await settle(pilot)


async def type_line(pilot: Pilot[None], text: str) -> None:
    """Put text into the line that has the keyboard, then Enter."""
    line = pilot.app.focused
    assert isinstance(line, Input)
    line.value += text
    await pilot.press("enter")
    await settle(pilot)


def data_screen(pilot: Pilot[None]) -> DataScreen:
    screen = pilot.app.screen
    assert isinstance(screen, DataScreen)
    return screen


def said(pilot: Pilot[None]) -> str:
    app = pilot.app
    assert isinstance(app, StudioApp)
    return app.last_said[0]


def shown(pilot: Pilot[None]) -> str:
    """The screen as a person has it, line by line."""
    screen = pilot.app.screen
    return "\n".join("".join(piece.text for piece in strip) for strip in screen._compositor.render_strips())


def labels(project: Project) -> dict[str, int]:
    with Store.open(project.store_path, "anna") as store:
        return {name: count for name, count in store.stats().labels.items() if count}
