"""A whole tiny run, read as the studio reads it: by its events and what it leaves in its directory."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import LlamaModel

from studio.runs.schedules import learning_rate_at
from studio.runs.specs import TrainSpec
from studio.tokens.tokenizer import ModelFolder
from studio.worker.compute import loading
from studio.worker.methods import adapters
from tests.worker.worker_runs import colour_rows, make_run, named, run_here, tiny_spec

# Written down from this very run (float32). A change here is a change of what people's runs would give.
GOLDEN = [5.971117, 5.406956, 4.820717, 4.380489, 4.455014, 3.985196]


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_run_says_what_it_does_lowers_the_loss_and_leaves_a_result(
    method: str, tmp_path: Path, tiny_model_folder: Path
) -> None:
    spec = tiny_spec(tiny_model_folder, method=method, learning_rate=2e-2 if method == "lora" else 5e-3, epochs=6)
    run = make_run(tmp_path / "run", spec, train=colour_rows(14), validation=colour_rows(4, start=100))
    events = run_here(run)

    assert [event["event"] for event in events[:2]] == ["started", "preparing"]
    assert events[-1]["event"] == "finished"
    assert sum(event["event"] in ("finished", "stopped", "failed") for event in events) == 1
    (plan,) = named(events, "plan")
    assert (plan["rows"], plan["validation_rows"], plan["steps"], plan["steps_per_epoch"]) == (14, 4, 24, 4)
    steps = named(events, "step")
    assert [step["step"] for step in steps] == list(range(1, 25))
    assert steps[-1]["epoch"] == 6
    assert steps[-1]["tokens"] == 6 * plan["tokens_per_epoch"]
    assert steps[-1]["loss"] < 0.6 * steps[0]["loss"]
    assert all(step["memory_bytes"] > 50e6 and step["tokens_per_second"] > 0 for step in steps)
    evaluations = named(events, "evaluation")
    best = min(evaluations[1:], key=lambda event: event["eval_loss"])
    assert events[-1]["best_eval_loss"] == best["eval_loss"]
    assert events[-1]["best_step"] == best["step"]
    kept = {path.name for path in run.checkpoints_path.iterdir()}
    *_, before, last = (event["step"] for event in named(events, "checkpoint"))
    assert kept == {f"step-{before}", f"step-{last}", f"step-{best['step']}"} and last == 24
    result = run.result_path("adapter") if method == "lora" else run.result_path("model")
    assert list(result.glob("*.safetensors"))


def test_the_losses_are_the_golden_ones(tmp_path: Path, tiny_model_folder: Path) -> None:
    run = make_run(tmp_path / "run", tiny_spec(tiny_model_folder, learning_rate=1e-2), train=colour_rows(10))
    losses = [step["loss"] for step in named(run_here(run), "step")]
    drifts = [abs(loss - golden) for loss, golden in zip(losses, GOLDEN, strict=True)]
    assert max(drifts) < 2e-4
    assert sum(drifts) / len(drifts) < 5e-5


def test_a_full_run_leaves_a_folder_that_is_a_model(tmp_path: Path, tiny_model_folder: Path) -> None:
    spec = tiny_spec(tiny_model_folder, method="full", learning_rate=5e-3, epochs=1)
    run = make_run(tmp_path / "run", spec, train=colour_rows(4))
    run_here(run)
    assert ModelFolder(run.result_path("model")).fingerprint == ModelFolder(tiny_model_folder).fingerprint
    tuned, base = (
        loading.load_model(run.result_path("model"), "float32"),
        loading.load_model(tiny_model_folder, "float32"),
    )
    ids = torch.arange(8)[None]
    assert not torch.allclose(tuned(input_ids=ids).logits, base(input_ids=ids).logits, atol=1e-4)


def test_a_tuned_model_names_its_end_of_turn_among_its_stops_for_programs_that_know_no_other(
    tmp_path: Path, tiny_model_folder: Path
) -> None:
    model = shutil.copytree(tiny_model_folder, tmp_path / "base")
    (model / "generation_config.json").write_text('{"eos_token_id": 0, "top_k": 5}')
    run = make_run(tmp_path / "run", tiny_spec(model, method="full", epochs=1), train=colour_rows(4))
    run_here(run)
    saved = json.loads((run.result_path("model") / "generation_config.json").read_text())
    assert saved["eos_token_id"] == [0, 2] and saved["top_k"] == 5


def test_the_adapter_is_an_ordinary_peft_adapter(tmp_path: Path, tiny_model_folder: Path) -> None:
    run = make_run(tmp_path / "run", tiny_spec(tiny_model_folder, epochs=1), train=colour_rows(8))
    run_here(run)
    config = json.loads((run.result_path("adapter") / "adapter_config.json").read_text())
    assert (config["peft_type"], config["r"], config["lora_alpha"]) == ("LORA", 4, 32)
    tensors = load_file(run.result_path("adapter") / "adapter_model.safetensors")
    assert len(tensors) == 2 * 2 * 7  # two matrices, two layers, seven linear layers in each
    adapted = adapters.load_adapter(loading.load_model(tiny_model_folder, "float32"), run.result_path("adapter"))
    assert math.isfinite(float(adapted(input_ids=torch.arange(8)[None]).logits.sum()))


def test_training_stops_early_when_nothing_gets_better(tmp_path: Path, tiny_model_folder: Path) -> None:
    spec = tiny_spec(tiny_model_folder, learning_rate=0.9, epochs=20, eval_every=1, patience=2, schedule="constant")
    run = make_run(tmp_path / "run", spec, train=colour_rows(8), validation=colour_rows(2, start=50))
    events = run_here(run)
    assert "without improvement" in named(events, "warning")[-1]["message"]
    assert events[-1]["event"] == "finished"
    assert events[-1]["step"] == events[-1]["best_step"] + 2


def test_over_long_rows_are_refused_by_default_and_dropped_on_request(tmp_path: Path, tiny_model_folder: Path) -> None:
    rows = colour_rows(6)
    refused = make_run(tmp_path / "refused", tiny_spec(tiny_model_folder, max_length=40), train=rows)
    final = run_here(refused)[-1]
    assert final["event"] == "failed"
    assert "rows are over max_length=40" in final["message"]
    assert "overlong=drop" in final["hint"]
    spec = tiny_spec(tiny_model_folder, max_length=45, overlong="drop", epochs=1)
    (plan,) = named(run_here(make_run(tmp_path / "dropped", spec, train=rows)), "plan")
    assert plan["dropped_rows"] > 0
    assert plan["rows"] + plan["dropped_rows"] == 6


def test_a_loss_that_is_no_number_ends_the_run_and_names_its_examples(
    tmp_path: Path, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = LlamaModel.forward

    def overflow(*given: Any, **named: Any) -> Any:
        output = forward(*given, **named)
        output.last_hidden_state = output.last_hidden_state * math.inf
        return output

    monkeypatch.setattr(LlamaModel, "forward", overflow)
    run = make_run(tmp_path / "run", tiny_spec(tiny_model_folder, batch_size=2), train=colour_rows(2, start=7))
    final = run_here(run)[-1]
    assert final["event"] == "failed"
    assert "step 1" in final["message"]
    assert "7" in final["message"] and "8" in final["message"]
    assert "learning_rate" in final["hint"]


@pytest.mark.parametrize(("error", "words"), [(MemoryError(), "memory"), (RuntimeError("odd"), "RuntimeError: odd")])
def test_an_error_nobody_foresaw_still_ends_the_run_with_one_final_event(
    error: Exception, words: str, tmp_path: Path, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("studio.worker.training.train._learn", fail)
    run = make_run(tmp_path / "run", tiny_spec(tiny_model_folder), train=colour_rows(4))
    final = run_here(run)[-1]
    assert final["event"] == "failed"
    assert words in final["message"]
    assert final["hint"]


def test_a_checkpoint_that_cannot_be_written_fails_with_its_path(
    tmp_path: Path, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("torch.save", fail)
    run = make_run(tmp_path / "run", tiny_spec(tiny_model_folder), train=colour_rows(4))
    final = run_here(run)[-1]
    assert final["event"] == "failed"
    assert str(run.checkpoints_path) in final["message"]
    assert "No space left" in final["message"]
    assert not list(run.checkpoints_path.iterdir())


def test_float16_is_refused_with_the_reason(tmp_path: Path, tiny_model_folder: Path) -> None:
    run = make_run(tmp_path / "run", tiny_spec(tiny_model_folder, dtype="float16"), train=colour_rows(4))
    final = run_here(run)[-1]
    assert final["event"] == "failed"
    assert "float16" in final["message"]


def test_the_learning_rate_warms_up_and_follows_its_schedule() -> None:
    spec = TrainSpec(learning_rate=1e-3, warmup_ratio=0.1)
    rates = [learning_rate_at(step, 100, spec) for step in range(1, 101)]
    assert rates[0] == pytest.approx(1e-4)
    assert rates[9] == rates[10] == pytest.approx(1e-3)
    assert rates[55] == pytest.approx(5e-4, rel=1e-6)
    assert 0 < rates[-1] < 1e-6
    assert learning_rate_at(60, 100, TrainSpec(learning_rate=1e-3, schedule="constant")) == 1e-3
    assert learning_rate_at(56, 100, TrainSpec(learning_rate=1e-3, schedule="linear", warmup_ratio=0.1)) == 5e-4


def test_full_fine_tuning_may_measure_both_dtypes_in_one_process(
    tmp_path: Path, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studio.worker.compute.measure.promising_dtypes", lambda *_, **__: ["float32", "bfloat16"])
    spec = tiny_spec(tiny_model_folder, method="full", dtype="auto", epochs=1)
    events = run_here(make_run(tmp_path / "run", spec, train=colour_rows(8)))
    assert events[-1]["event"] == "finished", events[-1]


def test_full_fine_tuning_in_bfloat16_keeps_float32_weights_and_learns(tmp_path: Path, tiny_model_folder: Path) -> None:
    spec = tiny_spec(tiny_model_folder, method="full", dtype="bfloat16", epochs=4, learning_rate=3e-3)
    run = make_run(tmp_path / "run", spec, train=colour_rows(16))
    losses = [event["loss"] for event in run_here(run) if event["event"] == "step"]
    assert losses[-1] < 0.9 * losses[0]
    saved = load_file(run.result_path("model") / "model.safetensors")
    assert {tensor.dtype for tensor in saved.values()} == {torch.float32}
