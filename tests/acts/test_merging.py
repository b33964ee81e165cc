"""Merging as a person asks for it: where to, what is refused, what the card says. The process is stood in for."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from studio.acts import merging
from studio.acts.exporting import FileExists
from studio.acts.merging import merge, plan_merge
from studio.errors import AskedWrongly, StudioError
from studio.files import write_whole
from studio.interpreter import OnPart, carried_out
from studio.project import Project
from studio.runs.directory import FrozenRow, RunDirectory, write_rows
from studio.runs.events import Finished
from studio.runs.leaving import Verified
from studio.runs.specs import TrainSpec
from tests.tui.run_story import RECORDED, model_without_weights, train_run

COMPARISON = "compare-1125-043826-df"
FOUND = Verified("float32", 3, 20, 2e-5, 1e-2, 3, 3, 134_000_000)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.init(tmp_path / "desk")


@pytest.fixture
def run(project: Project, tmp_path: Path) -> RunDirectory:
    directory = train_run(project, "train-1", ends=Finished(seconds=12.0))
    model = model_without_weights(tmp_path / "model")
    write_whole(directory.spec_path, TrainSpec(base_model="tiny", model_path=str(model)).to_json())
    directory.result_path("adapter").mkdir()
    write_rows(directory.rows_path("train"), [FrozenRow(n, "tickets", f"secret {n}", "yes") for n in range(9)])
    write_rows(directory.rows_path("validation"), [FrozenRow(n, "tickets", f"secret {n}", "no") for n in range(20, 23)])
    return directory


def standing_in(monkeypatch: pytest.MonkeyPatch, answer: StudioError | None = None) -> list[Mapping[str, Any]]:
    asked: list[Mapping[str, Any]] = []

    def stand_in(
        module: str, request: Mapping[str, Any], on_part: OnPart, is_cancelled: Callable[[], bool]
    ) -> dict[str, Any] | None:
        asked.append(request)
        on_part(0.5, "merging")
        (Path(request["folder"]) / "config.json").write_text("{}")
        if answer:
            raise answer
        return None if is_cancelled() else asdict(FOUND)

    monkeypatch.setattr(merging, "carried_out", stand_in)
    return asked


def test_the_card_says_data_settings_losses_scores_and_limits_and_no_row(
    project: Project, run: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = standing_in(monkeypatch)
    compared = shutil.copytree(RECORDED / COMPARISON, project.runs_path / COMPARISON)
    spec = json.loads((compared / "spec.json").read_text())
    (compared / "spec.json").write_text(json.dumps({**spec, "run_id": "train-1"}))
    said = list[str]()
    assert merge(project, plan_merge(project, "train-1", tmp_path / "out"), lambda _, what: said.append(what)) == FOUND
    assert said == ["merging"] and [row["example_id"] for row in asked[0]["rows"]] == [20, 21, 22]
    card = (tmp_path / "out" / "README.md").read_text()
    assert card.startswith('---\nlibrary_name: transformers\nbase_model: "tiny"\n')
    for words in (
        "2e-05",
        "3 of 3 greedy answers",
        "- train rows: 9",
        "It learned 320 rows",
        "sha256 of train.jsonl",
        "## Limits",
        "0.437",
    ):
        assert words in card
    assert COMPARISON.replace("_", r"\_") in card and "No comparison was run" not in card
    assert "secret" not in card and str(tmp_path) not in card.split("## Where the figures")[0]


def test_nothing_is_left_of_a_merge_that_was_refused_or_cancelled(
    project: Project, run: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    standing_in(monkeypatch)
    plan = plan_merge(project, "train-1", tmp_path / "deep" / "out")
    assert merge(project, plan, lambda *_: None, lambda: True) is None
    standing_in(monkeypatch, StudioError("does not answer as the run does"))
    with pytest.raises(StudioError, match="does not answer"):
        merge(project, plan, lambda *_: None)
    assert list((tmp_path / "deep").iterdir()) == []


def test_a_folder_that_is_there_is_replaced_only_by_force_and_only_a_model(
    project: Project, run: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    standing_in(monkeypatch)
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("years of work")
    with pytest.raises(AskedWrongly, match="no model folder"):
        plan_merge(project, "train-1", out, may_replace=True)
    (out / "config.json").write_text("{}")
    with pytest.raises(FileExists, match="nothing was written"):
        plan_merge(project, "train-1", out)
    for kept in (tmp_path / "model", run.path, run.path / "adapter", tmp_path):
        with pytest.raises(AskedWrongly, match="is there"):
            plan_merge(project, "train-1", kept, may_replace=True)
    merge(project, plan_merge(project, "train-1", out, may_replace=True), lambda *_: None)
    assert {path.name for path in out.iterdir()} == {"config.json", "README.md"}


def test_a_process_that_dies_says_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.interpreter.python_module", lambda module: ["sh", "-c", "echo out of luck >&2; exit 3"])
    with pytest.raises(StudioError, match="ended without an answer") as died:
        carried_out("studio.worker.merging", {}, lambda *_: None)
    assert died.value.hint == "out of luck"
    said = json.dumps({"error": {"message": "not safe", "hint": "choose another"}})
    monkeypatch.setattr("studio.interpreter.python_module", lambda module: ["echo", said])
    with pytest.raises(StudioError, match="not safe"):
        carried_out("studio.worker.merging", {}, lambda *_: None)
    monkeypatch.setattr("studio.interpreter.python_module", lambda module: ["sleep", "60"])
    assert carried_out("studio.worker.merging", {}, lambda *_: None, lambda: True) is None
