"""The loss is the textbook one, whatever is left out to compute it faster."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from studio.runs.batches import Batches
from studio.tokens.encoding import Encoded, Pair, encode_pairs
from studio.tokens.tokenizer import ModelFolder
from studio.worker.compute import fused_lora, loading
from studio.worker.families.causal import learner_of
from studio.worker.methods import lora
from studio.worker.methods.method import trainable_parameters
from studio.worker.training.batches import micro_batches
from tests.worker.worker_runs import colour_rows, tiny_spec


@pytest.fixture
def rows(tiny_model_folder: Path) -> list[Encoded]:
    pairs = [Pair(row.prompt, row.completion) for row in colour_rows(8)]
    return encode_pairs(ModelFolder(tiny_model_folder), pairs)


def library_loss(whole_model: torch.nn.Module, rows: list[Encoded]) -> torch.Tensor:
    """The mean over all rows' learned tokens as transformers computes it with labels of -100, row by row."""
    total = sum(row.completion_tokens for row in rows)
    loss = torch.zeros(())
    for row in rows:
        labels = torch.tensor([[-100] * row.prompt_tokens + row.ids[row.prompt_tokens :]])
        loss = loss + whole_model(torch.tensor([row.ids]), labels=labels).loss * row.completion_tokens / total
    return loss


def test_the_loss_and_its_gradient_equal_the_library_s(tiny_model_folder: Path, rows: list[Encoded]) -> None:
    ours = loading.load_model(tiny_model_folder, "float32")
    theirs = loading.load_model(tiny_model_folder, "float32")
    learned = sum(row.completion_tokens for row in rows)
    learner = learner_of(ours)
    loss = learner.loss_sum(learner.collate(rows)) / learned
    golden = library_loss(theirs, rows)
    assert abs(loss.item() - golden.item()) < 1e-5
    loss.backward()
    golden.backward()
    for (name, mine), other in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, other.grad, rtol=1e-4, atol=1e-6, msg=f"{name}: {{}}".format)


def test_evaluation_computes_the_same_loss_as_training(tiny_model_folder: Path, rows: list[Encoded]) -> None:
    learner = learner_of(loading.load_model(tiny_model_folder, "float32"))
    with torch.no_grad():
        evaluated = learner.loss_sum(learner.collate(rows)).item()
    assert evaluated == pytest.approx(learner.loss_sum(learner.collate(rows)).item(), rel=1e-6)


def test_the_end_of_turn_is_learned_and_the_prompt_is_not(tiny_model_folder: Path, rows: list[Encoded]) -> None:
    micro_batch = learner_of(loading.load_model(tiny_model_folder, "float32")).collate(rows)
    end = ModelFolder(tiny_model_folder).end_of_turn_id
    assert len(micro_batch.targets) == sum(row.completion_tokens for row in rows)
    assert int((micro_batch.targets == end).sum()) == len(rows)
    flat = micro_batch.ids.flatten()
    assert torch.equal(flat[micro_batch.learned_at + 1], micro_batch.targets)


@pytest.mark.parametrize("method", ["lora", "full"])
def test_the_gradient_does_not_depend_on_the_micro_batch_size(
    method: str, tiny_model_folder: Path, rows: list[Encoded]
) -> None:
    learned = sum(row.completion_tokens for row in rows)
    gradients = []
    for size in (1, 2, 4, 8):
        base = loading.load_model(tiny_model_folder, "float32")
        tuned = lora.attach(base, tiny_spec(tiny_model_folder)) if method == "lora" else base
        learner = learner_of(tuned)
        for part in micro_batches(rows, size, learner.pads):
            (learner.loss_sum(learner.collate(part)) / learned).backward()
        gradients.append(torch.cat([p.grad.flatten() for p in tuned.parameters() if p.grad is not None]))
    for other in gradients[1:]:
        torch.testing.assert_close(other, gradients[0], rtol=1e-4, atol=1e-6)


def test_the_fused_adapter_learns_exactly_as_peft_s_own(tiny_model_folder: Path, rows: list[Encoded]) -> None:
    gradients, losses = [], []
    for is_fused in (False, True):
        tuned = lora.attach(loading.load_model(tiny_model_folder, "float32"), tiny_spec(tiny_model_folder))
        torch.manual_seed(1)
        for name, parameter in trainable_parameters(tuned).items():
            if "lora_B" in name:
                torch.nn.init.normal_(parameter, std=0.1)  # at its start B is 0 and would hide a wrong gradient of A
        if is_fused:
            assert fused_lora.fuse(tuned, [], torch.float32) is not None
        learner = learner_of(tuned)
        loss = learner.loss_sum(learner.collate(rows))
        loss.backward()
        losses.append(loss.item())
        gradients.append(torch.cat([p.grad.flatten() for p in tuned.parameters() if p.grad is not None]))
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-3, atol=1e-4)


def test_an_adapter_with_dropout_runs_peft_s_own_forward(tiny_model_folder: Path) -> None:
    spec = tiny_spec(tiny_model_folder, lora_dropout=0.1)
    assert (
        fused_lora.fuse(lora.attach(loading.load_model(tiny_model_folder, "float32"), spec), [], torch.float32) is None
    )


def test_a_model_that_does_more_to_its_logits_keeps_its_own_head() -> None:
    from transformers import Gemma2Config, Gemma2ForCausalLM

    torch.manual_seed(0)
    config = Gemma2Config(
        vocab_size=50,
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
        final_logit_softcapping=2.0,
        initializer_range=1.0,
    )
    capped = Gemma2ForCausalLM(config)
    learner = learner_of(capped)
    assert not learner.is_plain_head
    rows = [Encoded([5, 6, 7, 8], 2), Encoded([9, 10, 11], 1)]
    loss = learner.loss_sum(learner.collate(rows)) / 4
    assert loss.item() == pytest.approx(library_loss(capped, rows).item(), abs=1e-5)


def test_every_row_comes_once_an_epoch_and_the_order_follows_from_the_seed() -> None:
    batches = Batches(rows=10, batch_size=4, seed=3)
    for epoch in range(2):
        steps = range(epoch * 3 + 1, epoch * 3 + 4)
        seen = [row for step in steps for row in batches.rows_of(step)]
        assert sorted(seen) == list(range(10))
        assert [len(batches.rows_of(step)) for step in steps] == [4, 4, 2]
    assert batches.rows_of(1) != batches.rows_of(4)
    assert batches.rows_of(5) == Batches(rows=10, batch_size=4, seed=3).rows_of(5)
    assert batches.rows_of(1) != Batches(rows=10, batch_size=4, seed=4).rows_of(1)
