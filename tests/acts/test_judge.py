"""A model as judge: both orders, a tie where the order decides, failures named, held against people's votes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from studio.acts.comparing import LoadedComparison
from studio.acts.judge import agreement, as_votes, judge_rows, judgements_in, word_in
from studio.errors import AskedWrongly
from studio.project import Project
from studio.reports.judgements import judged_lines
from studio.runs.directory import FrozenRow, RunDirectory
from studio.runs.specs import CompareSpec
from studio.runs.votes import CastVote
from studio.scoring.votes import win_rate
from tests.endpoint_server import Handler, Server, serving, status, whole


def prefers_lamps(handler: Handler) -> None:
    """Says which answer names a lamp; of two that do, or none, the first: it is turned by the order."""
    text = handler.asked["messages"][0]["content"]
    first = text.partition("[Answer A]")[2].partition("[Answer B]")[0]
    second = text.partition("[Answer B]")[2].partition("Which answer")[0]
    only_second = "lamp" in second and "lamp" not in first
    whole(f"I think A or B …\nso it is\n{'B' if only_second else 'A'}")(handler)


@pytest.fixture
def compared(tmp_path: Path) -> LoadedComparison:
    rows = [FrozenRow(at, "t", f"question {{{at}}}", "a lamp") for at in range(4)]
    said = {"tuned": ["a lamp", "lamp!", "no", "same"], "few_shot:5": ["no", "a lamp", "a lamp", "same"]}
    predictions: list[dict[str, Any]] = [
        {"arm": arm, "example_id": at, "text": text} for arm, texts in said.items() for at, text in enumerate(texts)
    ]
    return LoadedComparison("compare-1", CompareSpec(arms=("few_shot:5",)), rows, predictions, None, [])


def project_with(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch, **facts: Any) -> Project:
    project = Project.init(tmp_path / "desk")
    settings = replace(project.settings(), endpoints={"big": server.endpoint(**facts)})
    monkeypatch.setattr(Project, "settings", lambda project: settings)
    return project


def test_both_orders_are_asked_and_a_judge_that_the_order_turns_has_no_opinion(
    tmp_path: Path, compared: LoadedComparison, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory, pair = RunDirectory(tmp_path), ("tuned", "few_shot:5")
    with serving(prefers_lamps) as server:
        project = project_with(tmp_path, server, monkeypatch)
        found = judge_rows(project, compared, directory, "big", pair)
        assert len(server.asked) == 6, "row 3 has the same words twice and is not asked"
        assert judge_rows(project, compared, directory, "big", pair) and len(server.asked) == 6, (
            "nothing is asked again"
        )
        with pytest.raises(AskedWrongly, match="has no arm 'zero_shot'"):
            judge_rows(project, compared, directory, "big", ("tuned", "zero_shot"))
    by_row = {one.example_id: one for one in found}
    assert {at: one.winner for at, one in by_row.items()} == {0: "tuned", 1: "", 2: "few_shot:5"}
    assert [at for at, one in by_row.items() if one.is_turned] == [1]
    rate = win_rate(as_votes(found), *pair)
    assert (rate.wins, rate.losses, rate.ties) == (1, 1, 1)
    votes = [
        CastVote(0, "tuned", "few_shot:5", "left", "anna", ""),
        CastVote(2, "few_shot:5", "tuned", "right", "anna", ""),
    ]
    agreed = agreement(found, votes)
    assert (agreed.rate, agreed.n) == (0.5, 2)
    assert judged_lines("big", rate, 1, 0, [], agreed) == [
        "big prefers tuned to few_shot:5 in 50 % (95 %: 13 % to 87 %) of 3 rows, a tie as half: 1 to 1, 1 tie, "
        "1 of them because the order of the answers decided.",
        "That shows no preference.",
        "It says what people said on 50 % (95 %: 9 % to 91 %) of the 2 rows that they voted on.",
    ]


def test_a_judge_that_fails_or_says_nothing_clear_is_named_and_asked_again(
    tmp_path: Path, compared: LoadedComparison, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory, pair = RunDirectory(tmp_path), ("tuned", "few_shot:5")
    with serving(status(400, "no such model"), whole("both are fine"), prefers_lamps) as server:
        project = project_with(tmp_path, server, monkeypatch, concurrency=1, retries=0)
        found = judge_rows(project, compared, directory, "big", pair)
        assert [bool(one.error) for one in found] == [True, False, False]
        assert "no such model" in found[0].error
        assert [one.is_unclear for one in found] == [False, True, False]
        assert len(as_votes(found)) == 1
        assert {one.example_id for one in judgements_in(directory)} == {1, 2}
        again = judge_rows(project, compared, directory, "big", pair)
        assert not any(one.error for one in again)
    lines = judged_lines("big", win_rate(as_votes(found), *pair), 0, 1, [found[0].error], agreement(found, []))
    assert lines[-2] == "1 row without a clear word, left out." and lines[-1].startswith("1 row failed: ")


@pytest.mark.parametrize(
    ("text", "word"), [("A", "A"), ("B is worse.\nTIE", "TIE"), ("both", ""), ("**B**", "B"), ("", "")]
)
def test_the_last_word_counts(text: str, word: str) -> None:
    assert word_in(text) == word
