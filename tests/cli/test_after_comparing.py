"""The verbs over blind votes, and over rows to mend."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from studio.acts import comparing, training
from studio.dataset.store import Store
from studio.project import Project
from studio.runs.directory import RunDirectory
from studio.runs.events import EventWriter, Finished
from studio.runs.specs import TrainSpec
from studio.runs.votes import LEFT, TIE, CastVote, cast_vote
from tests.cli.conftest import Studio
from tests.tui.data_story import tickets
from tests.tui.run_story import comparison, model_without_weights


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.init(tmp_path / "desk")


def test_votes_are_told_as_a_table_as_json_and_as_preference_pairs(
    studio: Studio, project: Project, tmp_path: Path
) -> None:
    directory = comparison(project, "compare-1")
    nothing = studio("votes", "compare")
    assert (nothing.exit_code, "v on Compare (F5) casts them" in nothing.stderr) == (1, True)
    cast_vote(directory, CastVote(1, "tuned", "zero_shot", LEFT, "anna", "2026-01-01T00:00:00+00:00"))
    cast_vote(directory, CastVote(3, "tuned", "zero_shot", TIE, "anna", "2026-01-01T00:00:00+00:00"))
    assert studio("votes", "compare").stdout.splitlines()[1].split()[:4] == ["tuned", "1", "0", "1"]
    told = json.loads(studio("votes", "compare", "--json").stdout)
    assert [arm["arm"] for arm in told["ranking"]["arms"]] == ["tuned", "zero_shot"] and len(told["votes"]) == 2
    path = tmp_path / "pairs.jsonl"
    assert studio("votes", "compare", "-o", str(path)).stderr == f"wrote 1 preference pair to {path}, without 1 tie\n"
    (pair,) = map(json.loads, path.read_text().splitlines())
    assert (pair["prompt"], pair["chosen"]) == ("my printer broke", '{"product": "printer", "urgency": "low"}')
    again = studio("votes", "compare", "-o", str(path))
    assert (again.exit_code, "--force replaces it" in again.stderr) == (2, True)


def test_rows_are_sent_back_by_a_verb(studio: Studio, project: Project) -> None:
    with Store.open(project.store_path, "anna") as store:
        store.add(tickets(3), "rows.jsonl")
    comparison(project, "compare-1")
    said = studio("send-back", "compare")
    assert said.stderr == "1 row sent back of 1 row broken · studio undo takes it back\n"
    rows = studio("rows", "--where", "is_marked and contains(note, 'sent back: ')", "--json")
    assert [row["example_id"] for row in json.loads(rows.stdout)] == [2]
    told = json.loads(studio("send-back", "compare", "--which", "neither", "--json").stdout)
    assert told == {"run_id": "compare-1", "reasons": {}, "marked": 0, "gone": 0}


def test_again_says_what_changed_and_starts_both(
    studio: Studio, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (training, comparing):
        monkeypatch.setattr(module, "submit", lambda directory: None)
    project.settings_path.write_text(f'base_model = "{model_without_weights(tmp_path / "model")}"\nmax_length = 128\n')
    with Store.open(project.store_path, "anna") as store:
        store.add(tickets(40), "rows.jsonl")
        store.assign_splits(0.2, 0.1, 0)
        run = RunDirectory(project.runs_path / training.start_training(project, store, TrainSpec(max_length=128)))
    nothing = studio("again")
    assert (nothing.exit_code, "There is no comparison yet" in nothing.stderr) == (1, True)
    EventWriter(run.events_path).write(Finished(seconds=1))
    run.result_path("adapter").mkdir()
    told = json.loads(studio("again", run.run_id, "--dry-run", "--json").stdout)
    assert told["rows"] == {"edited": 0, "added": 0, "removed": 0} and "train" not in told
    started = studio("again", run.run_id).stdout.split()
    assert [(project.runs_path / one / "spec.json").exists() for one in started] == [True, True]
