"""The demo moves on by looking at the project folder, so one that was left goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from studio.acts import base_model, comparing, demo, training
from studio.acts.demo import Demo, open_sample_project
from studio.acts.sample_data import sample_data_path
from studio.dataset.store import Store
from studio.errors import StudioError
from studio.project import Project
from studio.runs.directory import RunDirectory, read_rows
from studio.runs.events import Event, EventWriter, Failed, Finished, Started
from studio.runs.specs import CompareSpec, read_spec
from studio.tokens.tokenizer import ModelFolder
from tests.tiny_model import make_tiny_model

Launched = list[RunDirectory]


@pytest.fixture
def launched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Launched:
    """Runs are noted instead of started; the model is a tiny one with room for every ticket."""
    model = ModelFolder(make_tiny_model(tmp_path / "model", context_window=1024))
    noted: Launched = []
    monkeypatch.setattr(base_model, "resolve_model", lambda name, trusted: model)
    for module in (training, comparing):
        monkeypatch.setattr(module, "submit", noted.append)
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(demo, "TRAIN_SPEC", replace(demo.TRAIN_SPEC, max_length=1024))
    return noted


@pytest.fixture
def project(tmp_path: Path, launched: Launched) -> Project:
    return open_sample_project(tmp_path / "demo")


@pytest.fixture
def store(project: Project) -> Iterator[Store]:
    with Store.open(project.store_path, "anna") as store:
        yield store


def say(run: RunDirectory, event: Event) -> None:
    run.process_path.write_text("{}")
    writer = EventWriter(run.events_path)
    writer.write(event)
    writer.close()


def test_the_sample_data_is_imported_once_and_split(project: Project, launched: Launched) -> None:
    open_sample_project(project.root)
    with Store.open(project.store_path, "anna") as store:
        stats = store.stats()
    assert set(stats.tasks) == {"tickets", "tone", "summaries"}
    assert stats.tasks["tickets"] >= 240 and stats.tasks["tone"] >= 120 and stats.tasks["summaries"] >= 60
    assert stats.splits["none"] == 0 and min(stats.splits[name] for name in ("train", "validation", "test")) > 0


def test_the_test_tickets_are_those_of_their_file_and_nobody_learns_from_them(store: Store) -> None:
    with (sample_data_path() / "tickets_test.jsonl").open(encoding="utf-8") as file:
        promised = {json.loads(line)["prompt"] for line in file}

    def prompts(split: str) -> set[str]:
        rows = store.rows_for(split, tasks=(demo.TASK,), labels=("accept", "none"), where="")
        return {row.prompt for row in rows}

    assert prompts("test") == promised
    assert len(prompts("validation")) >= 50  # what settings are chosen by
    assert not (prompts("train") | prompts("validation")) & promised


def test_it_trains_then_lets_every_arm_answer_the_same_rows(project: Project, store: Store, launched: Launched) -> None:
    playing = Demo(project)
    assert "has started" in (playing.advance(store) or "")
    assert playing.wanted_screen == "runs"
    train = launched[-1]
    assert {row.task for row in read_rows(train.rows_path("train"))} == {"tickets"}
    assert playing.advance(store) is None  # still starting

    train.result_path("adapter").mkdir()
    say(train, Finished(seconds=1))
    assert "every arm answers" in (Demo(project).advance(store) or "")  # as after a restart
    spec = read_spec(launched[-1])
    assert isinstance(spec, CompareSpec)
    assert spec.arms == ("zero_shot", "one_shot", "few_shot:5", "tuned") and spec.run_id == train.run_id

    say(launched[-1], Finished(seconds=1))
    assert "done" in (playing.advance(store) or "")
    assert playing.is_over and playing.wanted_screen == "compare"
    assert len(launched) == 2


def test_a_killed_run_is_resumed(
    project: Project, store: Store, launched: Launched, monkeypatch: pytest.MonkeyPatch
) -> None:
    playing = Demo(project)
    playing.advance(store)
    say(launched[0], Started(pid=1, host="h", kind="train"))
    assert playing.advance(store) is None
    assert [run.run_id for run in launched] == [launched[0].run_id] * 2


def test_a_failed_run_ends_the_demo_and_says_why_once(project: Project, store: Store, launched: Launched) -> None:
    playing = Demo(project)
    playing.advance(store)
    say(launched[0], Failed(message="the disk is full.", hint="Make room."))
    with pytest.raises(StudioError, match="the disk is full"):
        playing.advance(store)
    assert playing.advance(store) is None
