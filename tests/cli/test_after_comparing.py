"""The verbs over blind votes, and over rows to mend."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from studio.dataset.store import Store
from studio.project import Project
from studio.runs.votes import LEFT, TIE, CastVote, cast_vote
from tests.cli.conftest import Studio
from tests.tui.data_story import tickets
from tests.tui.run_story import comparison


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
