"""Scores of one answer, on the kinds of answers people train for."""

from __future__ import annotations

import string
import subprocess
import sys
import unicodedata
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score import rouge_scorer

from studio.scoring.scorers import SCORERS
from studio.scoring.scorers.scorer import Scorer
from studio.scoring.scorers.token_f1 import token_f1
from studio.scoring.text_rules import parse_json
from tests.scoring.pairs import score_pair

TICKET = '{"product": "printer", "order": 8812, "intent": "repair", "urgent": true}'


def test_scorers_come_in_their_order_under_names_of_their_own() -> None:
    assert list(score_pair("a", "b")) == [scorer.name for scorer in SCORERS]
    assert len({scorer.name for scorer in SCORERS}) == len({scorer.title for scorer in SCORERS}) == len(SCORERS)


@pytest.mark.parametrize("scorer", SCORERS, ids=lambda scorer: scorer.name)
def test_a_scorer_says_what_it_is_in_one_sentence(scorer: Scorer) -> None:
    assert scorer.about.endswith(".") and len(scorer.short_title or scorer.title) <= 12, "a narrow screen has no more"


@pytest.mark.parametrize("scorer", SCORERS, ids=lambda scorer: scorer.name)
@given(st.text(), st.text())
def test_a_binary_scorer_says_yes_or_no(scorer: Scorer, prediction: str, reference: str) -> None:
    if scorer.score and scorer.is_binary and scorer.applies(reference):
        assert scorer.score(prediction, reference) in (0.0, 1.0)


def test_a_new_scorer_is_in_the_scores_by_its_line_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    same_length = Scorer("same_length", "same length", "1 where both are as long.", True, lambda a, b: len(a) == len(b))
    monkeypatch.setattr("tests.scoring.pairs.SCORERS", (*SCORERS, same_length))
    assert score_pair("ab", "cd")["same_length"] == 1.0
    assert score_pair("ab", "c")["same_length"] == 0.0


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


@pytest.mark.parametrize(
    ("prediction", "reference"),
    [("1,000", "1000"), ("dont", "don't"), ("don’t", "don't"), ("U.S.", "us"), ("state-of-the-art", "stateoftheart")],
)
def test_token_f1_of_1_000_and_1000_is_not_0(prediction: str, reference: str) -> None:
    """SQuAD deletes punctuation; splitting at it scored these pairs 0."""
    assert token_f1(prediction, reference) == 1.0


def squad_words(text: str) -> list[str]:
    """SQuAD's normalisation as its paper's script has it, without the removal of articles."""
    return "".join(character for character in text.lower() if character not in string.punctuation).split()


@given(
    st.text(string.ascii_letters + string.digits + string.punctuation + " \n", max_size=30),
    st.text(string.ascii_letters + string.digits + string.punctuation + " \n", min_size=1, max_size=30),
)
def test_token_f1_is_squads_on_plain_english(prediction: str, reference: str) -> None:
    ours, theirs = squad_words(prediction), squad_words(reference)
    if ours and theirs and parse_json(prediction) is None and parse_json(reference) is None:
        shared = (Counter(ours) & Counter(theirs)).total()
        precision, recall = shared / len(ours), shared / len(theirs)
        expected = 2 * precision * recall / (precision + recall) if shared else 0.0
        assert token_f1(prediction, reference) == pytest.approx(expected)


def test_articles_count_since_in_other_languages_they_are_other_words() -> None:
    assert token_f1("a lamp", "the lamp") == 0.5
    assert token_f1("a casa", "casa") == pytest.approx(2 / 3), "to home, in Portuguese and Italian"


def test_json_without_spaces_is_not_one_word() -> None:
    assert token_f1('{"order":8812,"urgent":true}', '{"order": 8812, "urgent": false}') == 0.75
    assert token_f1('{"order":8812}', "order 8812") == 1.0
    assert token_f1("[" * 400 + "]" * 400, "{}") == 0.0


@pytest.mark.parametrize(
    ("prediction", "reference"),
    [
        pytest.param("ខ្ញុំទៅផ្សារ។", "ខ្ញុំទៅផ្សារ", id="Khmer khan"),
        pytest.param("နေကောင်းလား။", "နေကောင်းလား", id="Burmese section mark"),
        pytest.param("コーヒー・カップ", "コーヒーカップ", id="katakana middle dot"),
        pytest.param("สวัสดี๚", "สวัสดี", id="Thai angkhankhu"),
        pytest.param("「はい」、元気。", "はい元気", id="Japanese brackets and stops"),
        pytest.param("¿Dónde está?", "dónde está", id="Spanish"),
        pytest.param("مرحبا، كيف حالك؟", "مرحبا كيف حالك", id="Arabic"),
        pytest.param("क्या है।", "क्या है", id="Hindi danda"),
    ],
)
def test_punctuation_falls_away_in_every_script(prediction: str, reference: str) -> None:
    scores = score_pair(prediction, reference)
    assert (scores["token_f1"], scores["rouge_l"]) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("prediction", "reference", "f1"), [("฿500", "500", 2 / 3), ("5€", "5 €", 1.0), ("$5", "5", 1.0)]
)
def test_symbols_beyond_ascii_are_words_of_their_own(prediction: str, reference: str, f1: float) -> None:
    assert token_f1(prediction, reference) == pytest.approx(f1)


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
    on_the_scale = {scorer.name for scorer in SCORERS if scorer.unit == "points"}
    scores = score_pair(prediction, reference)
    assert all((value := scores[name]) is None or 0 <= value <= 1 for name in on_the_scale)
    assert score_pair(reference, reference)["exact_match"] == 1.0 or parse_json(reference) is not None


def test_importing_scoring_does_not_load_the_reference_packages() -> None:
    program = (
        "import sys, studio.scoring.summary, studio.scoring.scorers;"
        "print([name for name in ('rouge_score', 'nltk', 'sacrebleu', 'torch') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
