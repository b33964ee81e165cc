"""Encoder-decoder models learn the textbook loss, however it is computed, and answer as transformers answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch

from studio.errors import StudioError
from studio.tokens.encoding import Encoded, Pair, encode_pairs
from studio.tokens.tokenizer import ModelFolder
from studio.worker.compute import fused_lora, loading
from studio.worker.compute.lanes import Lanes
from studio.worker.compute.neftune import add_noise
from studio.worker.compute.products import Products
from studio.worker.families import family_in
from studio.worker.families.encoder_decoder import EncoderDecoderLearner, collate, decoder_of, learner_of
from studio.worker.methods import full, lora
from studio.worker.methods.method import trainable_parameters
from studio.worker.training.gradients import Gradients, batch_gradients, batch_loss
from tests.tiny_encoder_decoder import make_tiny_t5
from tests.worker.worker_runs import colour_rows, make_run, named, run_here, tiny_spec


@pytest.fixture(autouse=True)
def _one_core() -> Iterator[None]:
    """Two threads on a two-layer model wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def scaled_t5_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_t5(tmp_path_factory.mktemp("models") / "scaled", is_head_scaled=True)


@pytest.fixture(params=["t5", "t5 of the first kind", "bart"])
def folder(
    request: pytest.FixtureRequest, tiny_t5_folder: Path, scaled_t5_folder: Path, tiny_bart_folder: Path
) -> Path:
    return {"t5": tiny_t5_folder, "t5 of the first kind": scaled_t5_folder, "bart": tiny_bart_folder}[request.param]


def rows_of(folder: Path, count: int = 8) -> list[Encoded]:
    pairs = [Pair(row.prompt, row.completion) for row in colour_rows(count)]
    return encode_pairs(ModelFolder(folder), pairs)


def library_loss(model: torch.nn.Module, rows: list[Encoded]) -> torch.Tensor:
    """The mean over all rows' target tokens as transformers computes it from labels, row by row: no padding at all."""
    loss = torch.zeros(())
    for row in rows:
        labels = torch.tensor([row.completion_ids])
        loss = loss + model(input_ids=torch.tensor([row.prompt_ids]), labels=labels).loss * row.completion_tokens
    return loss / sum(row.completion_tokens for row in rows)


def learner(folder: Path, method: str) -> EncoderDecoderLearner:
    base = loading.load_model(folder, "float32")
    tuned = (full if method == "full" else lora).attach(base, tiny_spec(folder))
    torch.manual_seed(1)
    for name, parameter in trainable_parameters(tuned).items():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    return learner_of(tuned)


def gradients(of: EncoderDecoderLearner, rows: list[Encoded], size: int, lanes: int) -> Gradients:
    side_by_side = Lanes(lanes, lanes)
    parameters = list(trainable_parameters(of.model).values())
    found = batch_gradients(of, parameters, rows, size, side_by_side, nullcontext, Products())
    side_by_side.close()
    return found


def is_near(mine: torch.Tensor | None, other: torch.Tensor | None) -> bool:
    """Whether two gradients are one but for rounding; a bias of attention's keys has none but rounding."""
    if mine is None or other is None:
        return mine is other
    return bool((mine - other).norm() <= 1e-3 * other.norm() + 1e-6)


@pytest.mark.parametrize("method", ["lora", "full"])
def test_the_loss_and_its_gradient_equal_the_library_s_however_a_batch_is_cut(method: str, folder: Path) -> None:
    rows = rows_of(folder)
    ours, theirs = learner(folder, method), learner(folder, method)
    golden = library_loss(theirs.model, rows)
    wanted = torch.autograd.grad(golden, list(trainable_parameters(theirs.model).values()), allow_unused=True)
    for size, lanes in ((8, 1), (4, 2), (1, 1)):
        found = gradients(ours, rows, size, lanes)
        assert found.loss == pytest.approx(golden.item(), abs=1e-5)
        for mine, other in zip(found.of_parameters, wanted, strict=True):
            assert is_near(mine, other)
    evaluated = batch_loss(ours, rows, 3, Lanes(1, 1), nullcontext, lambda: False)
    assert evaluated and evaluated.mean == pytest.approx(golden.item(), abs=1e-5)
    alone = [library_loss(theirs.model, [row]).item() * row.completion_tokens for row in rows]
    assert evaluated.of_rows == pytest.approx(alone, abs=1e-4)


def test_smoothed_labels_are_those_of_cross_entropy_and_only_of_training(folder: Path) -> None:
    rows, of = rows_of(folder), learner(folder, "full")
    smoothed, micro_batch = of.smoothed(0.2), of.collate(rows_of(folder))
    plain = smoothed.loss_sum(micro_batch).item()
    assert plain == pytest.approx(of.loss_sum(micro_batch).item(), rel=1e-6), "evaluation is without it"
    of.model.train()
    wanted = unsmoothed = 0.0
    for row in rows:
        logits = of.model(torch.tensor([row.prompt_ids]), labels=torch.tensor([row.completion_ids])).logits[0]
        targets = torch.tensor(row.completion_ids)
        wanted += torch.nn.functional.cross_entropy(logits, targets, reduction="sum", label_smoothing=0.2).item()
        unsmoothed += torch.nn.functional.cross_entropy(logits, targets, reduction="sum").item()
    with torch.no_grad():
        of_tokens = smoothed.losses(micro_batch)[1]
    assert smoothed.loss_sum(micro_batch).item() == pytest.approx(wanted, rel=1e-5) != plain
    assert of_tokens.sum().item() == pytest.approx(unsmoothed, rel=1e-5)


def test_neftune_s_noise_reaches_the_source(folder: Path) -> None:
    """The model's shared embedding is never called: noise on it would be none."""
    model = loading.load_model(folder, "float32")
    of, micro_batch = learner_of(model), collate(rows_of(folder), start_id=0)
    with torch.no_grad():
        quiet = of.loss_sum(micro_batch).item()
        add_noise(family_in(folder).embedding(model), alpha=15.0)
        assert of.loss_sum(micro_batch).item() == quiet, "evaluation"
        model.train()
        noisy = {of.loss_sum(micro_batch).item() for _ in range(3)}
    assert len(noisy) == 3 and quiet not in noisy


@pytest.mark.parametrize("settings", [{"method": "ia3"}, {"method": "full", "gradient_checkpointing": "on"}])
def test_other_settings_train_it_too(settings: dict[str, Any], folder: Path, tmp_path: Path) -> None:
    spec = tiny_spec(folder, **settings, epochs=3, learning_rate=1e-2, label_smoothing=0.1, neftune_alpha=5.0)
    run = make_run(tmp_path / "run", spec, train=colour_rows(12), validation=colour_rows(4, start=40))
    losses = [event["loss"] for event in named(run_here(run), "step")]
    assert losses[-1] < losses[0]


def test_the_head_is_known_for_what_it_is(tiny_t5_folder: Path, scaled_t5_folder: Path, tiny_bart_folder: Path) -> None:
    scales = [
        learner_of(loading.load_model(folder, "float32")).head_scale
        for folder in (tiny_t5_folder, scaled_t5_folder, tiny_bart_folder)
    ]
    assert scales == [1, 32**-0.5, 1]


def test_a_model_that_does_more_to_its_logits_makes_them_itself(tiny_bart_folder: Path) -> None:
    model = loading.load_model(tiny_bart_folder, "float32")
    torch.nn.init.normal_(model.final_logits_bias)  # type: ignore[arg-type]
    rows = rows_of(tiny_bart_folder)
    biased = learner_of(model)
    assert biased.head_scale is None
    loss = biased.loss_sum(biased.collate(rows)).item() / sum(row.completion_tokens for row in rows)
    assert loss == pytest.approx(library_loss(model, rows).item(), abs=1e-5)


def test_only_target_tokens_are_learned_and_the_decoder_is_fed_what_stands_before_each(folder: Path) -> None:
    rows = rows_of(folder)
    of = learner_of(loading.load_model(folder, "float32"))
    micro_batch = of.collate(rows)
    assert micro_batch.targets.tolist() == [token for row in rows for token in row.completion_ids]
    assert micro_batch.fed[:, 0].tolist() == [of.start_id] * len(rows)
    flat, fed = micro_batch.fed.flatten(), [of.start_id, *rows[0].completion_ids[:-1]]
    assert flat[micro_batch.learned_at].tolist()[: len(fed)] == fed
    assert micro_batch.tokens == sum(row.total_tokens for row in rows)
    assert micro_batch.mask is not None and int(micro_batch.mask.sum()) == sum(row.prompt_tokens for row in rows)
    assert of.collate(rows[:1]).mask is None, "one row alone has no padding to mask"


def test_the_fused_adapter_learns_exactly_as_peft_s_own(tiny_t5_folder: Path) -> None:
    rows = rows_of(tiny_t5_folder)
    plain = learner(tiny_t5_folder, "lora")
    wanted = gradients(plain, rows, size=4, lanes=1)
    assert fused_lora.fuse(plain.model, [], torch.float32) is not None
    found = gradients(plain, rows, size=4, lanes=1)
    assert found.loss == pytest.approx(wanted.loss, abs=1e-5)
    for mine, other in zip(found.of_parameters, wanted.of_parameters, strict=True):
        assert is_near(mine, other)


def test_answers_are_those_of_generate_alone_together_and_piece_by_piece(folder: Path) -> None:
    model = loading.load_model(folder, "float32")
    stops = loading.stop_ids_of(ModelFolder(folder))
    prompts = [row.prompt_ids for row in rows_of(folder, 7)]
    wanted = []
    for prompt in prompts:
        made = model.generate(torch.tensor([prompt]), do_sample=False, num_beams=1, max_new_tokens=12)  # type: ignore[operator]
        ids = made[0, 1:].tolist()
        end = next((place for place, token in enumerate(ids) if token in stops), len(ids))
        wanted.append(ids[:end])
    assert len({tuple(ids) for ids in wanted}) > 3, "answers that were all alike would prove little"
    decoder = decoder_of(model, stops, max_new_tokens=12)
    lanes = Lanes(2, 2)
    for size, side_by_side in ((7, None), (3, None), (2, lanes)):
        found = dict(decoder.answers(prompts, size, lanes=side_by_side))
        assert [found[number].ids for number in range(7)] == wanted
    lanes.close()
    assert [list(decoder.pieces(prompt)) for prompt in prompts] == wanted
    alone = decoder.alone(prompts[0])
    assert alone is not None and alone.ids == wanted[0] and alone.latency_seconds


def test_rows_that_have_ended_leave_the_batch_and_the_others_go_on_as_they_were(folder: Path) -> None:
    model = loading.load_model(folder, "float32")
    prompts = [row.prompt_ids for row in rows_of(folder, 7)]
    endless = dict(decoder_of(model, frozenset(), 12).answers(prompts, 7))
    stop = endless[3].ids[2]  # a token at which some answers end early and others do not
    expected = {
        number: answer.ids[: answer.ids.index(stop)] if stop in answer.ids else answer.ids
        for number, answer in endless.items()
    }
    assert len({len(ids) for ids in expected.values()}) > 1
    found = dict(decoder_of(model, frozenset({stop}), 12).answers(prompts, 7))
    assert {number: answer.ids for number, answer in found.items()} == expected
    assert {number for number, answer in found.items() if answer.is_cut} == {
        number for number, answer in endless.items() if stop not in answer.ids
    }
    assert list(decoder_of(model, frozenset(), 12).answers(prompts, 7, lambda: True)) == []


def test_a_first_token_that_the_model_forces_is_given(tiny_bart_folder: Path) -> None:
    """bart-large-cnn begins every answer with <s>, whatever is likeliest."""
    model = loading.load_model(tiny_bart_folder, "float32")
    assert model.generation_config is not None
    model.generation_config.forced_bos_token_id = 5
    prompt = rows_of(tiny_bart_folder, 1)[0].prompt_ids
    made = model.generate(torch.tensor([prompt]), do_sample=False, num_beams=1, max_new_tokens=6)  # type: ignore[operator]
    found = list(decoder_of(model, frozenset(), 6).pieces(prompt))
    assert found[0] == 5 and found == made[0, 1:].tolist()


def test_a_fully_tuned_t5_is_saved_so_that_it_answers_as_it_did(
    tmp_path: Path, tiny_t5_folder: Path, scaled_t5_folder: Path
) -> None:
    """Its head is its own, or scaled: read back as the other kind, it would answer nonsense."""
    for number, folder in enumerate((tiny_t5_folder, scaled_t5_folder)):
        model = loading.load_model(folder, "float32")
        saved = tmp_path / str(number)
        full.save(model, saved, folder)
        again = full.load(None, saved, "float32")
        rows = rows_of(saved)
        assert library_loss(again, rows).item() == pytest.approx(library_loss(model, rows).item(), abs=1e-6)


def test_a_decoder_only_model_is_no_encoder_decoder(tiny_model_folder: Path) -> None:
    with pytest.raises(StudioError, match="not an encoder-decoder"):
        family_in(tiny_model_folder)
        learner_of(loading.load_model(tiny_model_folder, "float32"))
