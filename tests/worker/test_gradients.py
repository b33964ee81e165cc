"""However a batch is cut up and spread over cores, its gradient is the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from transformers import LlamaForCausalLM

from studio.tokens.encoding import Encoded, Objective, Pair, encode_pairs
from studio.tokens.tokenizer import ModelFolder
from studio.turns import Turn, written
from studio.worker.compute import loading, short_attention
from studio.worker.compute.lanes import Lanes, lane_count
from studio.worker.compute.products import Products
from studio.worker.families.causal import FAMILY, CausalLearner, learner_of
from studio.worker.families.causal_bodies import MicroBatch, PackedBody, PaddedBody
from studio.worker.methods import work_of
from studio.worker.methods.method import trainable_parameters
from studio.worker.training.gradients import Gradients, batch_gradients, batch_loss
from tests.worker.worker_runs import colour_rows, tiny_spec


@pytest.fixture
def rows(tiny_model_folder: Path) -> list[Encoded]:
    """Two of them are conversations of which the earlier answer is learned too."""
    earlier = written([Turn("user", "is it day"), Turn("assistant", "it is")])
    pairs = [
        Pair(row.prompt, row.completion, "You name colours.", earlier if row.example_id in (2, 5) else "")
        for row in colour_rows(7)
    ]
    return encode_pairs(ModelFolder(tiny_model_folder), pairs, Objective.TURNS)


BODIES = ("packed", "padded")


@dataclass(frozen=True)
class Tuned:
    """A model that learns, and how."""

    learner: CausalLearner
    products: Products
    dtype: str

    @property
    def parameters(self) -> list[torch.nn.Parameter]:
        return list(trainable_parameters(self.learner.model).values())

    def autocast(self) -> AbstractContextManager[None]:
        is_mixed = self.dtype == "bfloat16" and self.learner.model.dtype == torch.float32
        return torch.autocast("cpu", torch.bfloat16, enabled=is_mixed)

    def apart(self) -> Tuned:
        """The same without sharing a prefix."""
        return replace(self, learner=replace(self.learner, can_share_prefix=False))


def tuned(folder: Path, method: str, body: str = "packed", dtype: str = "float32") -> Tuned:
    work, spec = work_of(method), tiny_spec(folder, method=method)
    model = work.attach(loading.load_model(folder, work.weights_dtype(dtype, spec)), spec)
    torch.manual_seed(1)
    for name, parameter in trainable_parameters(model).items():
        if "lora_B" in name:  # at its start B is 0 and would hide a wrong gradient of A
            torch.nn.init.normal_(parameter, std=0.1)
    products = Products()
    if body == "packed":
        products = work.speed_up(model, FAMILY.siblings(model), loading.DTYPES[dtype])
    learner = learner_of(model, products)
    assert isinstance(learner.body, PackedBody)
    if body == "padded":
        short_attention.use_in(learner.model)
        learner = replace(learner, body=PaddedBody(learner.model.get_decoder()))
    return Tuned(learner, products, dtype)


def gradients(of: Tuned, rows: list[Encoded], size: int, lanes: int) -> Gradients:
    side_by_side = Lanes(lanes, lanes)
    found = batch_gradients(of.learner, of.parameters, rows, size, side_by_side, of.autocast, of.products)
    side_by_side.close()
    return found


def library_gradients(folder: Path, method: str, rows: list[Encoded]) -> Gradients:
    """As transformers and peft compute them in float32, a row at a time, with labels of -100."""
    theirs = tuned(folder, method, "padded")
    model = theirs.learner.model
    model.set_attn_implementation("eager")
    learned = sum(sum(row.completion_mask) for row in rows)
    total = torch.zeros(())
    for row in rows:
        labels = [token if is_it else -100 for token, is_it in zip(row.ids, row.completion_mask, strict=True)]
        loss = model(torch.tensor([row.ids]), labels=torch.tensor([labels])).loss
        total = total + loss * sum(row.completion_mask) / learned
    return Gradients(total.item(), list(torch.autograd.grad(total, theirs.parameters)), of_rows=[])


@pytest.mark.parametrize("method", ["lora", "full"])
def test_the_gradient_is_the_same_packed_or_padded_with_a_shared_prefix_and_in_lanes(
    method: str, tiny_model_folder: Path, rows: list[Encoded]
) -> None:
    plain = library_gradients(tiny_model_folder, method, rows)
    for body in BODIES:
        tiny = tuned(tiny_model_folder, method, body)
        assert tiny.learner.can_share_prefix
        for size, lanes, is_shared in ((7, 1, False), (1, 1, True), (2, 2, True), (3, 2, False), (1, 4, True)):
            other = gradients(tiny if is_shared else tiny.apart(), rows, size, lanes)
            assert other.loss == pytest.approx(plain.loss, abs=1e-5)
            for mine, wanted in zip(other.of_parameters, plain.of_parameters, strict=True):
                assert mine is not None and wanted is not None
                torch.testing.assert_close(mine, wanted, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("method", ["lora", "full"])
def test_in_bfloat16_the_gradient_points_where_float32_s_does(
    method: str, body: str, tiny_model_folder: Path, rows: list[Encoded]
) -> None:
    wanted = library_gradients(tiny_model_folder, method, rows)
    ours = gradients(tuned(tiny_model_folder, method, body, "bfloat16"), rows, size=2, lanes=2)
    mine, other = (torch.cat([g.flatten() for g in of.of_parameters if g is not None]) for of in (ours, wanted))
    assert ours.loss == pytest.approx(wanted.loss, rel=1e-2)
    assert torch.nn.functional.cosine_similarity(mine, other, dim=0) > 0.999
    assert mine.norm() == pytest.approx(float(other.norm()), rel=2e-2)


def test_a_long_row_attends_as_a_short_one(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    query, key, value = (torch.randn(size, requires_grad=True) for size in ((5, 4, 8), (9, 2, 8), (9, 2, 8)))
    results = []
    for most in (9, 8):
        monkeypatch.setattr(short_attention, "SHORT_TOKENS", most)
        mixed = short_attention.attend(query, key, value)
        results.append((mixed, *torch.autograd.grad(mixed.square().sum(), (query, key, value))))
    for short, long in zip(*results, strict=True):
        torch.testing.assert_close(short, long)


@pytest.mark.parametrize("body", BODIES)
def test_evaluation_gives_the_loss_that_training_gives(body: str, tiny_model_folder: Path, rows: list[Encoded]) -> None:
    tiny = tuned(tiny_model_folder, "lora", body).learner
    wanted = library_gradients(tiny_model_folder, "lora", rows).loss
    for size, lanes in ((1, 1), (2, 2), (7, 1)):
        side_by_side = Lanes(lanes, lanes)
        losses = batch_loss(tiny, rows, size, side_by_side, nullcontext, lambda: False)
        assert losses is not None
        assert losses.mean == pytest.approx(wanted, abs=1e-5)
        alone = [batch_loss(tiny, [row], 1, side_by_side, nullcontext, lambda: False) for row in rows]
        assert losses.of_rows == pytest.approx([one.of_rows[0] for one in alone if one], abs=1e-4)
        assert batch_loss(tiny, rows, size, side_by_side, nullcontext, lambda: True) is None
        side_by_side.close()


@pytest.mark.parametrize(("method", "dtype"), [("lora", "float32"), ("lora", "bfloat16"), ("full", "bfloat16")])
def test_lanes_give_the_very_same_numbers_each_time(
    method: str, dtype: str, tiny_model_folder: Path, rows: list[Encoded]
) -> None:
    tiny = tuned(tiny_model_folder, method, dtype=dtype)
    first = gradients(tiny, rows, size=1, lanes=4)
    kept = [of.clone() for of in first.of_parameters if of is not None]
    again = gradients(tiny, rows, size=1, lanes=4)
    assert first.loss == again.loss
    for mine, other in zip(kept, again.of_parameters, strict=True):
        assert other is not None
        assert torch.equal(mine, other)


def test_a_lane_that_fails_ends_the_others_and_says_why(
    tiny_model_folder: Path, rows: list[Encoded], monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = tuned(tiny_model_folder, "full", dtype="bfloat16")
    collate = PackedBody.collate

    def fail_once(body: PackedBody, part: list[Encoded], skip: int = 0) -> MicroBatch:
        if part[0] is longest:
            raise MemoryError("no room")
        return collate(body, part, skip)

    longest = max(rows, key=lambda row: row.total_tokens)
    monkeypatch.setattr(PackedBody, "collate", fail_once)
    with pytest.raises(MemoryError, match="no room"):
        gradients(tiny, rows, size=1, lanes=2)
    monkeypatch.undo()
    assert gradients(tiny, rows, size=1, lanes=2).loss > 0


def test_dropout_keeps_rows_apart(tiny_model_folder: Path) -> None:
    spec = tiny_spec(tiny_model_folder, lora_dropout=0.1)
    adapted = work_of("lora").attach(loading.load_model(tiny_model_folder, "float32"), spec)
    assert not learner_of(adapted).can_share_prefix
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
