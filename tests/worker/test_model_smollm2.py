"""The real small model end to end: slow, and needs its weights (``pytest -m model``)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from studio.models.safety import refuse_unsafe
from studio.project import DEFAULT_MODEL
from studio.runs.directory import FrozenRow
from studio.runs.specs import TrainSpec
from studio.tokens.encoding import encode_prompts, prompt_text
from studio.tokens.tokenizer import ModelFolder
from studio.worker.compute import loading
from studio.worker.compute.loading import stop_ids_of
from studio.worker.families.causal import decoder_of
from studio.worker.methods import adapters
from tests.worker.worker_runs import make_run, named, run_here

pytestmark = pytest.mark.model

PLACES = ("kitchen", "garden", "station", "school", "museum", "harbour", "library", "market")


@pytest.fixture(scope="module")
def smollm2() -> Path:
    from studio.models.fetching import get_model

    return Path(get_model(DEFAULT_MODEL, lambda *_: None))


def rows(count: int) -> list[FrozenRow]:
    things = ("lamp", "chair", "ticket", "clock", "radio")
    return [
        FrozenRow(
            n, "place", f"Where is the {things[n % 5]} of the {PLACES[n % 8]}?", f'{{"place": "{PLACES[n % 8]}"}}'
        )
        for n in range(count)
    ]


def test_a_few_steps_teach_it_a_form_and_to_stop(tmp_path: Path, smollm2: Path) -> None:
    spec = TrainSpec(model_path=str(smollm2), epochs=3, batch_size=8, learning_rate=2e-3, max_length=128)
    run = make_run(tmp_path / "run", spec, train=rows(32), validation=rows(38)[32:])
    events = run_here(run)
    assert events[-1]["event"] == "finished", events[-1]
    losses = [step["loss"] for step in named(events, "step")]
    assert losses[-1] < 0.2 * losses[0]
    assert events[-1]["best_eval_loss"] < 0.5

    folder = ModelFolder(smollm2)
    tuned = adapters.load(loading.load_model(smollm2, "float32"), run.result_path("adapter"), "float32")
    prompt = encode_prompts(folder, [prompt_text(folder, "Where is the sofa of the museum?")])
    ((_, answer),) = decoder_of(tuned, stop_ids_of(folder), 40).answers(prompt, 1)
    assert not answer.is_cut
    assert folder.tokenizer.decode(answer.ids) == '{"place": "museum"}'


def test_the_studio_s_token_ids_are_transformers_own(smollm2: Path) -> None:
    from transformers import AutoTokenizer

    folder = ModelFolder(smollm2)
    library: Any = AutoTokenizer.from_pretrained(smollm2)
    for text in ("Where is the lamp?", "Đơn hàng 42 của tôi đâu?", "注文はどこですか", "a  b\n\n\tc 🙂"):
        messages = [{"role": "user", "content": text}]
        wanted = library.apply_chat_template(messages, add_generation_prompt=True, return_dict=True)["input_ids"]
        assert encode_prompts(folder, [prompt_text(folder, text)])[0] == list(wanted)


@pytest.mark.skipif("STUDIO_GGUF" not in os.environ, reason="STUDIO_GGUF names no GGUF file to convert")
def test_a_converted_gguf_is_a_model_folder(tmp_path: Path) -> None:
    from studio.worker.convert import convert

    convert(Path(os.environ["STUDIO_GGUF"]), tmp_path / "model")
    folder = ModelFolder(tmp_path / "model")
    assert folder.context_window == 8192
    assert "im_start" in folder.template.source
    refuse_unsafe(folder.path, folder.config)
