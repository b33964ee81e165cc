"""Scores of one answer, on the kinds of answers people train for."""

from __future__ import annotations

import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score import rouge_scorer

from studio.scoring.metrics import SCORERS, parse_json, score_pair, words_of

TICKET = '{"product": "printer", "order": 8812, "intent": "repair", "urgent": true}'


def test_scorers_come_in_their_order() -> None:
    assert tuple(score_pair("a", "b")) == SCORERS


@pytest.mark.parametrize(
    ("prediction", "exact", "valid"),
    [
        (TICKET, 1.0, 1.0),
        ('{"urgent":true,"intent":"repair",\n "order":8812.0,"product":"printer"}\n', 1.0, 1.0),
        ('{"product": "printer", "order": 8812, "intent": "repair", "urgent": 1}', 0.0, 1.0),
        ('{"product": "printer", "order": "8812", "intent": "repair", "urgent": true}', 0.0, 1.0),
        ('{"product": "printer"}', 0.0, 1.0),
        (f"```json\n{TICKET}\n```", 0.0, 0.0),
        (f"Here you are: {TICKET}", 0.0, 0.0),
        (TICKET + TICKET, 0.0, 0.0),
        (TICKET[:-1], 0.0, 0.0),
        ('{"product": NaN}', 0.0, 0.0),
        ('"printer"', 0.0, 0.0),
        pytest.param("[" * 100_000, 0.0, 0.0, id="nested too deep"),
        ("", 0.0, 0.0),
    ],
)
def test_a_json_answer_is_compared_as_a_value(prediction: str, exact: float, valid: float) -> None:
    scores = score_pair(prediction, TICKET)
    assert (scores["exact_match"], scores["valid_json"]) == (exact, valid)


def test_json_in_vietnamese_is_equal_in_either_normal_form() -> None:
    reference = '{"sản phẩm": "tai nghe", "giá": [1, 2]}'
    assert score_pair(unicodedata.normalize("NFD", reference), reference)["exact_match"] == 1.0
    assert score_pair('{"sản phẩm": "tai nghe", "giá": [2, 1]}', reference)["exact_match"] == 0.0


@pytest.mark.parametrize(
    ("prediction", "reference", "exact"),
    [
        ("  positive\n", "positive", 1.0),
        ("rất  tốt", unicodedata.normalize("NFD", "rất tốt"), 1.0),
        ("Positive", "positive", 0.0),
        ("positive.", "positive", 0.0),
        ("42", "42.0", 0.0),
        ("", "", 1.0),
    ],
)
def test_a_text_answer_is_compared_after_folding_spaces(prediction: str, reference: str, exact: float) -> None:
    scores = score_pair(prediction, reference)
    assert scores["exact_match"] == exact
    assert scores["valid_json"] is None


@pytest.mark.parametrize(
    ("prediction", "reference", "f1", "rouge"),
    [
        ("the cat sat", "the cat sat on the mat", 2 * 3 / 9, 2 * 3 / 9),
        ("sat cat the", "the cat sat", 1.0, 1 / 3),
        ("Máy in bị hỏng", "máy in đã hỏng", 6 / 8, 6 / 8),
        ("订单已取消", "订单取消了", 8 / 10, 8 / 10),
        ("注文を確認", "注文の確認", 8 / 10, 8 / 10),
        ("nothing", "to do with it", 0.0, 0.0),
        ("", "something", 0.0, 0.0),
        ("", "", 1.0, 1.0),
        ("!?", "!?", 1.0, 1.0),
        ("!?", "...", 0.0, 0.0),
        ("a a a", "a", 2 * 1 / 4, 2 * 1 / 4),
    ],
)
def test_overlap_is_counted_in_every_script(prediction: str, reference: str, f1: float, rouge: float) -> None:
    scores = score_pair(prediction, reference)
    assert scores["token_f1"] == pytest.approx(f1)
    assert scores["rouge_l"] == pytest.approx(rouge)


def test_words_keep_their_marks() -> None:
    assert words_of("Chào, mình mua e\u0301 हिन्दी don't 12.5") == [
        "chào",
        "mình",
        "mua",
        "é",
        "हिन्दी",
        "don",
        "t",
        "12",
        "5",
    ]
    assert words_of("订单ABC取消") == ["订", "单", "abc", "取", "消"]


@given(
    st.lists(st.sampled_from(["ab", "cd", "EF", "12", ".", ","]), max_size=12),
    st.lists(st.sampled_from(["ab", "cd", "EF", "12", "."]), min_size=1),
)
def test_rouge_l_is_rouge_score_on_plain_english(prediction: list[str], reference: list[str]) -> None:
    ours = score_pair(" ".join(prediction), " ".join(reference))["rouge_l"]
    if prediction != reference:
        theirs = rouge_scorer.RougeScorer(["rougeL"]).score(" ".join(reference), " ".join(prediction))["rougeL"]
        assert ours == pytest.approx(theirs.fmeasure)


@given(st.text(), st.text())
def test_scores_never_leave_the_scale(prediction: str, reference: str) -> None:
    assert all(value is None or 0 <= value <= 1 for value in score_pair(prediction, reference).values())
    assert score_pair(reference, reference)["exact_match"] == 1.0 or parse_json(reference) is not None


def test_importing_scoring_does_not_load_the_reference_packages() -> None:
    program = (
        "import sys, studio.scoring.summary, studio.scoring.metrics;"
        "print([name for name in ('rouge_score', 'nltk', 'sacrebleu', 'torch') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
