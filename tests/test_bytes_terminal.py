"""The studio at a real terminal's end: what it gets of hostile rows and of a crash, and how an editor takes it over."""

from __future__ import annotations

from pathlib import Path

from studio.dataset.store import Store
from studio.project import Project
from tests.hostile import NAME, hostile_project, unseen_in
from tests.terminal import OWN, Terminal
from tests.tui.data_story import project_with, tickets

LEFT_ALTERNATE_SCREEN = "\x1b[?1049l"


def test_hostile_rows_reach_a_real_terminal_as_symbols(tmp_path: Path) -> None:
    desk = hostile_project(tmp_path)
    terminal = Terminal("-m", "studio", "open", str(desk.root), STUDIO_CACHE=str(tmp_path / "cache"))
    terminal.sees("␛]0;a title␇")
    for key, title in (("e", "edit · row 1"), ("i", "history")):
        terminal.press(key)
        terminal.sees(title)
        terminal.press("\x1b")
        terminal.sees_no_more(title)
    terminal.press("\x1bOS")  # F4
    terminal.sees("compare n␛]0;t␇")
    terminal.press("Q")
    assert terminal.ends() == 0
    assert not unseen_in(terminal.got, OWN)


def test_the_traceback_that_ends_the_studio_quotes_data_as_symbols(tmp_path: Path) -> None:
    program = (
        f"from studio.project import Project; from studio.tui import app, run_poll; from pathlib import Path\n"
        f"def poll(self): raise ValueError({NAME!r})\n"
        f"run_poll.RunPoll.poll = poll\n"
        f"app.run(Project(Path({str(project_with(tmp_path, tickets(1)).root)!r})))"
    )
    terminal = Terminal("-c", program)
    assert terminal.ends() == 1
    after = OWN.sub("", terminal.got.rpartition(LEFT_ALTERNATE_SCREEN)[2])
    assert "ValueError: n␛]0;t␛[6n⟨U+202E⟩" in after
    said = OWN.sub("", terminal.got)
    assert not unseen_in(said.replace("\x07", "", 1)), "but for the one bell that Textual rings"


def test_an_editor_that_cannot_be_started_or_fails_leaves_a_studio_that_works(tmp_path: Path) -> None:
    project = project_with(tmp_path / "desk", tickets(2))
    editor = tmp_path / "editor"
    terminal = Terminal("-m", "studio", "open", str(project.root), EDITOR=str(editor), VISUAL="", TMPDIR=str(tmp_path))
    terminal.sees("where is order 1?")
    terminal.press("E")
    terminal.sees("The editor cannot be started: No such file or directory")

    write_script(editor, "exit 3")
    terminal.press("E")
    terminal.sees("The editor ended with exit code 3; nothing was changed. e edits in place.")

    write_script(editor, "kill -INT $PPID; exit 0")  # ctrl+c in the editor's time is not for the studio
    terminal.press("E")
    terminal.sees("nothing changed")

    write_script(editor, "sed -i 's/order 1/order 99/' \"$1\"")
    terminal.press("E")
    terminal.sees("edited")
    terminal.press("Q")
    assert terminal.ends() == 0
    assert prompt_of(project) == "where is order 99?"
    assert not list(tmp_path.glob("example-*")), "no file is left where nothing was lost"


def write_script(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o700)


def prompt_of(project: Project) -> str:
    with Store.open(project.store_path, "anna") as store:
        return store.example(1).prompt
