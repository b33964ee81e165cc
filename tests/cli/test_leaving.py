"""The verb that merges: where the model goes, what is said of it, what a script reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from studio.acts import merging
from studio.files import write_whole
from studio.project import Project
from studio.runs.events import Finished
from studio.runs.leaving import Verified
from studio.runs.specs import TrainSpec
from tests.cli.conftest import Studio
from tests.tui.run_story import train_run


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.init(tmp_path / "desk")


def test_a_merge_says_how_far_the_written_model_is_from_the_run(
    studio: Studio, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "no run 'train'" in studio("merge", "train").stderr
    run = train_run(project, "train-1", ends=Finished(seconds=1.0))
    write_whole(run.spec_path, TrainSpec(base_model="tiny", model_path=str(tmp_path / "base")).to_json())
    early = studio("merge", "train")
    assert (early.exit_code, "has made no adapter yet" in early.stderr) == (1, True)
    run.result_path("adapter").mkdir()
    found = Verified("float32", 8, 200, 7.1e-5, 4.3e-3, 8, 8, 134_515_008)
    monkeypatch.setattr(merging, "merge", lambda project, plan, on_part: found)
    said = studio("merge", "train")
    assert (said.exit_code, said.stdout) == (0, "train-1-merged\n")
    assert (
        "largest difference of a logit is 7.1e-05 (allowed 0.0043), 8 of 8 greedy answers are the same" in said.stderr
    )
    read = json.loads(studio("merge", "train", "-o", "out", "--json").stdout)
    assert (read["folder"], read["difference"], read["equal_answers"]) == ("out", 7.1e-5, 8)
    refused = studio("merge", "train", "--checkpoint", "7")
    assert (refused.exit_code, "no checkpoint of step 7" in refused.stderr) == (2, True)
    assert studio("merge", "train", "--dtype", "int3").exit_code == 2
