"""How a model answers a few rows, to hold another one against it: logits of the references, greedy answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from studio.errors import StudioError
from studio.runs.directory import FrozenRow
from studio.runs.leaving import ALLOWED, Verified
from studio.tokens.encoding import Encoded, encode_pairs, encode_prompts, pair_of, prompt_text
from studio.tokens.tokenizer import ModelFolder
from studio.worker.compute.loading import stop_ids_of
from studio.worker.families import family_in

# Of each row: a vocabulary of 250,000 has a megabyte of logits a token.
MOST_TOKENS = 48
MOST_NEW_TOKENS = 32


@dataclass(frozen=True)
class Shown:
    """``logits``: for each row float32 (tokens of its reference, vocabulary); ``answers``: token ids."""

    logits: list[Tensor]
    answers: list[list[int]]


@dataclass(frozen=True)
class Asked:
    """The rows as token ids: whole, and as the prompts that are answered."""

    rows: list[Encoded]
    prompts: list[list[int]]

    @property
    def tokens(self) -> int:
        return sum(min(row.completion_tokens, MOST_TOKENS) for row in self.rows)


def asked_of(folder: ModelFolder, rows: Sequence[FrozenRow]) -> Asked:
    """The rows that the context window holds, answer included. Raises StudioError where there is none."""
    pairs = list(map(pair_of, rows))
    whole = encode_pairs(folder, pairs)
    texts = [prompt_text(folder, pair.prompt, pair.system, context=pair.context) for pair in pairs]
    prompts = encode_prompts(folder, texts)
    fitting = [
        (row, prompt)
        for row, prompt in zip(whole, prompts, strict=True)
        if folder.window.holds(len(prompt), max(row.completion_tokens, MOST_NEW_TOKENS))
    ]
    if not fitting:
        raise StudioError("no row of this run fits the context window, so nothing can be verified.")
    return Asked([row for row, _ in fitting], [prompt for _, prompt in fitting])


@torch.no_grad()
def shown_by(model: PreTrainedModel, folder: ModelFolder, asked: Asked) -> Shown:
    """What the model of the folder's family makes of the rows."""
    decoder = family_in(folder.path).decoder(model, stop_ids_of(folder), MOST_NEW_TOKENS)
    answers = dict(decoder.answers(asked.prompts, 1))
    return Shown(
        [_logits(model, row) for row in asked.rows], [answers[number].ids for number in range(len(asked.prompts))]
    )


def _logits(model: Any, row: Encoded) -> Tensor:
    answer = row.completion_ids[:MOST_TOKENS]
    if model.config.is_encoder_decoder:
        source, target = (torch.tensor([ids], device=model.device) for ids in (row.prompt_ids, answer))
        found = model(input_ids=source, labels=target).logits[0]
    else:
        ids = row.prompt_ids + answer
        found = model(input_ids=torch.tensor([ids], device=model.device)).logits[0, row.prompt_tokens - 1 : -1]
    result: Tensor = found.float().cpu()
    return result


def verified(before: Shown, after: Shown, dtype: str, parameters: int) -> Verified:
    """Raises StudioError where the second is not the first up to the rounding of ``dtype``."""
    largest = max(float(one.abs().max()) for one in before.logits)
    pairs = list(zip(before.logits, after.logits, strict=True))
    difference = max(float((one - other).abs().max()) for one, other in pairs)
    equal = sum(one == other for one, other in zip(before.answers, after.answers, strict=True))
    found = Verified(
        dtype=dtype,
        rows=len(before.logits),
        tokens=sum(len(one) for one in before.logits),
        difference=difference,
        allowed=ALLOWED[dtype] * largest,
        equal_answers=equal,
        answers=len(before.answers),
        parameters=parameters,
    )
    is_near = difference <= found.allowed  # false for NaN too
    if not is_near or (dtype == "float32" and equal < found.answers):
        raise StudioError(
            f"the {dtype} model does not answer as the run does, and was removed: {found.words}.",
            "Use --dtype float32." if dtype != "float32" else "Is the base model the one that the run began on?",
        )
    return found
