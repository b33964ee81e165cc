"""A run as a standalone model: it answers as base model and adapter do, or it is not there."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from studio.errors import AskedWrongly, StudioError
from studio.models.safety import refuse_unsafe
from studio.runs.arms.answering import Answering
from studio.runs.directory import RunDirectory
from studio.runs.leaving import Verified, answering_facts, refuse_to_merge, rows_to_look_at
from studio.runs.methods import method_named
from studio.runs.specs import TrainSpec, read_spec
from studio.tokens.tokenizer import ModelFolder
from studio.worker.merging import merge
from tests.worker.test_methods import VARIANTS, trained
from tests.worker.worker_runs import colour_rows, make_run, run_here, tiny_spec


def merged(run: RunDirectory, folder: Path, dtype: str = "float32", checkpoint: Path | None = None) -> Verified:
    spec = read_spec(run)
    assert isinstance(spec, TrainSpec)
    tuned = checkpoint or run.result_path(spec.how.leaves)
    answering = Answering(spec.model_path, False, str(tuned), spec.method, is_checkpoint=checkpoint is not None)
    request: dict[str, Any] = {"answering": answering_facts(answering), "dtype": dtype, "folder": str(folder)}
    request["rows"] = [asdict(row) for row in rows_to_look_at(run)]
    return Verified(**merge(request, lambda part, message: None))


@pytest.mark.parametrize("name", [name for name in VARIANTS if name != "prompt tuning"])
def test_a_merged_model_answers_as_its_run(name: str, tmp_path: Path, tiny_model_folder: Path) -> None:
    found = merged(trained(name, tmp_path / "run", tiny_model_folder), tmp_path / "out")
    assert (found.rows, found.equal_answers, found.answers) == (3, 3, 3)
    assert found.difference <= 1e-4 < found.allowed
    folder = ModelFolder(tmp_path / "out")
    refuse_unsafe(folder.path, folder.config)
    # Any program loads it: transformers alone, without peft, and it stops at the end of its turn.
    model = AutoModelForCausalLM.from_pretrained(folder.path)
    tokenizer = AutoTokenizer.from_pretrained(folder.path)
    assert tokenizer.chat_template and model.generation_config.eos_token_id == [2]
    assert not any("lora" in key or "ia3" in key for key in model.state_dict())
    base = AutoModelForCausalLM.from_pretrained(tiny_model_folder).state_dict()
    assert any(not torch.equal(base[key], tensor) for key, tensor in model.state_dict().items()), "nothing was added"


@pytest.mark.parametrize("family", ["t5", "bart"])
def test_encoder_decoder_models_are_merged_too(family: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    base = request.getfixturevalue(f"tiny_{family}_folder")
    spec = tiny_spec(base, max_target_length=32, max_length=64)
    run = make_run(tmp_path / "run", spec, train=colour_rows(8), validation=colour_rows(3, start=40))
    assert run_here(run)[-1]["event"] == "finished"
    found = merged(run, tmp_path / "out")
    assert (found.equal_answers, found.answers) == (3, 3) and found.difference <= found.allowed


def test_half_precision_says_how_far_it_is_and_a_checkpoint_is_merged_as_it_was(
    tmp_path: Path, tiny_model_folder: Path
) -> None:
    run = trained("lora", tmp_path / "run", tiny_model_folder)
    whole, half = merged(run, tmp_path / "a"), merged(run, tmp_path / "b", "bfloat16")
    assert whole.difference < half.difference <= half.allowed
    assert (tmp_path / "b/model.safetensors").stat().st_size < 0.6 * (tmp_path / "a/model.safetensors").stat().st_size
    first = run.checkpoint_paths()[-1]
    assert merged(run, tmp_path / "c", checkpoint=first).answers == 3


def test_a_merge_that_went_wrong_is_refused(
    tmp_path: Path, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trained("lora", tmp_path / "run", tiny_model_folder)
    monkeypatch.setattr("studio.worker.merging._merged", lambda tuned: tuned.unload())
    with pytest.raises(StudioError, match="does not answer as the run does"):
        merged(run, tmp_path / "out")


def test_prompt_tuning_has_nothing_to_merge() -> None:
    with pytest.raises(AskedWrongly, match="there is nothing to merge") as refused:
        refuse_to_merge(method_named("prompt_tuning"), "float32")
    assert "lora, full, ia3" in refused.value.hint
    with pytest.raises(AskedWrongly, match="int3 is not known"):
        refuse_to_merge(method_named("lora"), "int3")
