"""Batched decoding says what one prompt at a time would."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from studio.tokens.tokenizer import ModelFolder
from studio.worker.compute import loading
from studio.worker.compute.loading import stop_ids_of
from studio.worker.compute.prefix import shared_prefix_length
from studio.worker.families.causal import decoder_of
from studio.worker.families.greedy_decoding import GreedyDecoder
from studio.worker.families.packed_decoding import PackedReader
from studio.worker.families.padded_decoding import PaddedReader

SHARED = [1, 20, 30, 40, 50, 60]
PROMPTS = [[*SHARED, *tail] for tail in ([70], [71, 72, 73], [80, 81], [90, 91, 92, 93, 94], [70, 5], [9])]


def greedy(whole_model: torch.nn.Module, prompt: list[int], stop: frozenset[int], limit: int) -> list[int]:
    """The slowest way that cannot be wrong: the whole sequence again for every token."""
    ids = list(prompt)
    with torch.no_grad():
        for _ in range(limit):
            token = int(whole_model(torch.tensor([ids]), use_cache=False).logits[0, -1].argmax())
            if token in stop:
                break
            ids.append(token)
    return ids[len(prompt) :]


@pytest.mark.parametrize("is_packed", [True, False])
@pytest.mark.parametrize("batch_size", [1, 4, 8])
def test_answers_do_not_depend_on_the_batch(batch_size: int, is_packed: bool, tiny_model_folder: Path) -> None:
    tiny = loading.load_model(tiny_model_folder, "float32")
    # Tokens that this random model says early to some prompts only, so that rows leave at different times.
    wanted = [greedy(tiny, prompt, frozenset(), 12) for prompt in PROMPTS]
    stop = frozenset({wanted[0][3], wanted[3][5]})
    wanted = [greedy(tiny, prompt, stop, 12) for prompt in PROMPTS]
    assert len({len(ids) for ids in wanted}) > 1
    decoder = decoder_of(tiny, stop, 12) if is_packed else GreedyDecoder(PaddedReader(tiny), stop, 12)
    assert isinstance(decoder.reader, PackedReader) is is_packed
    answers = dict(decoder.answers(PROMPTS, batch_size))
    assert [answers[number].ids for number in range(len(PROMPTS))] == wanted
    assert [answers[number].is_cut for number in range(len(PROMPTS))] == [len(ids) == 12 for ids in wanted]
    assert all(answer.latency_seconds is None for answer in answers.values()), "what the others took is not its own"


def test_pieces_are_the_same_tokens_one_at_a_time(tiny_model_folder: Path) -> None:
    tiny = loading.load_model(tiny_model_folder, "float32")
    assert list(decoder_of(tiny, frozenset(), 9).pieces(PROMPTS[1])) == greedy(tiny, PROMPTS[1], frozenset(), 9)


def test_an_answer_given_alone_is_the_same_and_is_timed(tiny_model_folder: Path) -> None:
    tiny = loading.load_model(tiny_model_folder, "float32")
    answer = decoder_of(tiny, frozenset(), 9).alone(PROMPTS[1])
    assert answer is not None
    assert answer.ids == greedy(tiny, PROMPTS[1], frozenset(), 9)
    assert answer.latency_seconds and answer.latency_seconds > 0
    assert decoder_of(tiny, frozenset(), 9).alone(PROMPTS[1], lambda: True) is None


def test_a_cancelled_batch_ends_at_the_next_token(tiny_model_folder: Path) -> None:
    tiny = loading.load_model(tiny_model_folder, "float32")
    assert list(decoder_of(tiny, frozenset(), 1000).answers(PROMPTS, 2, lambda: True)) == []


def test_the_shared_prefix_leaves_each_prompt_a_token_of_its_own() -> None:
    assert shared_prefix_length(PROMPTS) == len(SHARED)
    assert shared_prefix_length([[1, 2, 3], [1, 2, 3]]) == 2
    assert shared_prefix_length([[1, 2], [1, 2, 3]]) == 1
    assert shared_prefix_length([[4], [5, 6]]) == 0


def test_an_answer_ends_at_the_end_of_turn(tiny_model_folder: Path) -> None:
    folder = ModelFolder(tiny_model_folder)
    assert folder.end_of_turn_id in stop_ids_of(folder)
