"""A project's own scorer: a Python function that studio.toml names, asked in a process of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from studio.errors import AskedWrongly, StudioError
from studio.runs.directory import FrozenRow
from studio.scoring.own_scorers import OwnScorer, faults_of, own_scorers_in, own_scores, with_own_scores
from studio.scoring.primary import deciding_scorer, named_by, primary_scorers
from studio.scoring.scored_rows import score_rows
from studio.scoring.scorers import SCORERS
from studio.scoring.summary import summarize_scored
from tests.scoring.pairs import summarize

SCORERS_FILE = """
import os, sys, time

def politeness(prediction, reference):
    print("looking at", prediction)
    if prediction == "boom":
        raise KeyError("no such word")
    if prediction == "exit":
        os._exit(3)
    if prediction == "sleep":
        time.sleep(60)
    if prediction == "two":
        return 2
    return "please" in prediction

def with_prompt(prediction, reference, prompt):
    return 1.0 if prompt in prediction else 0.25
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "my_scorers.py").write_text(SCORERS_FILE)
    return tmp_path


def said(texts: list[str], arm: str = "tuned") -> list[dict[str, Any]]:
    facts = {"tokens": 4, "latency_seconds": None, "prompt_tokens": 8, "is_cut": False, "arm": arm}
    return [{"example_id": at, "text": text, **facts} for at, text in enumerate(texts)]


def rows_of(texts: list[str]) -> list[FrozenRow]:
    return [FrozenRow(at, "mail", f"q{at}", "please wait") for at in range(len(texts))]


def test_what_it_says_is_a_score_and_what_it_fails_on_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It raises, ends its process, takes too long or says no share: each is a row without a score, the others go on."""
    monkeypatch.setattr("studio.scoring.own_scorers.SECONDS_A_ROW", 0.3)
    texts = ["please", "no", "boom", "exit", "please", "sleep", "two", "please"]
    (scorer,) = own_scorers_in({"politeness": "my_scorers.py:politeness"}, folder)
    scored = score_rows(rows_of(texts), said(texts))
    scores = own_scores(scorer, scored)
    assert [one.score for one in scores] == [1.0, 0.0, None, None, 1.0, None, None, 1.0]
    assert faults_of(scores) == {
        "politeness": [
            "row 2 of tuned: KeyError: 'no such word'",
            "row 3 of tuned: its process ended",
            "row 5 of tuned: no score within 0 s",
            "row 6 of tuned: ValueError: it gave 2, which is not from 0 to 1",
        ]
    }
    found = summarize_scored(with_own_scores(scored, [scorer], scores), named={"mail": "politeness"})
    assert (found.arms["tuned"].scores["politeness"].score, found.arms["tuned"].scores["politeness"].n) == (0.75, 4)
    assert (found.headline_scorer, found.named) == ("politeness", ("mail",))
    assert found.verdict.startswith("tuned scores politeness 75.0 on 4 rows.")
    assert type(found).from_dict(found.to_dict()) == found


def test_one_that_always_fails_is_not_asked_for_ever(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.scoring.own_scorers.MOST_FAULTS", 2)
    texts = ["boom"] * 4
    (scorer,) = own_scorers_in({"politeness": "my_scorers.py:politeness"}, folder)
    scored = score_rows(rows_of(texts), said(texts))
    scores = own_scores(scorer, scored)
    assert [one.error for one in scores][2:] == ["not asked: 20 answers on end had failed"] * 2
    found = summarize_scored(with_own_scores(scored, [scorer], scores), named={"*": "politeness"})
    assert found.verdict == "No answer has a score that decides."


def test_it_may_ask_for_the_prompt_too(folder: Path) -> None:
    scorer = OwnScorer("asked", str(folder / "my_scorers.py"), "with_prompt")
    texts = ["q0 it is", "no"]
    assert [one.score for one in own_scores(scorer, score_rows(rows_of(texts), said(texts)))] == [1.0, 0.25]


def test_one_that_cannot_be_had_is_refused_in_words(folder: Path) -> None:
    for entries, why in (
        ({"politeness": "my_scorers.py"}, "scorers.politeness is 'my_scorers.py'"),
        ({"politeness": "gone.py:politeness"}, "there is no file"),
        ({"rouge_l": "my_scorers.py:politeness"}, "the studio has a scorer of this name"),
    ):
        with pytest.raises(AskedWrongly, match=why):
            own_scorers_in(entries, folder)
    with pytest.raises(StudioError, match=r"cannot be used: ImportError: my_scorers.py has no function rudeness"):
        own_scores(OwnScorer("r", str(folder / "my_scorers.py"), "rudeness"), score_rows([], []))


def test_what_decides_can_be_named_by_task() -> None:
    rows = [FrozenRow(1, "tickets", "q", "yes"), FrozenRow(2, "tone", "q", "calm")]
    named = named_by(["rouge_l", "tone=token_f1"])
    assert {task: one.name for task, one in primary_scorers(rows, named).items()} == {
        "tickets": "rouge_l",
        "tone": "token_f1",
    }
    with pytest.raises(AskedWrongly, match="'bleu' is a figure of all answers together"):
        deciding_scorer("bleu", SCORERS)
    with pytest.raises(AskedWrongly, match="'blue' is no score"):
        deciding_scorer("blue")
    with pytest.raises(AskedWrongly, match="names no score"):
        named_by(["tickets="])
    given = [*said(["yes", "calm"]), *said(["no", "angry"], arm="zero_shot")]
    given = [{**one, "example_id": one["example_id"] + 1} for one in given]
    found = summarize(rows, given, named=named)
    assert found.primary == {"tickets": "rouge_l", "tone": "token_f1"}
    assert found.named == ("tickets", "tone")
