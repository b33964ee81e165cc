"""A whole tiny comparison: every arm on the same rows, nothing answered twice."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from studio.dataset.texts import prompt_hash
from studio.files import read_json_lines
from studio.runs.arms.answering import Answering, write_answering
from studio.runs.directory import FrozenRow, RunDirectory
from studio.runs.retrieval.documents import Documents, Passage, write_documents
from studio.runs.specs import CompareSpec
from studio.worker.comparing import probe
from studio.worker.comparing.predictions import Predictions
from studio.worker.compute.loading import load_model
from tests.tiny_model import make_tiny_model
from tests.worker.worker_runs import colour_rows, make_run, named, run_here, tiny_spec

ARMS = ("zero_shot", "one_shot", "tuned")


@pytest.fixture
def tuned_folder(tmp_path: Path, tiny_model_folder: Path) -> Path:
    run = make_run(tmp_path / "train", tiny_spec(tiny_model_folder, learning_rate=2e-2), train=colour_rows(12))
    run_here(run)
    return run.result_path("adapter")


def compare_spec(model: Path, **settings: Any) -> CompareSpec:
    fixed: dict[str, Any] = {"model_path": str(model), "dtype": "float32", "max_new_tokens": 8, "batch_size": 3}
    fixed |= {"latency_rows": 2, "probe_rows": 0}
    return CompareSpec(**{**fixed, "arms": ("zero_shot", "one_shot"), **settings})


def compare_run(folder: Path, spec: CompareSpec) -> RunDirectory:
    return make_run(folder, spec, train=colour_rows(12), test=colour_rows(5, start=200))


def test_all_arms_answer_the_same_rows_and_are_scored(
    tmp_path: Path, tiny_model_folder: Path, tuned_folder: Path
) -> None:
    spec = compare_spec(tiny_model_folder, arms=ARMS, run_id="train", tuned_path=str(tuned_folder), tuned_method="lora")
    run = compare_run(tmp_path / "compare", spec)
    events = run_here(run)
    assert events[-1]["event"] == "finished", events[-1]
    predictions = read_json_lines(run.predictions_path)[0]
    for arm in ARMS:
        of_arm = [line for line in predictions if line["arm"] == arm]
        assert sorted(line["example_id"] for line in of_arm) == [200, 201, 202, 203, 204]
        assert {"key", "task", "text", "tokens", "latency_seconds", "prompt_tokens", "is_cut"} <= set(of_arm[0])
        timed = {line["example_id"] for line in of_arm if line["latency_seconds"]}
        assert timed == {200, 202}, "two rows from all over, the same for every arm; the rest are answered together"
    told = {event["arm"]: event for event in named(events, "arm")}
    assert told["one_shot"]["prompt_tokens_mean"] > told["zero_shot"]["prompt_tokens_mean"]
    assert told["tuned"]["prompt_tokens_mean"] == told["zero_shot"]["prompt_tokens_mean"]
    assert [event["done"] for event in named(events, "progress") if event["arm"] == "tuned"] == [0, 1, 2, 3, 4, 5]
    texts = {arm: {line["example_id"]: line["text"] for line in predictions if line["arm"] == arm} for arm in ARMS}
    assert texts["tuned"] != texts["zero_shot"]
    scores = json.loads(run.scores_path.read_text())
    assert set(scores["arms"]) == set(ARMS)
    assert scores["rows"] == 5
    assert scores["arms"]["tuned"]["scores"]["exact_match"]["n"] == 5
    assert scores["arms"]["tuned"]["latency_n"] == 2


def test_a_fully_tuned_model_answers_in_the_base_model_s_place(tmp_path: Path, tiny_model_folder: Path) -> None:
    other = make_tiny_model(tmp_path / "other", seed=5)
    arms = ("tuned", "zero_shot")
    spec = compare_spec(tiny_model_folder, arms=arms, run_id="x", tuned_path=str(other), tuned_method="full")
    run = compare_run(tmp_path / "compare", spec)
    assert run_here(run)[-1]["event"] == "finished"
    texts = {(line["arm"], line["example_id"]): line["text"] for line in read_json_lines(run.predictions_path)[0]}
    assert any(texts["tuned", row] != texts["zero_shot", row] for row in range(200, 205))


def test_runs_checkpoints_and_other_models_answer_beside_each_other(tmp_path: Path, tiny_model_folder: Path) -> None:
    """A checkpoint of the last step is what the run left; an earlier one, and another model, say something else."""
    spec = tiny_spec(tiny_model_folder, learning_rate=2e-2, save_every=2, epochs=2)
    trained = make_run(tmp_path / "train", spec, train=colour_rows(12), validation=colour_rows(2, start=100))
    run_here(trained)
    newest, *_, oldest = trained.checkpoint_paths()
    other = make_tiny_model(tmp_path / "other", seed=5)
    base = Answering(str(tiny_model_folder))
    tuned = replace(base, tuned_method="lora", tuned_path=str(trained.result_path("adapter")))
    answering = {
        "zero_shot": base,
        "tuned:train": tuned,
        "tuned:train:6": replace(tuned, tuned_path=str(newest), is_checkpoint=True),
        "tuned:train:2+one_shot": replace(tuned, tuned_path=str(oldest), is_checkpoint=True),
        "model:other": Answering(str(other)),
    }
    run = compare_run(tmp_path / "compare", compare_spec(tiny_model_folder, arms=tuple(answering), latency_rows=0))
    write_answering(run, answering)
    assert run_here(run)[-1]["event"] == "finished"
    said: dict[str, dict[int, str]] = {arm: {} for arm in answering}
    for line in read_json_lines(run.predictions_path)[0]:
        said[line["arm"]][line["example_id"]] = line["text"]
    assert all(len(of_arm) == 5 for of_arm in said.values())
    assert said["tuned:train"] == said["tuned:train:6"]
    others = [said[arm] for arm in ("zero_shot", "tuned:train", "tuned:train:2+one_shot", "model:other")]
    assert all(one != another for at, one in enumerate(others) for another in others[:at])
    assert list(json.loads(run.scores_path.read_text())["arms"]) == list(answering)


def test_what_a_search_finds_stands_in_the_prompt_and_its_sources_beside_the_answer(
    tmp_path: Path, tiny_model_folder: Path
) -> None:
    arms = ("zero_shot", "few_shot:1:similar", "rag:2", "rag:1:docs")
    spec = compare_spec(tiny_model_folder, arms=arms, max_new_tokens=4)
    run = compare_run(tmp_path / "compare", spec)
    passages = [Passage("sky.md:1", "the colour of sky is blue"), Passage("sea.md:1", "it is white")]
    write_documents(run.documents_path(3), Documents(passages, ["big.txt: 100 MB, more than 20"]))
    events = run_here(run)
    assert events[-1]["event"] == "finished", events[-1]
    said = [event["message"] for event in named(events, "warning")]
    assert "rag:1:docs: not read: big.txt: 100 MB, more than 20" in said
    told = {event["arm"]: event["prompt_tokens_mean"] for event in named(events, "arm")}
    assert told["zero_shot"] < told["few_shot:1:similar"] < told["rag:2"]
    lines = read_json_lines(run.predictions_path)[0]
    sources = {(line["arm"], line["example_id"]): line["sources"] for line in lines}
    test = {row.example_id: row for row in colour_rows(5, start=200)}
    assert sources["zero_shot", 200] == []
    train = {f"example {row.example_id}": row for row in colour_rows(12)}
    for row in test.values():
        (shot,) = sources["few_shot:1:similar", row.example_id]
        thing = row.prompt.split()[-2]
        assert train[shot["source"]].prompt.split()[-2] == thing and shot["score"] is None
        first, second = sources["rag:2", row.example_id]
        assert train[first["source"]].prompt.split()[-2] == thing and first["score"] >= second["score"] > 0
        (passage,) = sources["rag:1:docs", row.example_id]
        assert passage["source"] in ("sky.md:1", "sea.md:1")


def test_training_rows_that_nearly_equal_a_test_row_are_never_shown(tmp_path: Path, tiny_model_folder: Path) -> None:
    test = FrozenRow(200, "colour", "what is the colour of the sky at noon in the very middle of june", "blue")
    near = replace(test, example_id=1, prompt=f"{test.prompt} 2026")
    spec = compare_spec(tiny_model_folder, arms=("few_shot:1:similar", "rag:2"), latency_rows=0)
    run = make_run(tmp_path / "run", spec, train=[near, *colour_rows(3, start=2)], test=[test])
    events = run_here(run)
    assert events[-1]["event"] == "finished"
    (warning,) = named(events, "warning")
    assert "1 training rows have nearly the prompt of a test row" in warning["message"]
    assert "1 (200)" in warning["message"]
    lines = read_json_lines(run.predictions_path)[0]
    assert not any(source["source"] == "example 1" for line in lines for source in line["sources"])


def test_a_resumed_comparison_asks_only_what_is_unanswered(tmp_path: Path, tiny_model_folder: Path) -> None:
    run = compare_run(tmp_path / "compare", compare_spec(tiny_model_folder))
    run_here(run)
    whole = run.predictions_path.read_bytes()
    lines = whole.splitlines(keepends=True)
    run.predictions_path.write_bytes(b"".join(lines[:7]) + lines[7][:30])  # killed in the middle of a line
    run_here(run)
    resumed = read_json_lines(run.predictions_path)[0]
    before = [json.loads(line) for line in lines]
    assert len(resumed) == 10
    assert resumed[:7] == before[:7]
    assert {line["key"]: line["text"] for line in resumed} == {line["key"]: line["text"] for line in before}


def test_a_stop_file_ends_a_comparison_which_then_resumes(
    tmp_path: Path, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = compare_run(tmp_path / "compare", compare_spec(tiny_model_folder))
    answered: list[str] = []
    append = Predictions.append

    def append_and_stop(predictions: Predictions, prediction: dict[str, Any]) -> None:
        append(predictions, prediction)
        answered.append(prediction["key"])
        run.stop_path.touch()

    monkeypatch.setattr(Predictions, "append", append_and_stop)
    assert run_here(run)[-1]["event"] == "stopped"
    monkeypatch.undo()
    run.stop_path.unlink()
    assert run_here(run)[-1]["event"] == "finished"
    assert len(read_json_lines(run.predictions_path)[0]) == 10
    assert answered


def test_a_prompt_that_does_not_fit_one_arm_is_left_out_of_all(tmp_path: Path, tiny_model_folder: Path) -> None:
    spec = compare_spec(tiny_model_folder, max_new_tokens=256 - 65)
    run = make_run(tmp_path / "run", spec, train=colour_rows(1), test=colour_rows(4, start=200))
    events = run_here(run)
    told = {event["arm"]: event for event in named(events, "arm")}
    assert told["zero_shot"]["left_out"] == 0
    assert 0 < told["one_shot"]["left_out"] < 4
    assert told["zero_shot"]["prompts"] == told["one_shot"]["prompts"] == 4 - told["one_shot"]["left_out"]
    scores = json.loads(run.scores_path.read_text())
    assert scores["arms"]["one_shot"]["left_out"] == told["one_shot"]["left_out"]


def test_test_rows_that_are_also_training_rows_are_refused(tmp_path: Path, tiny_model_folder: Path) -> None:
    run = make_run(
        tmp_path / "run", compare_spec(tiny_model_folder), train=colour_rows(5), test=colour_rows(2, start=4)
    )
    final = run_here(run)[-1]
    assert final["event"] == "failed"
    assert "1 test rows" in final["message"] and "4" in final["message"]


def test_prompts_that_the_store_holds_apart_are_not_refused_as_equal(tmp_path: Path, tiny_model_folder: Path) -> None:
    """Straße and Strasse are two prompts to the splits; refused as one here, no new split would ever have helped."""
    train, test = (
        FrozenRow(number, "colour", text, "it is red", prompt_hash=prompt_hash(text))
        for number, text in ((1, "the Straße"), (2, "the Strasse"))
    )
    spec = compare_spec(tiny_model_folder, arms=("zero_shot",), latency_rows=0)
    run = make_run(tmp_path / "run", spec, train=[train], test=[test])
    assert run_here(run)[-1]["event"] == "finished"
    again = make_run(tmp_path / "again", spec, train=[train], test=[replace(train, example_id=3, prompt="The  STRAßE")])
    assert "share their prompt" in run_here(again)[-1]["message"]


def test_scores_say_in_which_dtype_the_answers_were_given(tmp_path: Path, tiny_model_folder: Path) -> None:
    run = compare_run(tmp_path / "compare", compare_spec(tiny_model_folder, dtype="bfloat16"))
    run_here(run)
    assert json.loads(run.scores_path.read_text())["dtype"] == "bfloat16"


def test_a_few_rows_are_answered_again_alone_and_in_the_other_dtype_to_see_what_changes(
    tmp_path: Path, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = compare_spec(tiny_model_folder, dtype="bfloat16", probe_rows=3, latency_rows=1)
    run = compare_run(tmp_path / "compare", spec)
    events = run_here(run)
    found = json.loads(run.scores_path.read_text())["probe"]
    assert (found["arm"], found["batch_rows"], found["dtype_rows"]) == ("one_shot", 3, 3)
    assert (found["batch_size"], found["dtype"], found["other_dtype"]) == (3, "bfloat16", "float32")
    said = f"one_shot: {found['changed_by_batch']} of 3 answers change with the batch size (1 against 3), "
    assert [event["message"] for event in named(events, "warning")] == [
        f"{said}{found['changed_by_dtype']} of 3 with the dtype (float32 against bfloat16)"
    ]
    monkeypatch.setattr(probe, "MOST_SECONDS", -1.0)
    late = compare_run(tmp_path / "late", spec)
    run_here(late)
    found = json.loads(late.scores_path.read_text())["probe"]
    assert (found["batch_rows"], found["dtype_rows"]) == (0, 0), "what time does not allow is not counted"


def test_the_answer_limit_follows_the_longest_reference(tmp_path: Path, tiny_model_folder: Path) -> None:
    run = compare_run(tmp_path / "run", compare_spec(tiny_model_folder, max_new_tokens=0, arms=("zero_shot",)))
    (arm,) = named(run_here(run), "arm")
    assert 8 < arm["max_new_tokens"] < 60


def test_a_scorer_of_the_project_judges_every_answer_and_says_where_it_could_not(
    tmp_path: Path, tiny_model_folder: Path
) -> None:
    file = tmp_path / "my_scorers.py"
    file.write_text(
        "def known(prediction, reference, prompt):\n    return {'201': 1.0, '203': 0}[prompt.split()[-1]]\n"
    )
    spec = compare_spec(tiny_model_folder, own_scorers=(f"known={file}:known",), primary=("*=rouge_l",))
    run = compare_run(tmp_path / "compare", spec)
    events = run_here(run)
    assert events[-1]["event"] == "finished", events[-1]
    lines = read_json_lines(run.own_scores_path)[0]
    assert len(lines) == 10 and {line["scorer"] for line in lines} == {"known"}
    assert {line["example_id"]: line["score"] for line in lines} == {
        200: None,
        201: 1.0,
        202: None,
        203: 0.0,
        204: None,
    }
    assert {line["error"] for line in lines if line["score"] is None} == {
        f"KeyError: '{row}'" for row in (200, 202, 204)
    }
    scores = json.loads(run.scores_path.read_text())
    assert (scores["headline_scorer"], list(scores["primary"].values()), scores["named"]) == (
        "rouge_l",
        ["rouge_l"],
        list(scores["tasks"]),
    )
    assert list(scores["own_scorers"]) == ["known"] and len(scores["faults"]["known"]) == 6
    assert scores["arms"]["zero_shot"]["scores"]["known"]["n"] == 2
    (warned,) = named(events, "warning")
    assert warned["message"].startswith("known gave no score to 6 of 10 answers: row 200 of zero_shot: KeyError")


def test_a_stop_while_answers_are_scored_ends_the_comparison_which_then_resumes(
    tmp_path: Path, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = compare_run(tmp_path / "compare", compare_spec(tiny_model_folder))
    from studio.worker.comparing import scoring

    def stopped(*args: Any) -> None:
        raise scoring.ScoringStopped

    with monkeypatch.context() as patched:
        patched.setattr(scoring, "score_rows", stopped)
        assert run_here(run)[-1]["event"] == "stopped"
    assert not run.scores_path.exists()
    answered = run.predictions_path.read_text()
    assert run_here(run)[-1]["event"] == "finished"
    assert run.predictions_path.read_text() == answered, "the answers were there: they are only scored"


def test_the_loss_of_the_right_answers_is_measured_where_it_is_asked_for(
    tmp_path: Path, tiny_model_folder: Path, tuned_folder: Path
) -> None:
    """Against one forward pass of a model that nothing was done to; half of an arm was answered before a stop."""
    spec = compare_spec(tiny_model_folder, arms=ARMS, run_id="train", tuned_path=str(tuned_folder), tuned_method="lora")
    run = compare_run(tmp_path / "compare", replace(spec, has_loss=True))
    assert run_here(run)[-1]["event"] == "finished"
    lines = {(line["arm"], line["example_id"]): line for line in read_json_lines(run.predictions_path)[0]}
    from studio.tokens.encoding import encode_pairs, pair_of
    from studio.tokens.tokenizer import ModelFolder

    row = colour_rows(5, start=200)[3]
    encoded = encode_pairs(ModelFolder(tiny_model_folder), [pair_of(row)])[0]
    model = load_model(tiny_model_folder, "float32")
    logits = model(input_ids=torch.tensor([encoded.ids])).logits[0].log_softmax(-1).detach()
    places = range(encoded.prompt_tokens, len(encoded.ids))
    by_hand = -sum(float(logits[place - 1, encoded.ids[place]]) for place in places) / len(places)
    measured = lines["zero_shot", row.example_id]
    assert (measured["loss"], measured["loss_tokens"]) == (pytest.approx(by_hand, abs=1e-4), len(places))
    scores = json.loads(run.scores_path.read_text())["arms"]
    assert scores["tuned"]["scores"]["loss"]["score"] < scores["zero_shot"]["scores"]["loss"]["score"], "it has learned"
    assert scores["tuned"]["scores"]["perplexity"]["n"] == 5
