"""Every method and variant: exact against a plain slow loop, an ordinary peft adapter, the same answers once loaded."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from torch import Tensor, nn

from studio.errors import StudioError
from studio.runs.directory import RunDirectory
from studio.runs.events import Step
from studio.runs.specs import CompareSpec, TrainSpec
from studio.tokens.encoding import Encoded, Objective, Pair, encode_pairs, encode_prompts, prompt_text
from studio.tokens.tokenizer import ModelFolder
from studio.worker.compute import loading
from studio.worker.compute.lanes import Lanes
from studio.worker.compute.soft_prompt import FIRST_VIRTUAL_ID, virtual_ids
from studio.worker.families.causal import FAMILY, decoder_of, learner_of
from studio.worker.methods import adapters, lora, work_of
from studio.worker.methods.method import trainable_parameters
from studio.worker.session import Session
from studio.worker.training.gradients import batch_gradients
from studio.worker.trying.arms import Arms
from tests.trying import request
from tests.worker.worker_runs import colour_rows, make_run, named, run_here, tiny_spec

VARIANTS: dict[str, dict[str, Any]] = {
    "lora": {},
    "lora of two layers": {"lora_targets": ("q_proj", "v_proj")},
    "rslora": {"use_rslora": True},
    "dora": {"use_dora": True},
    "pissa": {"lora_start": "pissa"},
    "olora": {"lora_start": "olora"},
    "ia3": {"method": "ia3"},
    "prompt tuning": {"method": "prompt_tuning", "virtual_tokens": 5, "max_length": 200},
    "full": {"method": "full", "learning_rate": 3e-3},
}
ADAPTERS = [name for name in VARIANTS if name != "full"]


def spec_of(name: str, folder: Path, **settings: Any) -> TrainSpec:
    return tiny_spec(folder, **{"learning_rate": 1e-2, **VARIANTS[name], **settings})


def trained(name: str, folder: Path, base: Path, **settings: Any) -> RunDirectory:
    run = make_run(folder, spec_of(name, base, **settings), train=colour_rows(8), validation=colour_rows(3, start=40))
    events = run_here(run)
    assert events[-1]["event"] == "finished", events[-1]
    return run


def perturb(model: nn.Module) -> None:
    """Away from the start, where half of an adapter is 0 and hides what is wrong with the other half."""
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in trainable_parameters(model).values():
            parameter.add_(0.05 * torch.randn_like(parameter))


def plain_losses(spec: TrainSpec, base: Path, rows: list[Encoded], steps: int) -> list[float]:
    """The loop that nobody would call fast: row by row through peft's own forward, transformers' own loss, AdamW."""
    model = loading.load_model(base, "float32")
    tuned: Any = work_of(spec.method).attach(model, spec)
    parameters = trainable_parameters(tuned).values()
    optimizer = torch.optim.AdamW(parameters, lr=spec.peak_learning_rate, weight_decay=0.0)
    count = sum(row.completion_tokens for row in rows)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        total = 0.0
        for row in rows:
            labels = torch.tensor([[-100] * row.prompt_tokens + row.ids[row.prompt_tokens :]])
            loss = tuned(input_ids=torch.tensor([row.ids]), labels=labels).loss * row.completion_tokens / count
            loss.backward()
            total += loss.item()
        nn.utils.clip_grad_norm_(parameters, spec.max_grad_norm)
        optimizer.step()
        losses.append(total)
    return losses


@pytest.mark.parametrize("name", VARIANTS)
def test_losses_are_those_of_a_plain_slow_loop(name: str, tmp_path: Path, tiny_model_folder: Path) -> None:
    """Two tolerances: none far away, and none drifting. Prompts share a prefix, so what is shared is proved too."""
    spec = spec_of(name, tiny_model_folder, epochs=6, batch_size=6, schedule="constant", warmup_ratio=0.0)
    rows = colour_rows(6)
    run = make_run(tmp_path / "run", spec, train=rows)
    losses = [step["loss"] for step in named(run_here(run), "step")]
    folder = ModelFolder(tiny_model_folder)
    encoded = [
        row.behind(virtual_ids(spec.leading_tokens))
        for row in encode_pairs(folder, [Pair(row.prompt, row.completion) for row in rows])
    ]
    if spec.leading_tokens:
        wanted = losses_with_embeddings_in_front(spec, tiny_model_folder, encoded, steps=6)
    else:
        wanted = plain_losses(spec, tiny_model_folder, encoded, steps=6)
    drifts = [abs(mine - other) for mine, other in zip(losses, wanted, strict=True)]
    assert max(drifts) < 5e-4 and sum(drifts) / len(drifts) < 1e-4, (losses, wanted)
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("objective", ["sequence", "text"])
def test_prompts_are_learned_too_as_a_plain_slow_loop_learns_them(
    objective: str, tmp_path: Path, tiny_model_folder: Path
) -> None:
    """A shared prefix would be computed without a loss of its own: rows share none where prompts are learned."""
    spec = spec_of("lora", tiny_model_folder, objective=objective, epochs=5, batch_size=6, schedule="constant")
    spec = replace(spec, warmup_ratio=0.0)
    rows = colour_rows(6)
    losses = [step["loss"] for step in named(run_here(make_run(tmp_path / "run", spec, train=rows)), "step")]
    pairs = [Pair(row.prompt, row.completion) for row in rows]
    encoded = encode_pairs(ModelFolder(tiny_model_folder), pairs, Objective(objective))
    wanted = plain_losses(spec, tiny_model_folder, encoded, steps=5)
    assert losses == pytest.approx(wanted, abs=5e-4)


def losses_with_embeddings_in_front(spec: TrainSpec, base: Path, rows: list[Encoded], steps: int) -> list[float]:
    """As peft itself computes it: embeddings of the virtual tokens in front, no ids of their own."""
    start: Any = work_of(spec.method).attach(loading.load_model(base, "float32"), spec)
    soft = nn.Parameter(start.prompt_encoder["default"].embedding.weight.detach().clone())
    model: Any = loading.load_model(base, "float32").requires_grad_(False)
    optimizer = torch.optim.AdamW([soft], lr=spec.peak_learning_rate, weight_decay=0.0)
    count, losses = sum(row.completion_tokens for row in rows), []
    for _ in range(steps):
        optimizer.zero_grad()
        total = torch.zeros(())
        for row in rows:
            words = model.get_input_embeddings()(torch.tensor([row.ids[len(soft) :]]))
            labels = torch.tensor([[-100] * row.prompt_tokens + row.ids[row.prompt_tokens :]])
            embeddings = torch.cat([soft[None], words], dim=1)
            total = total + model(inputs_embeds=embeddings, labels=labels).loss * row.completion_tokens / count
        total.backward()
        nn.utils.clip_grad_norm_([soft], spec.max_grad_norm)
        optimizer.step()
        losses.append(total.item())
    return losses


@pytest.mark.parametrize("name", VARIANTS)
def test_the_cut_of_a_batch_and_a_shared_prefix_change_no_gradient(name: str, tiny_model_folder: Path) -> None:
    """8×1 = 4×2 = 1×8, behind a shared prefix or not."""
    spec = spec_of(name, tiny_model_folder)
    tuned = work_of(spec.method).attach(loading.load_model(tiny_model_folder, "float32"), spec)
    perturb(tuned)
    pairs = [Pair(row.prompt, row.completion, "You name colours.") for row in colour_rows(8)]
    rows = [row.behind(virtual_ids(spec.leading_tokens)) for row in encode_pairs(ModelFolder(tiny_model_folder), pairs)]
    parameters = list(trainable_parameters(tuned).values())
    products = work_of(spec.method).speed_up(tuned, FAMILY.siblings(tuned), torch.float32)
    learner = learner_of(tuned, products)
    assert learner.can_share_prefix

    def gradients(size: int, is_shared: bool) -> tuple[float, list[Tensor | None]]:
        with_or_without = replace(learner, can_share_prefix=is_shared)
        found = batch_gradients(with_or_without, parameters, rows, size, Lanes(1, 1), nullcontext, products)
        return found.loss, found.of_parameters

    loss, wanted = gradients(8, False)
    for size, is_shared in ((1, False), (2, True), (8, True)):
        other, found = gradients(size, is_shared)
        assert other == pytest.approx(loss, abs=1e-5)
        for mine, theirs in zip(found, wanted, strict=True):
            assert mine is not None and theirs is not None
            torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=2e-5)


@pytest.mark.parametrize("name", ADAPTERS)
def test_what_is_saved_is_a_peft_adapter_of_the_original_base_and_merged_it_answers_as_applied(
    name: str, tmp_path: Path, tiny_model_folder: Path
) -> None:
    run = trained(name, tmp_path / "run", tiny_model_folder)
    adapter = run.result_path("adapter")
    assert not (adapter / "README.md").exists()
    config = json.loads((adapter / "adapter_config.json").read_text())
    assert config["peft_type"] == {"ia3": "IA3", "prompt tuning": "PROMPT_TUNING"}.get(name, "LORA")
    plain: Any = PeftModel.from_pretrained(loading.load_model(tiny_model_folder, "float32"), str(adapter)).eval()
    work = work_of(spec_of(name, tiny_model_folder).method)
    loaded = work.load(loading.load_model(tiny_model_folder, "float32"), adapter, "float32")
    beside = work.load(loading.load_model(tiny_model_folder, "float32"), adapter, "bfloat16")
    ids = list(range(4, 40))
    led = torch.tensor([work.leading_in(adapter) + ids])
    with torch.no_grad():
        applied = plain(input_ids=torch.tensor([ids])).logits[:, -len(ids) :]
        untuned = loading.load_model(tiny_model_folder, "float32")(input_ids=torch.tensor([ids])).logits
        for one in (loaded, beside):
            torch.testing.assert_close(one(input_ids=led).logits[:, -len(ids) :], applied, rtol=1e-4, atol=1e-4)
    assert (applied - untuned).abs().max() > 1e-2, "it has learned something"


@pytest.mark.parametrize("name", ["pissa", "olora"])
def test_a_start_at_the_weights_own_directions_changes_no_answer_and_saved_untrained_it_is_nothing(
    name: str, tmp_path: Path, tiny_model_folder: Path
) -> None:
    """PiSSA and OLoRA take A0 B0 out of the base weights; an adapter saved with A0 B0 in it would count it twice."""
    base = loading.load_model(tiny_model_folder, "float32")
    ids = torch.arange(4, 40)[None]
    with torch.no_grad():
        wanted = base(input_ids=ids).logits
        tuned: Any = lora.attach(base, spec_of(name, tiny_model_folder))
        torch.testing.assert_close(tuned(input_ids=ids).logits, wanted, rtol=1e-3, atol=1e-3)
        folder = tmp_path / "adapter"
        folder.mkdir()
        lora.save(tuned, folder, tiny_model_folder)
        again = adapters.load(loading.load_model(tiny_model_folder, "float32"), folder, "float32")
        torch.testing.assert_close(again(input_ids=ids).logits, wanted, rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(tuned(input_ids=ids).logits, wanted, rtol=1e-3, atol=1e-3)


def test_a_pissa_run_in_bfloat16_holds_its_base_in_float32(tmp_path: Path, tiny_model_folder: Path) -> None:
    run = trained("pissa", tmp_path / "run", tiny_model_folder, dtype="bfloat16")
    assert run.result_path("adapter").exists()


@pytest.mark.parametrize("name", ["dora", "pissa", "ia3", "prompt tuning", "full"])
def test_a_resumed_run_is_the_uninterrupted_one(
    name: str, tmp_path: Path, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def losses(run: RunDirectory) -> dict[int, float]:
        return {step["step"]: step["loss"] for step in named(run_here(run), "step")}

    whole = losses(make_run(tmp_path / "whole", spec_of(name, tiny_model_folder), train=colour_rows(8)))
    stopped = make_run(tmp_path / "stopped", spec_of(name, tiny_model_folder), train=colour_rows(8))
    with monkeypatch.context() as patch:
        patch.setattr(Session, "is_stop_asked", lambda session: session.last_event(Step) is not None)
        assert run_here(stopped)[-1]["event"] == "stopped"
    assert losses(stopped) == pytest.approx(whole, abs=2e-5)


def test_a_layer_that_is_not_there_is_refused_and_those_that_are_there_are_named(
    tmp_path: Path, tiny_model_folder: Path
) -> None:
    run = make_run(tmp_path / "run", tiny_spec(tiny_model_folder, lora_targets=("wq",)), train=colour_rows(4))
    failed = run_here(run)[-1]
    assert failed["message"] == "lora_targets=wq: this model has no such linear layer."
    assert "q_proj" in failed["hint"] and "lm_head" not in failed["hint"]


def test_a_quantized_base_is_refused_where_there_is_no_gpu(tmp_path: Path, tiny_model_folder: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is one here")
    run = make_run(tmp_path / "run", tiny_spec(tiny_model_folder, quantize="4bit"), train=colour_rows(4))
    assert run_here(run)[-1]["message"] == "quantize=4bit needs an NVIDIA GPU, and there is none here."


def test_an_architecture_that_peft_does_not_know_is_refused_for_ia3(tiny_model_folder: Path) -> None:
    model = loading.load_model(tiny_model_folder, "float32")
    setattr(model.config, "model_type", "cohere")  # noqa: B010 - it is a class variable to mypy
    with pytest.raises(StudioError, match="which layers of a cohere model IA³ scales"):
        work_of("ia3").attach(model, spec_of("ia3", tiny_model_folder))


def test_virtual_tokens_stand_before_the_tuned_arm_s_prompts_only_and_count(
    tmp_path: Path, tiny_model_folder: Path
) -> None:
    """Compared and tried: five tokens more in the prompt, as they cost; answered as training saw it."""
    run = trained("prompt tuning", tmp_path / "run", tiny_model_folder, epochs=1)
    adapter = str(run.result_path("adapter"))
    spec = CompareSpec(
        probe_rows=0,
        model_path=str(tiny_model_folder), run_id="run", tuned_path=adapter, tuned_method="prompt_tuning",
        arms=("zero_shot", "tuned"), max_new_tokens=4, dtype="float32", latency_rows=1,
    )  # fmt: skip
    compared = make_run(tmp_path / "compare", spec, test=colour_rows(4, start=60), train=colour_rows(4))
    arms = {event["arm"]: event["prompt_tokens_mean"] for event in named(run_here(compared), "arm")}
    assert arms["tuned"] == arms["zero_shot"] + 5
    asked = request(tiny_model_folder, tuned=Path(adapter), method="prompt_tuning", max_new_tokens=3)
    done = {reply["arm"]: reply for reply in Arms().answer(asked) if reply.get("done")}
    assert done["tuned"]["prompt_tokens"] == done["base"]["prompt_tokens"] + 5


def test_virtual_tokens_are_decoded_as_peft_s_generate_would(tmp_path: Path, tiny_model_folder: Path) -> None:
    run = trained("prompt tuning", tmp_path / "run", tiny_model_folder)
    adapter, folder = run.result_path("adapter"), ModelFolder(tiny_model_folder)
    work = work_of("prompt_tuning")
    tuned = work.load(loading.load_model(tiny_model_folder, "float32"), adapter, "float32")
    prompts = encode_prompts(folder, [prompt_text(folder, text) for text in ("sky", "what is grass", "rose")])
    decoder = decoder_of(tuned, frozenset({folder.end_of_turn_id}), 6)
    mine = dict(decoder.answers([work.leading_in(adapter) + ids for ids in prompts], 4))
    plain: Any = PeftModel.from_pretrained(loading.load_model(tiny_model_folder, "float32"), str(adapter)).eval()
    for number, ids in enumerate(prompts):
        said = list(ids)
        for _ in range(6):
            with torch.no_grad():
                said.append(int(plain(input_ids=torch.tensor([said])).logits[0, -1].argmax()))
        assert mine[number].ids == [*said[len(ids) :]][: len(mine[number].ids)]
    assert all(token < FIRST_VIRTUAL_ID for answer in mine.values() for token in answer.ids)
