"""The frame around the five screens: keys from one table, first start, themes, what is imported when."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from textual.command import CommandList
from textual.pilot import Pilot
from textual.widgets import Input

from studio.errors import AskedWrongly
from studio.project import Project
from studio.tui import actions, styles
from studio.tui.app import StudioApp, run
from studio.tui.demo_player import DemoPlayer
from studio.tui.dialogs.help import HelpDialog
from studio.tui.dialogs.import_dialog import ImportDialog
from studio.tui.dialogs.welcome import WelcomeDialog
from studio.tui.messages import ExamplesRequested
from studio.tui.palette import matched
from studio.tui.screens.data.example_table import ExampleTable
from tests.tui.data_story import NARROW, data_screen, opened, press, project_with, said, shown, tickets, type_line
from tests.tui.resting import settle
from tests.tui.run_story import model_without_weights


@pytest.mark.parametrize("screen", actions.SCREENS + actions.DIALOGS)
def test_no_two_actions_of_a_screen_share_a_key(screen: str) -> None:
    keys = [key for action in actions.actions_for(screen) for key in action.keys.split()]
    assert sorted(keys) == sorted(set(keys))


def test_names_are_unique_and_every_screen_has_what_its_keys_call() -> None:
    names = [action.name for action in actions.ACTIONS]
    assert sorted(names) == sorted(set(names))
    from studio.tui.screens.data.screen import DataScreen

    for action in actions.actions_for("Data"):
        assert hasattr(DataScreen, f"action_{action.name}"), action.name


def test_rebinding_refuses_collisions_eaten_keys_and_unknown_names_with_the_reason() -> None:
    with pytest.raises(AskedWrongly, match=r"accept = 'x': 'x' is already reject on Data"):
        actions.checked_keys({"accept": "x"})
    with pytest.raises(AskedWrongly, match=r"ctrl\+b cannot be used, tmux takes it"):
        actions.checked_keys({"accept": "ctrl+b"})
    with pytest.raises(AskedWrongly, match="no such action"):
        actions.checked_keys({"acept": "a"})
    assert actions.checked_keys({"accept": "x", "reject": "a"}) == {"accept": "x", "reject": "a"}


async def test_rebound_keys_work_and_the_footer_shows_them(tmp_path: Path) -> None:
    project = project_with(tmp_path, tickets(3))
    project.settings_path.write_text('[keys]\naccept = "x"\nreject = "a"\nskip = "+"\n', encoding="utf-8")
    async with opened(project) as pilot:
        await press(pilot, "x")
        assert said(pilot).startswith("accept · ")
        await press(pilot, "+")
        assert said(pilot).startswith("skip · ")
        assert "x accept  a reject  + skip" in shown(pilot)


async def test_a_model_that_studio_toml_trusts_is_found_by_the_screens_as_by_the_verbs(tmp_path: Path) -> None:
    """Its pickle weights were refused in the header while every verb took them."""
    model = model_without_weights(tmp_path / "model")
    (model / "model.safetensors").rename(model / "pytorch_model.bin")
    project = project_with(tmp_path / "desk", tickets(1))
    settings = f'base_model = "{model}"\ntrusted_models = ["{model}"]\n'
    project.settings_path.write_text(settings, encoding="utf-8")
    async with opened(project) as pilot:
        await settle(pilot)
        folder = data_screen(pilot).session.model_folder
        assert folder is not None and folder.path == model
        assert "refused" not in shown(pilot)


def test_the_key_table_reads_as_markdown() -> None:
    table = actions.as_markdown()
    assert "| Data | `a` | label accept, and step on |" in table
    assert table.count("\n") == len(actions.ACTIONS) + 1


async def test_help_lists_the_keys_of_this_screen(tmp_path: Path) -> None:
    async with opened(project_with(tmp_path, tickets(1)), NARROW) as pilot:
        await press(pilot, "?")
        assert isinstance(pilot.app.screen, HelpDialog)
        assert "label accept, and step on" in shown(pilot)
        await press(pilot, "j", "k", "?")
        assert data_screen(pilot).table.has_focus


async def test_the_palette_finds_actions_by_name_and_by_what_is_said_of_them_and_runs_them_here(tmp_path: Path) -> None:
    async def hits(pilot: Pilot[None], words: str) -> list[str]:
        await press(pilot, "ctrl+p", *words)
        options = pilot.app.screen.query_one(CommandList)
        await pilot.app.workers.wait_for_complete()
        await settle(pilot)
        return [str(options.get_option_at_index(at).prompt) for at in range(options.option_count)]

    async with opened(project_with(tmp_path, tickets(2))) as pilot:
        found = await hits(pilot, "reject")
        assert found[0] == "reject  x\nlabel reject, and step on"
        await press(pilot, "enter")
        await settle(pilot)
        assert said(pilot).startswith("reject · 1 of 2")
        found = await hits(pilot, "csv")
        assert found == []
        await press(pilot, "escape")
        found = await hits(pilot, "osc")
        assert found == [], "a word that is only within another is no hit"
        await press(pilot, "escape")
        found = await hits(pilot, "sql condition")
        assert found == ["filter  f\nonly rows for which a SQL condition holds; again = AND"]
        await press(pilot, "enter")
        await settle(pilot)
        assert isinstance(pilot.app.focused, Input), "the filter's line is open"
        await press(pilot, "escape", "f4")
        found = await hits(pilot, "checkpoint")
        assert [one.partition("  ")[0] for one in found] == ["checkpoint", "stop", "pause, resume"], (
            "those of this screen only"
        )


def test_the_better_a_palette_hit_the_higher_it_stands() -> None:
    def best(query: str, screen: str = "Data") -> list[str]:
        scores = [(matched(query, action)[0], action.label) for action in actions.actions_for(screen)]
        return [label for score, label in sorted(scores, reverse=True) if score]

    assert best("sort")[:2] == ["sort up", "sort down"]
    assert best("sel")[0] == "select" and set(best("row")[:2]) == {"rows like this cell", "rows like this one"}
    assert best("label")[:2] == ["clear label", "skip"]
    assert "accept" in best("label") and "edit" not in best("label")
    assert best("srch") == ["search"], "letters left out are found in names only"
    assert best("zzz") == [] and best(" ") == []
    score, in_label, in_about = matched("label", next(one for one in actions.ACTIONS if one.name == "clear_label"))
    assert score and in_label == [6, 7, 8, 9, 10] and in_about == [9, 10, 11, 12, 13]


async def test_an_empty_folder_says_what_this_is_and_writes_nothing_before_a_key(tmp_path: Path) -> None:
    async with opened(Project(tmp_path), NARROW) as pilot:
        assert isinstance(pilot.app.screen, WelcomeDialog)
        assert "i  import a file of your own: JSONL" in shown(pilot)
        await press(pilot, "?")
        assert isinstance(pilot.app.screen, HelpDialog)
        assert "open the sample data" in shown(pilot), "the keys of the welcome, then those of Data"
        await press(pilot, "pagedown", "escape", "f1", "escape")
        assert isinstance(pilot.app.screen, WelcomeDialog)
        assert not list(tmp_path.iterdir())
        await press(pilot, "o")
        await settle(pilot)
        assert len(data_screen(pilot).table.ids) >= 400
        assert Project(tmp_path).exists()


async def test_the_welcome_comes_again_when_it_is_asked_for_by_name(tmp_path: Path) -> None:
    async with opened(project_with(tmp_path, [])) as pilot:
        await press(pilot, ":")
        await type_line(pilot, "welcome")
        assert isinstance(pilot.app.screen, WelcomeDialog)
        assert "0 examples here." in shown(pilot)
        await press(pilot, "q")
        assert data_screen(pilot).is_current, "q leaves the welcome, not a studio with a project"
        await press(pilot, "f4", "ctrl+p", *"welcome")
        await pilot.app.workers.wait_for_complete()
        await press(pilot, "enter")
        await settle(pilot)
        assert isinstance(pilot.app.screen, WelcomeDialog)
        await press(pilot, "o")
        await settle(pilot)
        assert len(data_screen(pilot).table.ids) >= 400, "the samples are in the open store, and shown"
        await press(pilot, ":")
        await type_line(pilot, "welcome")
        await press(pilot, "o")
        assert "examples of its own. In an empty folder: studio" in shown(pilot)
        await press(pilot, "i")
        assert isinstance(pilot.app.screen, ImportDialog)


async def test_an_action_without_a_key_can_be_given_one(tmp_path: Path) -> None:
    project = project_with(tmp_path, tickets(1))
    project.settings_path.write_text('[keys]\nwelcome = "f9"\n', encoding="utf-8")
    async with opened(project) as pilot:
        await press(pilot, "f9")
        assert isinstance(pilot.app.screen, WelcomeDialog)


async def test_both_themes_are_readable_and_chosen_by_a_key(tmp_path: Path) -> None:
    async with opened(project_with(tmp_path, tickets(2))) as pilot:
        for theme in ("textual-light", "textual-dark"):
            await press(pilot, "ctrl+t")
            assert pilot.app.theme == theme
            for name in styles.STYLES:
                assert styles.style(pilot.app, name).color is not None, name
        assert said(pilot) == "textual-dark · kept"


async def test_without_colour_state_is_still_told_by_glyphs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with opened(project_with(tmp_path, tickets(4)), NARROW) as pilot:
        await press(pilot, "a", "x", "s", "space")
        words = shown(pilot)
        assert all(glyph in words for glyph in "✓✗–▪▸")


def test_opening_loads_no_torch_and_paints_before_duckdb(tmp_path: Path) -> None:
    project_with(tmp_path, tickets(2))
    code = """
import asyncio, sys
from pathlib import Path
from studio.project import Project
from studio.tui.app import StudioApp, run
from studio.tui.demo_player import DemoPlayer
heavy = {"torch", "transformers", "peft", "accelerate", "rouge_score", "sacrebleu", "datasets", "pandas", "scipy"}
late = {"duckdb", "numpy", "tokenizers", "jinja2"}
async def main():
    app = StudioApp(Project(Path(sys.argv[1])))
    assert not late & set(sys.modules), late & set(sys.modules)
    async with app.run_test() as pilot:
        await app.workers.wait_for_complete()
        await pilot.press("j", "a")
        await pilot.pause()
        assert "duckdb" in sys.modules
    assert not heavy & set(sys.modules), heavy & set(sys.modules)
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


async def test_a_click_moves_the_cursor_and_a_second_one_goes_into_the_example(tmp_path: Path) -> None:
    async with opened(project_with(tmp_path, tickets(5))) as pilot:
        await pilot.click(ExampleTable, offset=(20, 4))
        await settle(pilot)
        assert data_screen(pilot).table.cursor == 2
        await pilot.click(ExampleTable, offset=(20, 4))
        await settle(pilot)
        assert data_screen(pilot).reader is not None
        await press(pilot, "escape")
        assert data_screen(pilot).table.has_focus


async def test_the_demo_is_asked_once_the_store_is_open_and_leads_to_its_screen(tmp_path: Path) -> None:
    class Demo:
        wanted_screen: str | None = None
        calls = 0

        def advance(self, store: object) -> str | None:
            self.calls += 1
            return "a step was taken" if self.calls == 1 else None

    demo = Demo()
    app = StudioApp(project_with(tmp_path, tickets(2)))
    player = DemoPlayer(app, demo)
    async with app.run_test() as pilot:
        player.look()
        assert demo.calls == 0
        await settle(pilot)
        player.look()
        await settle(pilot)
        assert app.last_said[0] == "a step was taken"
        demo.wanted_screen = "runs"
        player.look()
        await settle(pilot)
        assert demo.calls == 2 and app.current_mode == "runs"
        app.show_screen("data")
        player.look()
        await settle(pilot)
        assert app.current_mode == "data"  # who went elsewhere is left there


async def test_rows_that_another_screen_asks_for_become_the_view_of_data(tmp_path: Path) -> None:
    async with opened(project_with(tmp_path, tickets(9))) as pilot:
        pilot.app.post_message(ExamplesRequested([7, 2, 400], "answer cut"))
        await settle(pilot)
        assert "esc goes back to" in said(pilot)
        await press(pilot, "f4")
        assert said(pilot) == "", "esc does not go there from Runs"
        await press(pilot, "f2")
        assert [int(one) for one in data_screen(pilot).table.ids] == [7, 2]
        assert "examples · answer cut" in shown(pilot)
        await press(pilot, "r")
        assert len(data_screen(pilot).table.ids) == 9


async def test_ctrl_c_says_how_to_leave_and_q_leaves(tmp_path: Path) -> None:
    async with opened(project_with(tmp_path, tickets(1))) as pilot:
        await press(pilot, "ctrl+c")
        assert said(pilot) == "Q leaves; runs go on without the studio"
        await pilot.press("Q")
    assert pilot.app.return_code == 0


async def test_the_first_key_of_a_new_project_imports_a_file(tmp_path: Path) -> None:
    async with opened(Project(tmp_path), NARROW) as pilot:
        await press(pilot, "i")
        await settle(pilot)
        assert isinstance(pilot.app.screen, ImportDialog)
        await press(pilot, "escape")
        assert "No examples yet." in shown(pilot)


def test_a_crash_of_the_screens_is_a_failure_to_the_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StudioApp, "run", lambda app: setattr(app, "_return_code", 1))
    for name in ("refuse_without_terminal", "leave_with_terminal"):
        monkeypatch.setattr(f"studio.tui.app.{name}", lambda: None)
    with pytest.raises(SystemExit) as ended:
        run(Project.init(tmp_path))
    assert ended.value.code == 1
