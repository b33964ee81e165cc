"""Verbs whose output nobody takes, and Ctrl-C: no traceback, and the exit code that other programs have."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from studio.dataset.candidates import Candidate
from studio.dataset.store import Store
from studio.project import Project

STUDIO = f'"{sys.executable}" -m studio'
MANY = 3_000  # rows whose table and JSON are far more than a pipe holds


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """One for all: of its rows only two labels are ever changed, and by one story alone."""
    project = Project.init(tmp_path_factory.mktemp("endings") / "desk")
    with Store.open(project.store_path, "anna") as store:
        store.add([Candidate(f"question {number} {'x' * 200}", "answer") for number in range(MANY)], "")
    return project


@pytest.fixture
def said(project: Project) -> Callable[[str], tuple[str, int]]:
    """What a line of the shell says on stderr, and the exit code of the ``studio`` in it."""

    def run(line: str) -> tuple[str, int]:
        script = f"{line.replace('studio', STUDIO, 1)}; exit ${{PIPESTATUS[0]}}"
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=project.root,
            env=environment | {"PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
        )
        return done.stderr, done.returncode

    return run


@pytest.mark.parametrize("verb", ["rows", "export -", "stats --json", "--help"])
def test_a_reader_that_has_left_ends_the_verb_without_a_traceback(project: Project, verb: str) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(
        [sys.executable, "-m", "studio", *verb.split()],
        cwd=project.root,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": ""},
        stdout=write_end,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(write_end)
    assert done.returncode == 1
    assert done.stderr in ("", f"{MANY:,} rows\n"), "nobody has to be told"


def test_head_gets_its_line(said: Callable[[str], tuple[str, int]]) -> None:
    words, code = said("studio rows | head -1")
    assert (words, code) == ("", 1)


@pytest.mark.parametrize("verb", ["rows", "stats --json", "--help"])
def test_a_full_disk_behind_stdout_is_said(said: Callable[[str], tuple[str, int]], verb: str) -> None:
    words, code = said(f"studio {verb} > /dev/full")
    assert words == "error standard output cannot be written: No space left on device.\n"
    assert code == 1


@pytest.mark.parametrize("verb", ["stats", "export -", "--help"])
def test_a_stdout_that_was_closed_before_is_said(said: Callable[[str], tuple[str, int]], verb: str) -> None:
    words, code = said(f"studio {verb} >&-")
    assert "it is closed." in words
    assert (code, "Traceback" in words) == (1, False)


def test_a_verb_that_has_nothing_to_write_does_its_work_on_closed_streams_and_the_store_gets_no_words(
    said: Callable[[str], tuple[str, int]], project: Project
) -> None:
    assert said("studio label accept 1 2 <&- >&- 2>&-") == ("", 0)
    assert said("studio show 99999 <&- >&- 2>&-") == ("", 2)
    assert said("studio nosuch <&- >&- 2>&-") == ("", 2)
    with Store.open(project.store_path, "anna") as store:
        assert store.stats().labels["accept"] == 2


def test_ctrl_c_ends_with_130_also_where_the_reader_has_stopped_reading(project: Project) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "studio", "-C", str(project.root), "rows", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None and process.stderr is not None
    assert process.stdout.read(1) == b"["  # it writes, and soon waits for us
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert process.stderr.read() == b""
    process.stdout.close()
    process.stderr.close()
