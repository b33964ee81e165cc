"""However a batch is cut up and spread over cores, its gradient is the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import LlamaForCausalLM

from studio.tokens.encoding import Encoded, Pair, encode_pairs
from studio.tokens.tokenizer import ModelFolder
from studio.worker.compute import loading
from studio.worker.compute.lanes import Lanes, lane_count
from studio.worker.families.causal import CausalLearner, learner_of
from studio.worker.methods import lora
from studio.worker.methods.method import trainable_parameters
from studio.worker.training.gradients import Gradients, batch_gradients, batch_loss
from tests.worker.worker_runs import colour_rows, tiny_spec


@pytest.fixture
def rows(tiny_model_folder: Path) -> list[Encoded]:
    pairs = [Pair(row.prompt, row.completion, system="You name colours.") for row in colour_rows(7)]
    return encode_pairs(ModelFolder(tiny_model_folder), pairs)


def learner(folder: Path, method: str) -> CausalLearner:
    base = loading.load_model(folder, "float32")
    if method == "full":
        return learner_of(base.requires_grad_(True))
    tuned = lora.attach(base, tiny_spec(folder))
    torch.manual_seed(1)
    for name, parameter in trainable_parameters(tuned).items():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    return learner_of(tuned)


def gradients(of: CausalLearner, rows: list[Encoded], size: int, lanes: int) -> Gradients:
    side_by_side = Lanes(lanes, lanes)
    parameters = list(trainable_parameters(of.model).values())
    found = batch_gradients(of, parameters, rows, size, side_by_side, nullcontext)
    side_by_side.close()
    return found


@pytest.mark.parametrize("method", ["lora", "full"])
def test_the_gradient_is_the_same_with_a_shared_prefix_and_in_lanes(
    method: str, tiny_model_folder: Path, rows: list[Encoded]
) -> None:
    tiny = learner(tiny_model_folder, method)
    assert tiny.can_share_prefix
    plain = gradients(replace(tiny, can_share_prefix=False), rows, size=7, lanes=1)
    for size, lanes, is_shared in ((1, 1, True), (2, 2, True), (3, 2, False), (1, 4, True)):
        other = gradients(replace(tiny, can_share_prefix=is_shared), rows, size, lanes)
        assert other.loss == pytest.approx(plain.loss, abs=1e-5)
        for mine, wanted in zip(other.of_parameters, plain.of_parameters, strict=True):
            assert mine is not None and wanted is not None
            torch.testing.assert_close(mine, wanted, rtol=1e-3, atol=1e-5)


def test_evaluation_gives_the_loss_that_training_gives(tiny_model_folder: Path, rows: list[Encoded]) -> None:
    tiny = learner(tiny_model_folder, "lora")
    wanted = gradients(replace(tiny, can_share_prefix=False), rows, size=7, lanes=1).loss
    for size, lanes in ((1, 1), (2, 2), (7, 1)):
        side_by_side = Lanes(lanes, lanes)
        losses = batch_loss(tiny, rows, size, side_by_side, nullcontext, lambda: False)
        assert losses and losses.mean == pytest.approx(wanted, abs=1e-5)
        assert batch_loss(tiny, rows, size, side_by_side, nullcontext, lambda: True) is None
        side_by_side.close()


def test_lanes_give_the_very_same_numbers_each_time(tiny_model_folder: Path, rows: list[Encoded]) -> None:
    tiny = learner(tiny_model_folder, "lora")
    first, again = (gradients(tiny, rows, size=1, lanes=2) for _ in range(2))
    assert first.loss == again.loss
    for mine, other in zip(first.of_parameters, again.of_parameters, strict=True):
        assert mine is not None and other is not None
        assert torch.equal(mine, other)


def test_dropout_keeps_rows_apart(tiny_model_folder: Path) -> None:
    spec = tiny_spec(tiny_model_folder, lora_dropout=0.1)
    assert not learner_of(lora.attach(loading.load_model(tiny_model_folder, "float32"), spec)).can_share_prefix
    tiny = loading.load_model(tiny_model_folder, "float32")
    assert isinstance(tiny, LlamaForCausalLM)
    assert not loading.uses_dropout(tiny)
    tiny.config.attention_dropout = 0.1
    assert loading.uses_dropout(tiny)


def test_merging_lanes_loses_nothing_and_passes_errors_on() -> None:
    lanes = Lanes(2, 2)

    def count(number: int) -> Iterator[tuple[int, int]]:
        for step in range(50):
            yield number, step
        if number == 9:
            raise ValueError("in a lane")

    merged = list(lanes.merge(count, range(5)))
    assert sorted(merged) == [(number, step) for number in range(5) for step in range(50)]
    with pytest.raises(ValueError, match="in a lane"):
        list(lanes.merge(count, [9, 1]))
    lanes.close()


@pytest.mark.parametrize(("threads", "pieces", "lanes"), [(1, 8, 1), (2, 8, 2), (2, 1, 1), (6, 8, 4), (32, 8, 8)])
def test_there_are_no_more_lanes_than_cores_or_pieces(threads: int, pieces: int, lanes: int) -> None:
    assert lane_count(threads, pieces) == lanes
