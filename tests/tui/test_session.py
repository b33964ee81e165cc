"""What the screens share, without a screen."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from studio.dataset.store import Store
from studio.errors import StudioError
from studio.project import Project
from studio.tui.app import StudioApp
from studio.tui.session import ClosedStore, Session
from studio.tui.shell import Shell


def test_a_session_needs_no_textual() -> None:
    code = "import sys, studio.tui.session; sys.exit(bool({'textual', 'rich', 'duckdb'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_max_length_stays_between_the_least_and_the_window(tmp_path: Path) -> None:
    session = Session(Project.init(tmp_path, max_length=64))
    assert session.try_max_length(10_000, context_window=256) == session.max_length == 256
    assert session.try_max_length(1, context_window=256) == 8
    assert session.try_max_length(10_000) == 10_000, "where the window is not known, only the run can tell"
    assert session.settings.max_length == 64, "what is tried is not what is set"


def test_who_needs_the_store_is_told_whether_to_wait_or_to_try_again(tmp_path: Path) -> None:
    session = Session(Project.init(tmp_path))
    with pytest.raises(StudioError, match="is being opened"):
        session.opened()
    session.take_closed(ClosedStore("it is held.", "wait", pid=7))
    with pytest.raises(StudioError, match="is not open"):
        session.opened()
    session.take_store(Store.open(session.project.store_path, "anna"))
    assert session.opened() is session.store
    assert session.store_closed is None
    session.close()


def test_who_needs_the_model_is_told_whether_it_is_looked_for_or_how_to_get_it(tmp_path: Path) -> None:
    session = Session(Project.init(tmp_path, base_model="some-model"))
    with pytest.raises(StudioError, match="still being looked for"):
        session.found_model()
    session.is_model_sought = False
    with pytest.raises(StudioError) as error:
        session.found_model()
    assert error.value.hint == "studio models get some-model"


def test_the_app_is_what_screens_take_it_for(tmp_path: Path) -> None:
    shell: Shell = StudioApp(Project.init(tmp_path))  # the type checker compares every method
    promised = {name for name in vars(Shell) if not name.startswith("_")} | set(Shell.__annotations__)
    assert {name for name in promised if not hasattr(shell, name)} == set()
