"""How surprising the right answers are to a model, behind the very prompts that it is asked."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import PreTrainedModel

from studio.runs.directory import FrozenRow
from studio.tokens.encoding import encode_pairs, pair_of
from studio.tokens.tokenizer import ModelFolder


def reference_ids(folder: ModelFolder, rows: Sequence[FrozenRow]) -> list[list[int]]:
    """Per row the ids of its completion, end of turn included: what training would learn of it."""
    return [row.ids[row.prompt_tokens :] for row in encode_pairs(folder, list(map(pair_of, rows)))]


@torch.inference_mode()
def reference_loss(model: PreTrainedModel, prompt: Sequence[int], reference: Sequence[int]) -> float:
    """Mean nats a token of ``reference`` behind ``prompt``, both token ids; teacher forcing, one row, no padding."""
    device = model.device
    if model.config.is_encoder_decoder:
        inputs = torch.tensor([list(prompt)], device=device)
        labels = torch.tensor([list(reference)], device=device)
    else:
        inputs = torch.tensor([[*prompt, *reference]], device=device)
        labels = torch.tensor([[*([-100] * len(prompt)), *reference]], device=device)
    return float(model(input_ids=inputs, labels=labels).loss)
