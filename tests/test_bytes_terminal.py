"""The studio at a real terminal's end: what it gets of hostile rows and of a crash, and how an editor takes it over."""

from __future__ import annotations

import io
import os
import re
import sys
from pathlib import Path

import pexpect

from studio.dataset.store import Store
from studio.project import Project
from tests.hostile import NAME, hostile_project, unseen_in
from tests.tui.data_story import project_with, tickets

ROOT = Path(__file__).parents[1]
# What Textual sends: modes on and off, questions to the terminal, colours, places, whole frames at once.
OWN = re.compile(
    r"\x1b\[[0-9;]*m|\x1b\[\d+;\d+H|\x1b\[\?\d+[hl]|\x1b\[\?\d+\$p|\x1b\[>\d+u|\x1b\[<u|\x1b\]22;[a-z-]*\x07|\r\n"
)
LEFT_ALTERNATE_SCREEN, ENTERED_ALTERNATE_SCREEN = "\x1b[?1049l", "\x1b[?1049h"


class Terminal:
    """A studio in a terminal of its own; ``got`` is everything that it was sent."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        env = {**os.environ, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT), **environment}
        self._kept = io.StringIO()
        self._child = pexpect.spawn(
            sys.executable, list(arguments), env=env, dimensions=(24, 140), timeout=15, encoding="utf-8"
        )
        self._child.logfile_read = self._kept

    @property
    def got(self) -> str:
        return self._kept.getvalue()

    def sees(self, words: str) -> None:
        self._child.expect_exact(words)

    def press(self, keys: str) -> None:
        self._child.send(keys)

    def ends(self) -> int:
        self._child.expect(pexpect.EOF)
        self._child.close()
        return int(self._child.exitstatus)


def test_hostile_rows_reach_a_real_terminal_as_symbols(tmp_path: Path) -> None:
    desk = hostile_project(tmp_path)
    terminal = Terminal("-m", "studio", "open", str(desk.root), STUDIO_CACHE=str(tmp_path / "cache"))
    terminal.sees("␛]0;a title␇")
    for key, words in (("e", "edit · row 1"), ("\x1b", "labelled"), ("i", "history"), ("\x1b", "labelled")):
        terminal.press(key)
        terminal.sees(words)
    terminal.press("\x1bOS")  # F4
    terminal.sees("compare n␛]0;t␇")
    terminal.press("Q")
    assert terminal.ends() == 0
    assert not unseen_in(terminal.got, OWN)


def test_the_traceback_that_ends_the_studio_quotes_data_as_symbols(tmp_path: Path) -> None:
    program = (
        f"from studio.project import Project; from studio.tui import app; from pathlib import Path\n"
        f"def poll(self): raise ValueError({NAME!r})\n"
        f"app.StudioApp.poll_runs = poll\n"
        f"app.run(Project(Path({str(project_with(tmp_path, tickets(1)).root)!r})))"
    )
    terminal = Terminal("-c", program)
    assert terminal.ends() == 1
    after = OWN.sub("", terminal.got.rpartition(LEFT_ALTERNATE_SCREEN)[2])
    assert "ValueError: n␛]0;t␛[6n⟨U+202E⟩" in after
    assert not unseen_in(terminal.got.replace("\x07╭", "╭"), OWN), "but for Textual's bell before a traceback"


def test_an_editor_that_cannot_be_started_or_fails_leaves_a_studio_that_works(tmp_path: Path) -> None:
    project = project_with(tmp_path / "desk", tickets(2))
    editor = tmp_path / "editor"
    terminal = Terminal("-m", "studio", "open", str(project.root), EDITOR=str(editor), VISUAL="", TMPDIR=str(tmp_path))
    terminal.sees("where is order 1?")
    terminal.press("E")
    terminal.sees(ENTERED_ALTERNATE_SCREEN)
    terminal.sees("The editor cannot be started: No such file or directory")

    write_script(editor, "exit 3")
    terminal.press("E")
    terminal.sees(ENTERED_ALTERNATE_SCREEN)
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
