"""Scores against the reference packages' own figures, against published examples and by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score import rouge_scorer

from studio.runs.directory import FrozenRow
from studio.scoring.scored_rows import score_rows
from studio.scoring.scorers import SCORERS
from studio.scoring.scorers.bleu import Counting, bleu_counts, bleu_figure
from studio.scoring.scorers.chrf import chrf_counts, chrf_figure
from studio.scoring.scorers.closed_set import labels_of
from studio.scoring.scorers.number import NUMBER_LAST, NUMBER_MARKED
from studio.scoring.scorers.rouge_l import longest_common
from studio.scoring.scorers.scorer import Answer
from tests.scoring.pairs import score_pair, summarize

# The examples of sacrebleu's README: two outputs, two references each.
SYSTEM = ["The dog bit the man.", "It wasn't surprising.", "The man had just bitten him."]
REFERENCES = [
    ("The dog bit the man.", "The dog had bit the man."),
    ("It was not unexpected.", "No one was surprised."),
    ("The man bit him first.", "The man had bitten the dog."),
]
WORDS = st.lists(st.sampled_from(["the", "cat", "sat", "on", "a", "mat", ".", "running"]), max_size=14).map(" ".join)


def answer_of(row: FrozenRow, text: str, arm: str = "tuned", **facts: Any) -> dict[str, Any]:
    usual = {"tokens": 4, "latency_seconds": None, "prompt_tokens": 8, "is_cut": False}
    return {"arm": arm, "example_id": row.example_id, "task": row.task, "text": text, **usual, **facts}


def pooled(rows: list[Answer], counts: Any, figure: Any, setting: Any) -> float:
    return float(figure(np.sum([counts(row, setting) for row in rows], axis=0), setting))


def test_bleu_and_chrf_of_several_references_are_sacrebleus() -> None:
    """48.53 is what sacrebleu's README prints for these."""
    rows = [Answer(text, references) for text, references in zip(SYSTEM, REFERENCES, strict=True)]
    streams = [list(stream) for stream in zip(*REFERENCES, strict=True)]
    bleu = pooled(rows, bleu_counts, bleu_figure, Counting("13a", 2)) * 100
    assert bleu == pytest.approx(48.53, abs=0.005)
    assert bleu == pytest.approx(sacrebleu.corpus_bleu(SYSTEM, streams).score)
    chrf = pooled(rows, chrf_counts, chrf_figure, 2) * 100
    assert chrf == pytest.approx(sacrebleu.corpus_chrf(SYSTEM, streams).score)


@settings(max_examples=60, deadline=None)
@given(WORDS, WORDS)
def test_a_row_has_the_sentence_score_of_sacrebleu(prediction: str, reference: str) -> None:
    ours = score_pair(prediction, reference)
    assert ours["bleu"] == pytest.approx(sacrebleu.sentence_bleu(prediction, [reference]).score / 100)
    assert ours["chrf"] == pytest.approx(sacrebleu.sentence_chrf(prediction, [reference]).score / 100)


@pytest.mark.parametrize(
    ("references", "tokenizer"),
    [
        (["The parcel is on its way"], "13a"),
        (["Đơn hàng đang trên đường", "Der Käufer möchte Größe 40"], "intl"),
        (["посылка в пути"], "intl"),
        (["包裹在路上", "订单 8812 是 iPhone"], "char"),
        (["พัสดุกำลังเดินทาง"], "char"),
    ],
)
def test_the_tokenizer_of_bleu_goes_by_the_script_and_is_said(references: list[str], tokenizer: str) -> None:
    rows = [FrozenRow(at, "t", "q", text) for at, text in enumerate(references * 2)]
    found = summarize(rows, [answer_of(row, row.completion) for row in rows])
    theirs = sacrebleu.BLEU(tokenize=tokenizer), sacrebleu.CHRF()
    for metric in theirs:
        metric.corpus_score(references, [references])
    assert found.signatures["t"] == {
        "bleu": f"BLEU|{theirs[0].get_signature()}",
        "chrf": f"chrF2|{theirs[1].get_signature()}",
    }


@settings(max_examples=60, deadline=None)
@given(WORDS, WORDS)
def test_rouge_is_rouge_score_on_plain_english(prediction: str, reference: str) -> None:
    ours = score_pair(prediction, reference)
    for stemmed in ("", "_stemmed"):
        names = {"rouge1": "rouge_1", "rouge2": "rouge_2", "rougeL": "rouge_l"}
        theirs = rouge_scorer.RougeScorer(list(names), use_stemmer=bool(stemmed)).score(reference, prediction)
        if prediction.split() != reference.split():
            assert {key: ours[name + stemmed] for key, name in names.items()} == pytest.approx(
                {key: score.fmeasure for key, score in theirs.items()}
            )


@pytest.mark.parametrize("prediction", ["the cat\nsat on a mat", "a mat the cat sat on", "sat on\na cat\n"])
def test_rouge_lsum_goes_line_by_line(prediction: str) -> None:
    reference = "the cat sat\non a mat ."
    theirs = rouge_scorer.RougeScorer(["rougeLsum"]).score(reference, prediction)["rougeLsum"].fmeasure
    ours = score_pair(prediction, reference)
    assert ours["rouge_lsum"] == pytest.approx(theirs)
    one_line = score_pair("the cat sat", "a cat sat down")
    assert one_line["rouge_lsum"] == one_line["rouge_l"] == pytest.approx(2 * 2 / 7)


@given(st.lists(st.sampled_from("abc"), max_size=12), st.lists(st.sampled_from("abc"), max_size=12))
def test_the_longest_common_subsequence_by_bits_is_the_one_by_table(a: list[str], b: list[str]) -> None:
    table = np.zeros((len(a) + 1, len(b) + 1), dtype=int)
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            table[i + 1, j + 1] = table[i, j] + 1 if x == y else max(table[i, j + 1], table[i + 1, j])
    assert longest_common(a, b) == table[-1, -1]


@pytest.mark.parametrize(
    ("prediction", "reference", "expected"),
    [
        ("Positive!", "positive", 1.0),
        ("It is  the LAMP", "it is the lamp.", 1.0),
        ("a lamp", "the lamp", 0.0),
        ('```json\n{"a": 1}\n```', '{"a": 1.0}', 1.0),
        ('{"A": 1}', '{"a": 1}', 0.0),
        ("", "", 1.0),
        ("", "lamp", 0.0),
        ("你好。", "你好", 1.0),
    ],
)
def test_normalised_exact_match_forgives_case_punctuation_and_a_fence(
    prediction: str, reference: str, expected: float
) -> None:
    assert score_pair(prediction, reference)["exact_match_normalised"] == expected


@pytest.mark.parametrize(
    ("prediction", "reference", "expected"),
    [
        ("The capital of France is Paris.", "Paris", 1.0),
        ("It is the BLUE whale!", "blue whale", 1.0),
        ("a whale that is blue", "blue whale", 0.0),
        ("123", "12", 0.0),
        ("c-a-t", "c-a-t", 1.0),
        ("", "Paris", 0.0),
        ("ok :)", ":)", 1.0),
        ("我住在东京。", "东京", 1.0),
    ],
)
def test_an_answer_that_talks_contains_the_reference_or_not(prediction: str, reference: str, expected: float) -> None:
    assert score_pair(prediction, reference)["contains"] == expected


GSM8K = "She sold 48/2 = <<48/2=24>>24 clips in May.\n#### 1,072"


@pytest.mark.parametrize(
    ("prediction", "marked", "last"),
    [
        ("so it is\n#### 1072", 1.0, 1.0),
        ("#### $1,072.00", 1.0, 1.0),
        ("The answer is 1072.", 0.0, 1.0),
        ("#### 1072 and not 24", 1.0, 0.0),
        ("#### 24, or 1072", 0.0, 1.0),
        ("#### -1072", 0.0, 0.0),
        ("", 0.0, 0.0),
        ("no idea", 0.0, 0.0),
    ],
)
def test_the_number_in_the_answer(prediction: str, marked: float, last: float) -> None:
    scores = score_pair(prediction, GSM8K)
    assert (scores["number_marked"], scores["number_last"]) == (marked, last)


def test_a_number_is_asked_for_where_the_reference_has_one() -> None:
    assert NUMBER_MARKED.applies(GSM8K) and not NUMBER_MARKED.applies("42")
    assert NUMBER_LAST.applies("42") and NUMBER_LAST.applies("$1,000.50") and not NUMBER_LAST.applies("order 42")
    assert score_pair("it is 42.0", "42")["number_last"] == 1.0
    rows = [
        FrozenRow(at, "sums", "q", f"Long words about it stand here, more of them than eight\n#### {at}")
        for at in (1, 2)
    ]
    found = summarize(rows, [answer_of(row, f"it is {row.example_id}") for row in rows])
    assert (found.headline_scorer, found.primary) == ("number_last", {"sums": "number_last"})
    assert found.verdict.startswith("tuned answers 2 of 2 right by last number (100 %;")


def test_a_closed_set_has_accuracy_macro_f1_and_its_table() -> None:
    """By hand: 6 calm (4 right, 1 angry, 1 nonsense), 3 angry (2 right, 1 calm). Accuracy 6/9.

    F1 of calm 2·4/(6 + 5) = 8/11, of angry 2·2/(3 + 3) = 2/3: their mean is 0.6970.
    """
    right = ["calm"] * 6 + ["angry"] * 3
    said = ["calm", "Calm.", "CALM", "calm", "angry", "no idea", "angry", "angry", "calm"]
    rows = [FrozenRow(at, "tone", "q", label) for at, label in enumerate(right)]
    arm = summarize(rows, [answer_of(row, text) for row, text in zip(rows, said, strict=True)]).arms["tuned"]
    assert arm.scores["accuracy"].score == pytest.approx(6 / 9)
    assert arm.scores["macro_f1"].score == pytest.approx((8 / 11 + 2 / 3) / 2)
    assert 0 < arm.scores["macro_f1"].low < arm.scores["macro_f1"].score < arm.scores["macro_f1"].high <= 1
    assert arm.confusion["tone"].labels == ("angry", "calm")
    assert arm.confusion["tone"].counts == ((2, 1, 0), (1, 4, 1))


@pytest.mark.parametrize(
    ("references", "labels"),
    [
        (["yes", "no", "Yes", "no", "yes", "no"], ("no", "yes")),
        (["yes"] * 9, None),  # one label is no choice
        (["a", "b", "c", "d"], None),  # four answers of four rows are no set
        (['{"a": 1}', '{"a": 2}'] * 3, None),
        (["this one is a sentence that is rather long", "no"] * 3, None),
        (["", "no"] * 3, None),
    ],
)
def test_what_is_a_closed_set(references: list[str], labels: tuple[str, ...] | None) -> None:
    assert labels_of([(text,) for text in references]) == labels


def test_each_field_of_json_has_its_own_share() -> None:
    rows = [FrozenRow(at, "t", "q", f'{{"order": {at}, "urgent": true}}') for at in range(3)]
    said = ['{"order": 0, "urgent": true}', '{"order": 1, "urgent": 1}', "sorry"]
    arm = summarize(rows, [answer_of(row, text) for row, text in zip(rows, said, strict=True)]).arms["tuned"]
    assert {name: share.n for name, share in arm.fields["t"].items()} == {"order": 3, "urgent": 3}
    assert [share.score for share in arm.fields["t"].values()] == pytest.approx([2 / 3, 1 / 3])
    assert arm.scores["json_fields"].score == pytest.approx((1 + 0.5 + 0) / 3)


def test_loss_is_over_tokens_and_only_where_it_was_measured() -> None:
    """(2.0 × 3 tokens + 1.0 × 1) / 4 = 1.75 nats; exp is 5.7546. An arm without it has neither."""
    rows = [FrozenRow(at, "t", "q", "yes it is") for at in range(2)]
    measured = [answer_of(rows[0], "a", loss=2.0, loss_tokens=3), answer_of(rows[1], "b", loss=1.0, loss_tokens=1)]
    found = summarize(rows, measured + [answer_of(row, "a", arm="endpoint:x") for row in rows])
    assert found.arms["tuned"].scores["loss"].score == pytest.approx(1.75)
    assert found.arms["tuned"].scores["perplexity"].score == pytest.approx(5.7546, abs=1e-4)
    assert "loss" not in found.arms["endpoint:x"].scores


def test_length_and_why_answers_ended() -> None:
    rows = [FrozenRow(at, "t", "q", "one two three four") for at in range(3)]
    said = [
        answer_of(rows[0], "one two"),
        answer_of(rows[1], "", stop_reason="stop"),
        answer_of(rows[2], "a b c d e f", is_cut=True),
    ]
    arm = summarize(rows, said).arms["tuned"]
    assert arm.scores["length_ratio"].score == pytest.approx(8 / 12)
    assert arm.stop_reasons == {"stop": 2, "length": 1}


def test_of_several_right_answers_the_closest_counts() -> None:
    class Row(FrozenRow):
        references = ("It costs 3 euros", "three euros")

    row = Row(1, "t", "q", "three")
    scores = score_rows([row], [answer_of(row, "three euros")]).scores["tuned"][1]
    assert scores["exact_match"] == scores["token_f1"] == scores["rouge_l"] == scores["chrf"] == 1.0
    assert scores["length_ratio"] == 1.0


@pytest.mark.parametrize("text", ["", " ", "。", "🙂", "[" * 3000, "\ud800", "a" * 20_000])
def test_no_scorer_fails_on_an_odd_answer(text: str) -> None:
    for reference in ("", "yes", "你好", '{"a": 1}', GSM8K):
        scores = score_pair(text, reference)
        assert all(value is None or value >= 0 for value in scores.values())
        assert list(scores) == [scorer.name for scorer in SCORERS]


def test_a_failed_answer_is_no_wrong_answer() -> None:
    """It leaves its row out of all arms, and the arm says how many failed and why."""
    rows = [FrozenRow(at, "t", "q", "yes") for at in range(4)]
    failed = {"error": {"message": "429 Too Many Requests"}}
    found = summarize(
        rows,
        [answer_of(row, "yes", arm="tuned") for row in rows]
        + [answer_of(rows[0], "", arm="endpoint:x", **failed)]
        + [answer_of(row, "no", arm="endpoint:x") for row in rows[1:]],
    )
    assert (found.rows, found.left_out, found.arms["endpoint:x"].left_out) == (3, 1, 1)
    assert found.arms["endpoint:x"].errors == {"429 Too Many Requests": 1}
    assert found.verdict.endswith("Not answered, and so left out of all arms: 1 by endpoint:x.")


def test_many_answers_scored_by_processes_are_scored_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [FrozenRow(at, "t", "q", f"answer {at}") for at in range(40)]
    said = [answer_of(row, f"answer {row.example_id // 2 * 2}") for row in rows]
    seen: list[tuple[int, int]] = []
    alone = score_rows(rows, said, on_scored=lambda done, total: seen.append((done, total)))
    assert seen == [(40, 40)]
    monkeypatch.setattr("studio.scoring.in_parallel.FEWEST_FOR_PROCESSES", 1)
    monkeypatch.setattr("studio.scoring.in_parallel.CHUNK", 16)
    assert score_rows(rows, said).answers == alone.answers
