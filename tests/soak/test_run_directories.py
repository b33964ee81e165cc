"""Thousands of damaged run directories: each is listed, watched, shown and compared, or refused in words, at once.

A directory is a recorded one with one to three mutations, all decided by its number: what fails once fails again.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from studio.acts.answering import tuned_run_ids
from studio.acts.comparing import load_comparison
from studio.acts.training import run_states
from studio.errors import StudioError
from studio.project import Project
from studio.reports.chart import render_chart
from studio.reports.compare import compare_table, compare_view, task_table
from studio.reports.compare_rows import RowChoice, chosen_rows
from studio.runs.directory import RunDirectory, find_run, read_rows
from studio.runs.process import log_tail
from studio.runs.state import RunState, state_as_json
from studio.runs.watch import RunWatch
from studio.tui.screens.runs.curves import X_AXES, ChartChoice, loss_series, read_out, side_series
from studio.tui.widgets.run_lines import comparison_lines, facts_lines, run_line, trouble_lines
from tests.tui.run_story import RECORDED

DIRECTORIES, PARTS = 10_000, 34
SECONDS = 5.0  # of CPU, for two runs of some kilobytes
SCORED_EVERY = 5  # scoring answers takes longer than all else together
HOSTILE: list[Any] = [
    *(None, True, -1, 0, 2**63, 10**400, 1e308, -0.0, float("nan"), float("inf"), "", "x" * 100_000, "\x1b]0;t\x07‮"),
    *([], {}, [[]], [None], {"": {}}, "NaN", "../../etc/passwd", "\ud800"),
]
DEEP = "[" * 100_000 + "]" * 100_000
Mutation = Callable[[random.Random, Path], object]


def change_value(chance: random.Random, path: Path) -> None:
    """Another value somewhere in one of the file's objects, or none, or one that nobody knows."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.suffix == ".jsonl" else []
    at = chance.randrange(len(lines)) if lines else 0
    try:
        whole = json.loads(lines[at] if lines else path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        return
    inner = whole
    while isinstance(inner, dict) and inner and chance.random() < 0.7:
        following = inner[chance.choice(list(inner))]
        if not isinstance(following, dict) or not following:
            break
        inner = following
    if not isinstance(inner, dict) or not inner:
        return
    key = chance.choice([*inner, "new"])
    if chance.random() < 0.3:
        inner.pop(key, None)
    else:
        inner[key] = chance.choice(HOSTILE)
    text = json.dumps(whole)
    path.write_text("\n".join([*lines[:at], text, *lines[at + 1 :]]) + "\n" if lines else text, encoding="utf-8")


def cut(chance: random.Random, path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: chance.randrange(len(content) + 1)])


def flip_bits(chance: random.Random, path: Path) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(chance.randint(1, 8)) if content else ():
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def insert(chance: random.Random, path: Path) -> None:
    content = path.read_bytes()
    at = chance.randrange(len(content) + 1)
    if chance.random() < 0.5:
        at = content.rfind(b"\n", 0, at) + 1
    what = chance.choice(
        [b"\0" * 4096, b"\xff\xfe", b"[]\n", b"{}\n", DEEP.encode(), b'{"event": "step"}\n', b"\r", b"{"]
    )
    path.write_bytes(content[:at] + what + content[at:])


def shuffle_lines(chance: random.Random, path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    chance.shuffle(lines)
    path.write_bytes(b"".join(lines))


def repeat_lines(chance: random.Random, path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(line for line in lines for _ in range(chance.choice((0, 1, 1, 1, 3)))))


def empty(chance: random.Random, path: Path) -> None:
    path.write_bytes(b"")


def take_of_another(chance: random.Random, path: Path) -> None:
    """As where a copy went wrong: another file's content under this name."""
    path.write_bytes(chance.choice(sorted(RECORDED.glob("*/*.json*"))).read_bytes())


def replace_by_what_is_no_file(chance: random.Random, path: Path) -> None:
    path.unlink()
    match chance.randrange(5):
        case 0:
            path.mkdir()
        case 1:
            os.mkfifo(path)
        case 2:
            path.symlink_to(path.name)
        case 3:
            path.symlink_to("/dev/zero")
        case _:
            path.symlink_to("nowhere")


MUTATIONS: list[Mutation] = [
    *(change_value, change_value, change_value, cut, flip_bits, insert),
    *(shuffle_lines, repeat_lines, empty, take_of_another, replace_by_what_is_no_file),
]


def damaged_project(root: Path, number: int) -> Project:
    chance = random.Random(number)
    project = Project.init(root)
    for recorded in RECORDED.glob("*/spec.json"):
        path = project.runs_path / recorded.parent.name
        shutil.copytree(recorded.parent, path)
        (path / "output.log").write_text("loading the model\n")
        (path / "process.json").write_text('{"pid": 1, "host": "here", "started_at": 1.0}')
    for _ in range(chance.randint(1, 3)):
        files = [path for path in sorted(project.runs_path.glob("*/*")) if path.is_file() and not path.is_symlink()]
        chance.choice(MUTATIONS)(chance, chance.choice(files))
    return project


def look_at(project: Project, *, is_scored: bool) -> list[RunState]:
    """All that verbs and screens do with the runs of a project; only a StudioError is an answer to damage."""
    states = run_states(project)
    for state in states:
        run = find_run(project.runs_path, state.run_id)
        watch = RunWatch(run)
        watch.poll()
        shown = watch.poll()
        assert (shown.status, shown.damage) == (state.status, state.damage)
        assert (shown.status == "damaged") == bool(shown.damage) and len(shown.damage) < 500
        json.dumps(state_as_json(shown), allow_nan=False)
        draw(shown, log_tail(run))
        for question in (
            lambda run=run: read_rows(run.rows_path("test")),
            lambda run=run: compare(project, run, is_scored),
        ):
            try:
                question()
            except StudioError as error:
                assert len(str(error)) < 1_000
    tuned_run_ids(project)
    return states


def draw(state: RunState, log: str) -> None:
    run_line(state, 40)
    for width in (40, 120):
        facts_lines(state, width)
        comparison_lines(state, width)
    trouble_lines(state, log)
    for axis in X_AXES:
        choice = ChartChoice(x_axis=axis, log_y=axis == "step")
        render_chart(loss_series(state, choice), 80, 12, x_label=axis, log_y=choice.log_y)
        for series in side_series(state, choice).values():
            render_chart([series], 30, 6)
        if state.series.step:
            read_out(state, len(state.series.step) - 1, choice)


def compare(project: Project, run: RunDirectory, is_scored: bool) -> None:
    loaded = load_comparison(project, run.run_id)
    if loaded.scores is not None:
        for table in (compare_table(loaded.scores, loaded.context_window), task_table(loaded.scores)):
            table.lines(100)
    if is_scored:
        chosen_rows(compare_view(loaded.rows, loaded.predictions), RowChoice())


@pytest.mark.soak
@pytest.mark.parametrize("part", range(PARTS))
def test_a_damaged_run_is_shown_or_refused_in_words_and_takes_no_other_with_it(part: int, tmp_path: Path) -> None:
    damaged = 0
    for number in range(part, DIRECTORIES, PARTS):
        root = tmp_path / str(number)
        project = damaged_project(root, number)
        began = time.process_time()
        try:
            states = look_at(project, is_scored=number % SCORED_EVERY == 0)
        except Exception as error:
            raise AssertionError(f"directory {number} in {root}") from error
        assert time.process_time() - began < SECONDS, f"directory {number} in {root}"
        damaged += sum(state.status == "damaged" for state in states)
        shutil.rmtree(root)
    assert damaged > DIRECTORIES // PARTS // 5
