"""What a run would take is measured by a few steps of it before it starts, and nothing of that stays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from studio.acts import measuring
from studio.acts.measuring import measure
from studio.acts.plan_words import plan_facts
from studio.acts.training import plan_training
from studio.dataset.candidates import Candidate
from studio.dataset.store import Store
from studio.errors import StudioError
from studio.project import Project
from studio.runs.directory import RunDirectory, runs_in
from studio.runs.events import EventWriter, Failed, Finished, Forecast, Preparing
from studio.runs.specs import TrainSpec
from tests.tui.run_story import model_without_weights

MEASURED = Forecast(
    seconds=600, least_seconds=540, most_seconds=660, tokens_per_second=290, memory_bytes=3 * 10**9,
    disk_bytes=177 * 10**6, measured_steps=5,
)  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.init(tmp_path / "desk", base_model=str(model_without_weights(tmp_path / "model")), max_length=128)


@pytest.fixture
def store(project: Project) -> Iterator[Store]:
    with Store.open(project.store_path, "anna") as store:
        store.add([Candidate(f"what is {number}", f"it is {number}", split="train") for number in range(12)], "rows")
        yield store


def working(monkeypatch: pytest.MonkeyPatch, *events: Forecast | Failed | Finished | Preparing) -> list[RunDirectory]:
    """A process that says these events and ends; what it worked on."""
    seen: list[RunDirectory] = []

    def submit(directory: RunDirectory, module: str) -> None:
        assert module == "studio.worker.measuring"
        assert directory.is_complete and directory.rows_path("train").exists()
        seen.append(directory)
        writer = EventWriter(directory.events_path)
        for event in events:
            writer.write(event)
        writer.close()

    monkeypatch.setattr(measuring, "local", SimpleNamespace(submit=submit, log_tail=lambda *_: "Killed"))
    return seen


def test_what_was_measured_stands_in_the_plan_and_no_run_is_left(
    project: Project, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    (worked_on,) = [working(monkeypatch, Preparing(message="loading the model"), MEASURED, Finished(seconds=9))]
    plan, said = plan_training(project, store, TrainSpec(max_length=128)), list[str]()
    found = measure(project, store, plan, said.append)
    assert found is not None and said == ["loading the model"]
    assert plan_facts(plan, found)[-3:] == [
        ("time", "10 m 00 s (9 m 00 s to 11 m 00 s)", ""),
        ("speed", "290 tok/s by 5 measured steps", ""),
        ("memory", "3.0 GB, 177 MB of disk", ""),
    ]
    assert not worked_on[0].path.exists()
    assert runs_in(project.runs_path) == []


def test_what_does_not_fit_is_refused_with_the_reason_and_a_killed_process_with_its_last_words(
    project: Project, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_training(project, store, TrainSpec(max_length=128))
    working(monkeypatch, Failed(message="not enough memory for one row", hint="Lower max_length."))
    with pytest.raises(StudioError, match="not enough memory for one row"):
        measure(project, store, plan, print)
    working(monkeypatch, Preparing(message="loading the model"))
    with pytest.raises(StudioError, match="ended without a word") as killed:
        measure(project, store, plan, print)
    assert killed.value.hint == "Killed"
    assert list(project.runs_path.iterdir()) == []
    refused = replace(plan, rows=0)
    with pytest.raises(StudioError):
        measure(project, store, refused, print)


def test_what_a_killed_studio_left_is_no_run_and_is_swept_up(
    project: Project, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_training(project, store, TrainSpec(max_length=128))
    left = project.runs_path / f"{measuring.PREFIX}left"
    left.mkdir()
    (left / "spec.json").write_text("{}")
    assert runs_in(project.runs_path) == []
    working(monkeypatch, MEASURED)
    assert measure(project, store, plan, print, is_cancelled=lambda: True) is None
    assert not left.exists()
