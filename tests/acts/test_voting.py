"""Blind votes: which pair comes next, what is on disk, and what becomes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from studio.acts.exporting import FileExists
from studio.acts.voting import LEAST_APART, REPEAT_AFTER, Booth, export_preferences, preferences
from studio.errors import AskedWrongly, StudioError
from studio.files import write_whole
from studio.project import Project
from studio.reports.compare import compare_view
from studio.reports.votes import blind_standing, result_lines, votes_table
from studio.runs.directory import FrozenRow, RunDirectory, write_rows
from studio.runs.specs import CompareSpec
from studio.runs.votes import LEFT, RIGHT, TIE, CastVote, cast_vote, read_votes
from studio.turns import Turn, written

ARMS = ("few_shot:5", "tuned")
ROWS = [FrozenRow(number, "t", f"prompt {number}", "yes") for number in range(1, 41)]


def given(arm: str, row: FrozenRow, text: str, **more: Any) -> dict[str, Any]:
    facts = {"key": f"{arm}{row.example_id}", "arm": arm, "example_id": row.example_id, "task": row.task, "text": text}
    return facts | {"tokens": 1, "latency_seconds": None, "prompt_tokens": 9, "is_cut": False} | more


PREDICTIONS = [given(arm, row, f"{arm} on {row.example_id}") for arm in ARMS for row in ROWS]


def compared(root: Path, rows: list[FrozenRow] = ROWS, predictions: list[dict[str, Any]] = PREDICTIONS) -> Project:
    project = Project.init(root)
    directory = RunDirectory(project.runs_path / "compare-1")
    directory.path.mkdir()
    write_rows(directory.rows_path("test"), rows)
    directory.predictions_path.write_text("".join(json.dumps(one) + "\n" for one in predictions))
    write_whole(directory.spec_path, CompareSpec(base_model="tiny", arms=("zero_shot",)).to_json())
    return project


def booth(project: Project, who: str = "anna", predictions: list[dict[str, Any]] = PREDICTIONS) -> Booth:
    directory = RunDirectory(project.runs_path / "compare-1")
    return Booth(directory, compare_view(ROWS, predictions).rows, ARMS, who)


def vote_for(one: Booth, arm: str, times: int) -> None:
    for _ in range(times):
        ballot = one.ballot()
        assert ballot is not None
        one.vote(ballot, LEFT if ballot.left == arm else RIGHT)


def test_whoever_comes_back_goes_on_where_they_left(tmp_path: Path) -> None:
    project = compared(tmp_path)
    first = booth(project)
    seen = []
    for _ in range(5):
        ballot = first.ballot()
        assert ballot is not None
        seen.append(ballot)
        first.vote(ballot, TIE)
    assert len(read_votes(RunDirectory(project.runs_path / "compare-1"))) == 5, "each is on disk at once"
    again = booth(project)
    assert again.ballot() == first.ballot()
    assert len(again.fresh) == 35
    assert len(booth(project, "ben").fresh) == 40, "another voter begins anew"


def test_sides_are_shuffled_and_the_order_is_not_that_of_the_test_set(tmp_path: Path) -> None:
    one = booth(compared(tmp_path))
    ballots = []
    for _ in range(30):
        ballot = one.ballot()
        assert ballot is not None
        ballots.append(ballot)
        one.vote(ballot, LEFT)
    order = [ballot.row.example_id for ballot in ballots if not ballot.is_repeat]
    assert order != sorted(order)
    assert 8 <= sum(ballot.left == "tuned" for ballot in ballots) <= 22


def test_pairs_come_again_hidden_and_not_soon_after(tmp_path: Path) -> None:
    one = booth(compared(tmp_path))
    vote_for(one, "tuned", 30)
    repeats = [place for place, vote in enumerate(one.votes) if vote.is_repeat]
    assert len(repeats) == 3 and repeats[0] == REPEAT_AFTER
    for place in repeats:
        before = [at for at, vote in enumerate(one.votes[:place]) if vote.example_id == one.votes[place].example_id]
        assert before and place - before[-1] > LEAST_APART
    assert "asked again, 3 votes came out alike 100 %" in words(one)


def words(one: Booth) -> str:
    return "\n".join("".join(text for text, _ in line) for line in result_lines(one.votes, one.arms))


def test_the_last_vote_is_taken_back_and_its_pair_comes_again(tmp_path: Path) -> None:
    project = compared(tmp_path)
    anna, ben = booth(project), booth(project, "ben")
    assert not anna.undo()
    before = anna.ballot()
    vote_for(anna, "tuned", 1)
    vote_for(ben, "tuned", 1)
    assert anna.undo() and anna.ballot() == before
    standing = read_votes(RunDirectory(project.runs_path / "compare-1"))
    assert [vote.who for vote in standing] == ["ben"], "each takes back their own"
    assert len((project.runs_path / "compare-1" / "votes.jsonl").read_text().splitlines()) == 3, "and nothing is lost"


def test_how_it_stands_names_nobody_and_the_result_names_them(tmp_path: Path) -> None:
    one = booth(compared(tmp_path))
    assert blind_standing(one.votes, ARMS) == "no vote yet"
    vote_for(one, "tuned", 6)
    vote_for(one, "few_shot:5", 2)
    standing = blind_standing(one.votes, ARMS)
    assert standing.startswith("8 votes: one leads 6 to 2 (75 %, 95 %: 41 % to 93 %)")
    assert "tuned" not in standing and "few" not in standing
    assert "more would show it" in standing
    assert "tuned and few_shot:5: no preference shown" in words(one)
    vote_for(one, "tuned", 12)
    assert "tuned is preferred to few_shot:5" in words(one)


def test_answers_that_say_the_same_and_failed_ones_are_not_voted_on(tmp_path: Path) -> None:
    predictions = [dict(one) for one in PREDICTIONS]
    predictions[0]["text"] = " tuned  on 1"
    predictions[1]["error"] = "429"
    predictions[2]["is_cut"] = True
    one = booth(compared(tmp_path, predictions=predictions), predictions=predictions)
    assert one.left_out == 2 and len(one.fresh) == 38
    assert not {1, 2} & set(one.fresh)


def test_a_vote_that_the_disk_refuses_is_said_and_not_counted(tmp_path: Path) -> None:
    one = booth(compared(tmp_path))
    (tmp_path / "runs" / "compare-1" / "votes.jsonl").mkdir()
    ballot = one.ballot()
    assert ballot is not None
    with pytest.raises(StudioError, match="cannot be written"):
        one.vote(ballot, LEFT)
    assert one.votes == [] and one.ballot() == ballot


def test_a_torn_vote_is_passed_over_and_a_damaged_one_named(tmp_path: Path) -> None:
    directory = RunDirectory(compared(tmp_path).runs_path / "compare-1")
    cast_vote(directory, CastVote(1, *ARMS, TIE, "anna", "2026-01-01T00:00:00+00:00"))
    with directory.votes_path.open("a") as file:
        file.write('{"example_id": 2, "left"')
    assert len(read_votes(directory)) == 1
    with directory.votes_path.open("a") as file:
        file.write('\n{"better": "up"}\n')
    with pytest.raises(StudioError, match="vote 2 lacks what a vote says"):
        read_votes(directory)


def test_votes_become_preference_pairs_without_ties_and_repeats(tmp_path: Path) -> None:
    project = compared(tmp_path)
    one = booth(project)
    vote_for(one, "tuned", 9)
    ballot = one.ballot()
    assert ballot is not None
    one.vote(ballot, TIE)
    found = preferences(project, "compare-1")
    assert (len(found.pairs), found.ties, found.repeats, found.lost) == (8, 1, 1, 0)
    number = one.votes[0].example_id
    assert found.pairs[0] == {
        "prompt": f"prompt {number}",
        "chosen": f"tuned on {number}",
        "rejected": f"few_shot:5 on {number}",
    }
    path = tmp_path / "pairs.jsonl"
    export_preferences(found, path)
    assert [json.loads(line) for line in path.read_text().splitlines()] == found.pairs
    with pytest.raises(FileExists):
        export_preferences(found, path)
    export_preferences(found, path, may_replace=True)
    with pytest.raises(AskedWrongly, match="a folder"):
        export_preferences(found, tmp_path)


def test_a_system_message_and_earlier_turns_go_along_as_messages(tmp_path: Path) -> None:
    turns = written([Turn("user", "Hello"), Turn("assistant", "Hi")])
    rows = [FrozenRow(1, "t", "hi", "yes", system="be kind"), FrozenRow(2, "t", "ho", "yes", context=turns)]
    assert compare_view(rows, PREDICTIONS).rows[1].asked == "user: Hello\n\nassistant: Hi\n\nuser: ho"
    project = compared(tmp_path, rows)
    directory = RunDirectory(project.runs_path / "compare-1")
    for number in (1, 2):
        cast_vote(directory, CastVote(number, "tuned", "few_shot:5", LEFT, "anna", "now"))
    first, second = preferences(project, "compare-1").pairs
    assert first["prompt"] == [{"role": "system", "content": "be kind"}, {"role": "user", "content": "hi"}]
    assert first["chosen"] == [{"role": "assistant", "content": "tuned on 1"}]
    assert [message["content"] for message in second["prompt"]] == ["Hello", "Hi", "ho"]


def test_votes_on_more_arms_become_one_ranking() -> None:
    outcomes = [("a", "b", LEFT)] * 6 + [("a", "b", RIGHT)] * 2 + [("b", "c", LEFT)] * 5 + [("b", "c", TIE)] * 3
    votes = [CastVote(at, *outcome, "anna", "now") for at, outcome in enumerate(outcomes, start=1)]
    lines = votes_table(votes).lines()
    assert [line.split()[0] for line in lines[1:4]] == ["a", "b", "c"]
    assert lines[-1].startswith("16 votes")
