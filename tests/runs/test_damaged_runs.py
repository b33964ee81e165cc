"""A run directory can hold anything: one that is damaged is shown as such, with its reason, and the others work."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from studio.acts.comparing import load_comparison
from studio.acts.training import resume_run, run_states
from studio.cli.app import app
from studio.errors import StudioError
from studio.project import Project
from studio.runs.directory import RunDirectory, read_rows
from studio.runs.events import EventWriter, Finished, Started
from studio.runs.state import RunState
from studio.runs.status import Status
from studio.tui.run_poll import RunPoll
from tests.tui.data_story import shown
from tests.tui.run_story import comparison, opened_on, train_run

Spoil = Callable[[RunDirectory], object]
TRAINED, COMPARED, WHOLE = "train-1125-100000-aa", "compare-1125-110000-bb", "train-1125-090000-cc"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Three runs that have finished, the oldest of which is never touched."""
    project = Project.init(tmp_path / "desk")
    for age, run in enumerate(
        (train_run(project, WHOLE, ends=Finished()), train_run(project, TRAINED, ends=Finished()))
    ):
        os.utime(run.spec_path, (age, age))
    os.utime(comparison(project, COMPARED).spec_path, (5, 5))
    return project


def say_event(text: str) -> Spoil:
    """Put a line between the run's last step and its end."""

    def spoil(run: RunDirectory) -> None:
        lines = run.events_path.read_text().splitlines()
        run.events_path.write_text("\n".join([*lines[:-1], text, lines[-1]]) + "\n")

    return spoil


def set_in_spec(**values: object) -> Spoil:
    return lambda run: run.spec_path.write_text(json.dumps({**json.loads(run.spec_path.read_text()), **values}))


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def replace_by_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


DEEP = "[" * 100_000 + "]" * 100_000
DAMAGES: dict[str, tuple[Spoil, str]] = {
    "a spec that is not UTF-8": (
        lambda run: run.spec_path.write_bytes(b'{"kind": "\xff'),
        "spec.json is damaged: it is not UTF-8 at byte 10",
    ),
    "a spec that is a list": (
        lambda run: run.spec_path.write_text("[]"),
        "spec.json is damaged: it holds no JSON object but a list",
    ),
    "an empty spec": (lambda run: run.spec_path.write_text(""), "spec.json is damaged: it is not JSON"),
    "a spec nested 100,000 deep": (
        lambda run: run.spec_path.write_text(DEEP),
        "spec.json is damaged: it is nested too deeply",
    ),
    "a spec of no kind": (lambda run: run.spec_path.write_text("{}"), "spec.json cannot be used: it has kind=null"),
    "a spec of a list as kind": (set_in_spec(kind=["train"]), "spec.json cannot be used: it has kind=a list"),
    "a list as number": (set_in_spec(epochs=[2]), "spec.json cannot be used: epochs=a list: a number is needed"),
    "a number without end": (set_in_spec(epochs=float("inf")), "spec.json cannot be used: epochs=inf"),
    "an object as name": (
        set_in_spec(base_model={"a": 1}),
        "spec.json cannot be used: base_model=an object: text is needed",
    ),
    "a number as list": (set_in_spec(tasks=3), "spec.json cannot be used: tasks=3: a list of words is needed"),
    "a method of tomorrow": (
        set_in_spec(method="telepathy"),
        "spec.json cannot be used: method=telepathy is not known",
    ),
    "a value of a million letters": (set_in_spec(schedule="x" * 1_000_000), "schedule=" + "x" * 40 + "…"),
    "a folder for a spec": (lambda run: replace_by_folder(run.spec_path), "spec.json cannot be read: it is no file"),
    "a pipe for a spec": (lambda run: replace_by_pipe(run.spec_path), "spec.json cannot be read: it is no file"),
    "an event without its fields": (
        say_event('{"event": "step"}'),
        "events.jsonl is damaged: the event step lacks step",
    ),
    "an event of a wrong type": (
        say_event('{"event": "plan", "rows": "many"}'),
        "events.jsonl is damaged: the event plan has rows=many",
    ),
    "a number that no computer counts": (
        say_event(f'{{"event": "plan", "rows": {10**400}}}'),
        "the event plan has rows=1000",
    ),
    "an event at the end of time": (
        say_event('{"event": "preparing", "message": "", "time": Infinity}'),
        "has time=Infinity",
    ),
    "an event without name": (say_event('{"time": 1}'), "events.jsonl is damaged: a line names no event"),
    "an event nested 100,000 deep": (
        say_event('{"event": ' + DEEP + "}"),
        "events.jsonl is damaged: line 47 is nested too deeply",
    ),
    "a line that is no object": (say_event("[1, 2]"), "events.jsonl is damaged: line 47 holds no object but a list"),
    "a line of another file": (say_event("loading the model"), "events.jsonl is damaged: line 47 is not JSON"),
    "a folder for events": (
        lambda run: replace_by_folder(run.events_path),
        "events.jsonl cannot be read: it is no file",
    ),
    "a pipe for events": (lambda run: replace_by_pipe(run.events_path), "events.jsonl cannot be read: it is no file"),
}


def spoiled(project: Project, run_id: str, spoil: Spoil) -> dict[str, RunState]:
    run = RunDirectory(project.runs_path / run_id)
    spoil(run)
    states = {state.run_id: state for state in run_states(project)}
    assert set(states) == {TRAINED, COMPARED, WHOLE}
    assert states[WHOLE].status is Status.FINISHED and states[WHOLE].step == 40
    return states


@pytest.mark.parametrize("name", DAMAGES)
def test_one_damaged_run_is_shown_with_its_reason_and_the_others_as_they_are(name: str, project: Project) -> None:
    spoil, reason = DAMAGES[name]
    state = spoiled(project, TRAINED, spoil)[TRAINED]
    assert state.status is Status.DAMAGED and state.kind == "train"
    assert reason in state.damage and state.message == state.damage and state.hint
    assert {each.run_id: each.damage for each in RunPoll(project.runs_path).poll()}[TRAINED] == state.damage


def test_the_verbs_list_a_damaged_run_among_the_others(project: Project) -> None:
    spoiled(project, TRAINED, DAMAGES["a spec that is a list"][0])
    table = CliRunner().invoke(app, ["-C", str(project.root), "runs"])
    assert table.exit_code == 0
    assert "damaged" in table.stdout and "it holds no JSON object but a list" in table.stdout
    listed = json.loads(CliRunner().invoke(app, ["-C", str(project.root), "runs", "--json"]).stdout)
    damage = {run["run_id"]: (run["status"], run["damage"]) for run in listed}
    assert damage[TRAINED] == ("damaged", "spec.json is damaged: it holds no JSON object but a list.")
    assert damage[WHOLE] == ("finished", "")
    watched = CliRunner().invoke(app, ["-C", str(project.root), "watch", TRAINED])
    assert watched.exit_code == 1 and "holds no JSON object" in watched.output


def test_what_an_earlier_life_left_damaged_is_forgotten_by_a_resume(project: Project) -> None:
    run = RunDirectory(project.runs_path / TRAINED)
    say_event('{"event": "step"}')(run)
    writer = EventWriter(run.events_path)
    writer.write(Started())
    writer.write(Finished())
    assert next(state for state in run_states(project) if state.run_id == TRAINED).status is Status.FINISHED


def test_a_spec_that_cannot_be_read_is_not_resumed(project: Project) -> None:
    state = spoiled(project, TRAINED, DAMAGES["a spec that is a list"][0])[TRAINED]
    assert not state.can_resume
    with pytest.raises(StudioError, match="nothing to resume"):
        resume_run(project, TRAINED)


def test_a_newer_studio_s_event_and_field_damage_nothing(project: Project) -> None:
    say_event('{"event": "levitated", "height": [[3]]}')(RunDirectory(project.runs_path / WHOLE))
    say_event('{"event": "preparing", "message": "x", "mood": {"good": true}}')(RunDirectory(project.runs_path / WHOLE))
    assert {state.run_id: state.status for state in run_states(project)}[WHOLE] is Status.FINISHED


@pytest.mark.parametrize(
    ("file", "text", "reason"),
    [
        ("scores.json", '{"arms": {"zero_sh', "scores.json is damaged: it is not JSON"),
        ("scores.json", "[]", "scores.json is damaged: it holds no JSON object but a list"),
        ("predictions.jsonl", '{"key": "a"}\n', "predictions.jsonl is damaged: answer 1 lacks what an answer says"),
        ("predictions.jsonl", DEEP + "\n", "predictions.jsonl is damaged: line 1 is nested too deeply"),
    ],
)
async def test_a_comparison_whose_results_are_damaged_says_so_on_every_screen(
    file: str, text: str, reason: str, project: Project
) -> None:
    states = spoiled(project, COMPARED, lambda run: (run.path / file).write_text(text))
    assert reason in states[COMPARED].damage
    with pytest.raises(StudioError, match=reason):
        load_comparison(project, COMPARED)
    async with opened_on(project, "runs") as pilot:
        assert f"! damaged: {reason}" in shown(pilot)
    async with opened_on(project, "compare") as pilot:
        assert f"! {COMPARED} is damaged: {reason}" in shown(pilot)


def test_scores_of_a_wrong_type_are_said_and_not_drawn(project: Project) -> None:
    run = RunDirectory(project.runs_path / COMPARED)
    recorded = next((Path(__file__).parents[1] / "recorded").glob("compare-*")) / "scores.json"
    scores = json.loads(recorded.read_text())
    scores["arms"]["tuned"]["headline"]["score"] = "much"
    run.scores_path.write_text(json.dumps(scores))
    with pytest.raises(StudioError, match=r"scores\.json is damaged"):
        load_comparison(project, COMPARED)


def test_a_damaged_frozen_row_is_named_by_its_line(tmp_path: Path) -> None:
    row = {"example_id": 1, "task": "", "prompt": "p", "completion": "c"}
    path = tmp_path / "train.jsonl"
    path.write_text(json.dumps(row) + "\n" + json.dumps({**row, "prompt": 3}) + "\n")
    with pytest.raises(StudioError, match="is damaged: line 2 has prompt=3"):
        read_rows(path)


def test_runs_that_cannot_be_listed_are_said(project: Project) -> None:
    moved = project.runs_path.rename(project.root / "elsewhere")
    project.runs_path.write_text("no folder")
    with pytest.raises(StudioError, match="cannot be read: Not a directory"):
        run_states(project)
    assert moved.is_dir()
