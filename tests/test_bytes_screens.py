"""No screen sends a byte of data to the terminal: every key of every screen and dialog, over twenty hostile rows.

What is looked at is what Textual's driver writes. ``test_bytes_terminal.py`` looks at a real terminal's end too.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.command import CommandPalette
from textual.drivers.headless_driver import HeadlessDriver
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

import studio.tui.dialogs
import studio.tui.screens
from studio.dataset.candidates import Candidate
from studio.dataset.store import Store
from studio.errors import StudioError
from studio.files import take_lock
from studio.project import Project
from studio.runs.directory import RunDirectory
from studio.tui import actions
from studio.tui.app import StudioApp
from studio.tui.dialogs.dialog import StudioDialog
from studio.tui.dialogs.form_dialog import FormDialog
from studio.tui.dialogs.list_dialog import ListDialog
from studio.tui.dialogs.welcome import WelcomeDialog
from studio.tui.screens.base import StudioScreen
from studio.tui.screens.checks.screen import ChecksScreen
from studio.tui.widgets.prompt_bar import PromptBar
from tests.hostile import NAME, STEERING, hostile_files, hostile_project, unseen_in
from tests.tui.data_story import press, said, shown
from tests.tui.resting import rest_without_sleep, settle
from tests.tui.test_try_screen import PlayedAnswerer

# Keys that leave the studio, start a process, need the network or open what another key opens: seen elsewhere.
NOT_PRESSED = {
    *("leave", "close", "leave_studio", "start", "confirm", "run_demo", "open_samples", "begin_import", "edit_answer"),
}
# What is pressed before: the run at the top lives; the keys before narrow the rows to none.
FIRST = {"stop": ("g",), "nearest_rows": ("escape", "escape")}
FINDINGS = {"fix": "invisible_characters", "bench": "contradictory_duplicates"}  # what these keys are pressed on
# What opens over which screen; ``Welcome`` over a folder without a project.
DIALOGS = {
    "Data": {"ColumnsDialog", "EditDialog", "HelpDialog", "ImportDialog", "ReaderDialog", "ValuesDialog"},
    "Window": set(),
    "Runs": {"ConfirmDialog", "NewComparisonDialog", "NewRunDialog", "ReaderDialog", "SinceDialog"},
    "Compare": {"HistoryDialog", "NewComparisonDialog", "ReaderDialog", "RowsDialog", "VoteDialog"},
    "Try": {"TrySettingsDialog"},
    "Checks": {"BenchDialog", "FixDialog"},
    "Welcome": {"WelcomeDialog"},
}


class RecordingDriver(HeadlessDriver):
    """A terminal that keeps what is written to it."""

    written: list[str]

    @property
    def is_headless(self) -> bool:
        return False

    def write(self, data: str) -> None:
        if data != "\x07":  # the bell, rung by itself
            self.written.append(data)


@pytest.fixture(autouse=True)
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    rest_without_sleep(monkeypatch)
    monkeypatch.setattr("textual.drivers.headless_driver.HeadlessDriver", RecordingDriver)
    monkeypatch.setattr(RecordingDriver, "written", [], raising=False)
    monkeypatch.setattr("studio.tui.screens.try_prompt.screen.Answerer", PlayedAnswerer)
    monkeypatch.setenv("EDITOR", f"nosuch{NAME}")
    return RecordingDriver.written


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "cache"))
    return hostile_project(tmp_path)


@asynccontextmanager
async def opened_on(project: Project, screen: str) -> AsyncIterator[Pilot[None]]:
    app = StudioApp(project, first_screen=screen)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        yield pilot


def every_dialog() -> set[str]:
    """All dialogs there are, by the code."""
    for package in (studio.tui.dialogs, studio.tui.screens):
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            importlib.import_module(module.name)
    found: set[type[StudioDialog]] = set()
    waiting: list[type[StudioDialog]] = [StudioDialog]
    while waiting:
        children = [child for child in waiting.pop().__subclasses__() if child.__module__.startswith("studio.")]
        found.update(children)
        waiting += children
    return {one.__name__ for one in found - {FormDialog, ListDialog}}


MOST_DIALOGS = 6  # that one key opens, one out of another


async def walk(pilot: Pilot[None], name: str, written: list[str]) -> set[str]:
    """Press every key of a screen, and every key of whatever it opens; gives the dialogs that were seen.

    The keys that every screen has are pressed on Data.
    """
    seen: set[str] = set()
    checked = 0
    app = pilot.app
    assert isinstance(app, StudioApp)
    for action in actions.actions_for(name):
        if action.name in NOT_PRESSED or not action.keys or (actions.EVERYWHERE in action.where and name != "Data"):
            continue
        app.show_screen(name.lower())
        if action.name in FINDINGS and isinstance(app.screen, ChecksScreen):
            names = [one.check.name for one in app.screen._results]
            await press(pilot, "g", *["j"] * names.index(FINDINGS[action.name]))
        await press(pilot, *FIRST.get(action.name, ()), action.keys.split()[0])
        await answer_prompts(pilot)
        for _ in range(MOST_DIALOGS):
            if isinstance(dialog := app.screen, StudioScreen):
                break
            if isinstance(dialog, StudioDialog):
                seen.add(type(dialog).__name__)
                await walk_dialog(pilot, dialog)
            elif isinstance(dialog, CommandPalette):
                dialog.query_one(Input).value = STEERING[0]
                await settle(pilot)
            if app.screen is dialog:
                await press(pilot, "escape")
        assert isinstance(app.screen, StudioScreen), f"{name}, {action.name}: esc does not leave {app.screen}"
        assert not unseen_in("".join(written[checked:])), f"{name}, {action.name}"
        checked = len(written)
    return seen


async def answer_prompts(pilot: Pilot[None]) -> None:
    """Type what steers into a line that a key opened, enter it, and leave it."""
    for text in (f"prompt = '{STEERING[0]}'", NAME):
        bars = [bar for bar in pilot.app.screen.query(PromptBar) if bar.is_open]
        if bars and isinstance(pilot.app.focused, Input):
            pilot.app.focused.value = text
            await press(pilot, "enter")
    if any(bar.is_open for bar in pilot.app.screen.query(PromptBar)):
        await press(pilot, "escape")


async def walk_dialog(pilot: Pilot[None], dialog: StudioDialog) -> None:
    for line in dialog.query(Input):
        line.value = NAME
    await settle(pilot)
    for area in dialog.query(TextArea):
        area.focus()
        await press(pilot, "right", "down", "end", "shift+left", "ctrl+c", "ctrl+v", "ctrl+z")
    for line in dialog.query(Input):
        line.value = ""
    for action in actions.actions_for(getattr(dialog, "NAME", type(dialog).__name__.removesuffix("Dialog"))):
        if action.name not in NOT_PRESSED and pilot.app.screen is dialog:
            await press(pilot, action.keys.split()[0])


@pytest.mark.parametrize("name", actions.SCREENS)
async def test_no_key_of_a_screen_sends_bytes_of_data_to_the_terminal(
    name: str, desk: Project, written: list[str]
) -> None:
    if name == "Checks":
        with Store.open(desk.store_path, NAME) as store:
            store.add([Candidate(STEERING[0], f"{answer} {STEERING[1]}") for answer in ("yes", "no")], NAME)
    live = next(path for path in desk.runs_path.iterdir() if path.name.startswith("live"))
    with take_lock(RunDirectory(live).lock_path):
        async with opened_on(desk, name.lower()) as pilot:
            seen = await walk(pilot, name, written)
    assert "␛" in "".join(written) or name == "Try", "the data was shown, as symbols"
    assert seen - {"HelpDialog"} == DIALOGS[name] - {"HelpDialog"}


async def test_the_welcome_to_a_folder_of_a_hostile_name_sends_none_of_it(tmp_path: Path, written: list[str]) -> None:
    async with opened_on(Project(tmp_path / NAME), "data") as pilot:
        assert isinstance(pilot.app.screen, WelcomeDialog)
        await press(pilot, "j")
        assert "n␛]0;t␇␛[6n" in shown(pilot)
    assert not unseen_in("".join(written))


@pytest.mark.parametrize("name", ["good.jsonl", "header.csv", "lines.jsonl", "columns.jsonl"])
async def test_importing_a_hostile_file_and_undoing_it_sends_none_of_it(
    name: str, desk: Project, tmp_path: Path, written: list[str]
) -> None:
    file = hostile_files(tmp_path / "files")[name]
    async with opened_on(desk, "data") as pilot:
        await press(pilot, "I")
        line = pilot.app.screen.query_one("#path", Input)
        line.value = str(file)[:-3]
        await settle(pilot)
        await press(pilot, "right")
        assert line.value == str(file)[:-3], "what would steer the terminal is not offered"
        line.value = str(file)
        await settle(pilot)
        await press(pilot, "enter")
        if name != "good.jsonl":
            await press(pilot, "escape")
        else:
            assert "imported" in said(pilot)
            await press(pilot, "u")
            assert said(pilot).startswith("undone: import") and "␛" in said(pilot)
    assert "␛" in "".join(written)
    assert not unseen_in("".join(written))


async def test_an_answer_of_a_model_sends_none_of_it(desk: Project, written: list[str]) -> None:
    async with opened_on(desk, "try") as pilot:
        pilot.app.screen.query_one(TextArea).text = NAME
        await press(pilot, "ctrl+j")
        answerer = PlayedAnswerer.newest
        request = {"id": answerer.asked[-1][0]}
        for text in STEERING:
            answerer.on_reply({**request, "arm": "zero_shot", "text": f"{text}\n"})
        facts = {"tokens": 5, "tokens_per_second": 18.25, "prompt_tokens": 71, "dtype": NAME}
        answerer.on_reply({**request, "arm": "zero_shot", "done": True, **facts})
        await settle(pilot)
        assert "⟨U+E0041⟩" in shown(pilot)
        answerer.on_reply({"error": {"message": f"ended {NAME}", "hint": NAME}})
        await settle(pilot)
    assert not unseen_in("".join(written))


async def test_what_the_status_line_says_of_data_sends_none_of_it(desk: Project, written: list[str]) -> None:
    async with opened_on(desk, "runs") as pilot:
        assert isinstance(pilot.app, StudioApp)
        for severity in ("information", "warning", "error"):
            for one in STEERING:
                pilot.app.say(f"{severity} {one}", severity)
            await settle(pilot)
        pilot.app.report(StudioError(NAME, NAME))
        await settle(pilot)
        assert "n␛]0;t␇" in shown(pilot)
    assert not unseen_in("".join(written))


def test_every_screen_and_every_dialog_is_walked() -> None:
    assert {name.lower() for name in actions.SCREENS} == set(StudioApp.MODES)
    assert set(DIALOGS) == {*actions.SCREENS, "Welcome"}
    assert set().union(*DIALOGS.values()) == every_dialog()
