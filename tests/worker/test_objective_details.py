"""Label smoothing, NEFTune, weight decay, schedules and recomputed activations do what their sources say, no more."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import Gemma2Config, Gemma2ForCausalLM

from studio.runs.schedules import learning_rate_at
from studio.runs.specs import TrainSpec
from studio.tokens.encoding import Encoded, Pair, encode_pairs
from studio.tokens.tokenizer import ModelFolder
from studio.worker.compute import loading
from studio.worker.compute.head_loss import HeadLoss
from studio.worker.compute.lanes import Lanes
from studio.worker.compute.neftune import add_noise
from studio.worker.families.causal import learner_of
from studio.worker.training.gradients import batch_loss
from tests.worker.worker_runs import colour_rows, make_run, named, run_here, tiny_spec


@pytest.fixture
def rows(tiny_model_folder: Path) -> list[Encoded]:
    pairs = [Pair(row.prompt, row.completion, system="You name colours.") for row in colour_rows(5)]
    return encode_pairs(ModelFolder(tiny_model_folder), pairs)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_label_smoothing_in_closed_form_is_torch_s(smoothing: float) -> None:
    torch.manual_seed(0)
    hidden = torch.randn(300, 16, requires_grad=True)  # more than one block of HEAD_TOKENS
    weight = torch.randn(50, 16, requires_grad=True)
    targets = torch.randint(50, (300,))
    apply: Any = HeadLoss.apply
    total, of_tokens = apply(hidden, weight, targets, torch.float32, smoothing)
    ours = total / 300
    mine = torch.autograd.grad(ours, [hidden, weight])
    theirs = torch.nn.functional.cross_entropy(hidden @ weight.T, targets, label_smoothing=smoothing)
    wanted = torch.autograd.grad(theirs, [hidden, weight])
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-6)
    plain = torch.nn.functional.cross_entropy(hidden @ weight.T, targets, reduction="none")
    torch.testing.assert_close(of_tokens, plain.detach())
    for gradient, other in zip(mine, wanted, strict=True):
        torch.testing.assert_close(gradient, other, rtol=1e-5, atol=1e-6)


def test_a_hand_computed_smoothed_loss_beside_the_plain_one_of_its_row() -> None:
    """Logits 0 and ln 3, the first wanted, smoothing 0.2: target (0.9, 0.1), so 0.9 ln 4 + 0.1 ln (4/3); plain ln 4.

    A row's loss with smoothing in it would not be comparable with that of a validation row, or of another run.
    """
    apply: Any = HeadLoss.apply
    weight = torch.tensor([[0.0], [float(torch.tensor(3.0).log())]])
    loss, of_tokens = apply(torch.ones(1, 1), weight, torch.tensor([0]), torch.float32, 0.2)
    expected = 0.9 * torch.tensor(4.0).log() + 0.1 * torch.tensor(4 / 3).log()
    assert loss.item() == pytest.approx(float(expected), rel=1e-6)
    assert of_tokens.tolist() == pytest.approx([1.3862944], rel=1e-6)


def test_smoothing_is_of_training_only_also_where_a_model_makes_its_own_logits() -> None:
    torch.manual_seed(0)
    config = Gemma2Config(
        vocab_size=50, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=1, head_dim=8, final_logit_softcapping=2.0, initializer_range=1.0,
    )  # fmt: skip
    capped = Gemma2ForCausalLM(config)
    learner = learner_of(capped).smoothed(0.3)
    assert not learner.is_plain_head
    rows = [Encoded([5, 6, 7, 8], 2), Encoded([9, 10, 11], 1)]
    batch = learner.collate(rows)
    logits = capped(batch.ids).logits.flatten(0, 1)[batch.learned_at]
    for is_training, smoothing in ((True, 0.3), (False, 0.0)):
        capped.train(is_training)
        wanted = torch.nn.functional.cross_entropy(
            logits, batch.targets, reduction="sum", label_smoothing=smoothing
        ).item()
        plain = torch.nn.functional.cross_entropy(logits, batch.targets, reduction="none")
        total, of_tokens = learner.losses(batch)
        assert total.item() == pytest.approx(wanted, rel=1e-5)
        torch.testing.assert_close(of_tokens, plain.detach())


def test_a_plain_head_is_evaluated_without_smoothing(tiny_model_folder: Path, rows: list[Encoded]) -> None:
    plain = learner_of(loading.load_model(tiny_model_folder, "float32"))
    smoothed = plain.smoothed(0.2)
    lanes = Lanes(1, 1)
    without, with_it = (batch_loss(one, rows, 2, lanes, nullcontext, lambda: False) for one in (plain, smoothed))
    assert without == with_it
    plain.model.train()
    assert smoothed.loss_sum(smoothed.collate(rows)).item() > plain.loss_sum(plain.collate(rows)).item()


def test_neftune_s_noise_is_bounded_as_its_paper_says_and_off_in_evaluation(tiny_model_folder: Path) -> None:
    """Uniform in ±alpha / sqrt(L d), section 2 of arXiv:2310.05914."""
    model = loading.load_model(tiny_model_folder, "float32")
    embedding = model.get_input_embeddings()
    ids = torch.arange(50)[None]
    clean = embedding(ids)
    add_noise(embedding, alpha=5.0)
    assert torch.equal(embedding(ids), clean), "evaluation"
    model.train()
    noise = (embedding(ids) - clean).detach()
    bound = 5.0 / (50 * clean.shape[-1]) ** 0.5
    assert noise.abs().max() <= bound * 1.001 and noise.abs().max() > 0.95 * bound
    assert noise.mean().abs() < 0.05 * bound
    assert float(noise.std()) == pytest.approx(bound / 3**0.5, rel=0.05)


def test_noise_keeps_rows_apart_and_in_one_lane_and_nothing_of_it_is_saved(
    tmp_path: Path, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studio.worker.compute.measure.thread_counts", lambda: [2])
    spec = tiny_spec(tiny_model_folder, method="full", neftune_alpha=5.0, epochs=1, micro_batch_size=1)
    noisy = make_run(tmp_path / "noisy", spec, train=colour_rows(8), validation=colour_rows(3, start=40))
    (plan,) = named(run_here(noisy), "plan")
    assert plan["lanes"] == 1
    base = loading.load_model(tiny_model_folder, "float32")
    add_noise(base.get_input_embeddings(), 5.0)
    assert not learner_of(base).can_share_prefix
    saved = loading.load_model(noisy.result_path("model"), "float32")
    assert saved.state_dict().keys() == loading.load_model(tiny_model_folder, "float32").state_dict().keys()


def test_neftune_changes_training_and_not_evaluation(tmp_path: Path, tiny_model_folder: Path) -> None:
    def first_losses(name: str, **settings: Any) -> tuple[float, float]:
        spec = tiny_spec(tiny_model_folder, epochs=1, **settings)
        run = make_run(tmp_path / name, spec, train=colour_rows(60), validation=colour_rows(3, start=70))
        events = run_here(run)
        return named(events, "evaluation")[0]["eval_loss"], named(events, "step")[0]["loss"]

    plain, noisy = first_losses("plain"), first_losses("noisy", neftune_alpha=15.0)
    assert noisy[0] == pytest.approx(plain[0], abs=1e-5), "the untuned model's evaluation has no noise"
    assert abs(noisy[1] - plain[1]) > 1e-4


@pytest.mark.parametrize("method", ["lora", "full"])
def test_activations_computed_again_give_the_same_losses(method: str, tmp_path: Path, tiny_model_folder: Path) -> None:
    losses = []
    for setting in ("off", "on"):
        spec = tiny_spec(tiny_model_folder, method=method, gradient_checkpointing=setting, learning_rate=5e-3)
        run = make_run(tmp_path / setting, spec, train=colour_rows(10), validation=colour_rows(3, start=40))
        events = run_here(run)
        assert events[-1]["event"] == "finished", events[-1]
        losses.append([event["loss"] for event in named(events, "step")])
    assert losses[1] == pytest.approx(losses[0], abs=2e-5)


def test_where_activations_are_computed_again_no_prefix_is_shared(tiny_model_folder: Path) -> None:
    """transformers then takes keys and values away from its layers: a shared prefix would be forgotten silently."""
    model: Any = loading.load_model(tiny_model_folder, "float32")
    assert learner_of(model).can_share_prefix
    model.gradient_checkpointing_enable({"use_reentrant": False})
    assert not learner_of(model).can_share_prefix


def test_weights_decay_in_matrices_only(tmp_path: Path, tiny_model_folder: Path) -> None:
    from studio.runs.events import EventWriter
    from studio.worker.session import Session
    from studio.worker.training.prepare import prepare

    spec = tiny_spec(tiny_model_folder, method="full", weight_decay=0.1)
    run = make_run(tmp_path / "run", spec, train=colour_rows(4))
    trainer = prepare(Session(run, EventWriter(run.events_path)), spec)
    names = {parameter: name for name, parameter in trainer.model.named_parameters()}
    decayed, kept = trainer.optimizer.param_groups
    assert (decayed["weight_decay"], kept["weight_decay"]) == (0.1, 0.0)
    assert all("norm" in names[parameter] for parameter in kept["params"])
    assert all("norm" not in names[parameter] for parameter in decayed["params"])
    assert len(kept["params"]) == 2 * 2 + 1


def test_wsd_rises_stays_and_falls_in_its_last_share() -> None:
    spec = TrainSpec(learning_rate=1e-3, schedule="wsd", warmup_ratio=0.1, decay_ratio=0.2)
    rates = [learning_rate_at(step, 100, spec) for step in range(1, 101)]
    assert rates[0] == pytest.approx(1e-4)
    assert rates[9:80] == [1e-3] * 71
    assert rates[80] == pytest.approx(1e-3 * 20 / 21)
    assert rates[99] == pytest.approx(1e-3 / 21), "the last step still learns"
    falls = [before - after for before, after in pairwise(rates[79:])]
    assert falls == pytest.approx([1e-3 / 21] * 20)


@pytest.mark.parametrize("schedule", TrainSpec.choices("schedule"))
@pytest.mark.parametrize("steps", [1, 2, 7, 100])
def test_every_schedule_stays_above_0_and_at_most_at_its_peak(schedule: str, steps: int) -> None:
    spec = replace(TrainSpec(learning_rate=1e-3, warmup_ratio=0.5, decay_ratio=0.5), schedule=schedule)
    assert all(0 < learning_rate_at(step, steps, spec) <= 1e-3 for step in range(1, steps + 1))
