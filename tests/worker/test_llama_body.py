"""A model that is not quite a Llama keeps transformers' own modelling; one that is has it packed."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from studio.worker.families.causal import FAMILY, learner_of
from studio.worker.families.causal_bodies import PackedBody

SMALL = {
    "vocab_size": 60,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "initializer_range": 0.2,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
ROPE_OF_LENGTH = {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10000.0}


@pytest.mark.parametrize(
    ("kind", "more", "is_packed"),
    [
        ("llama", {}, True),
        ("qwen2", {}, True),  # has biases
        ("mistral", {"sliding_window": None}, True),
        ("mistral", {"sliding_window": 8}, False),
        ("llama", {"hidden_act": "gelu"}, False),
        ("llama", {"rope_parameters": ROPE_OF_LENGTH}, False),
        ("granite", {"residual_multiplier": 0.5}, False),  # the same parts, put together otherwise
        ("qwen3", {}, False),  # normalises queries and keys
        ("gemma", {}, False),
    ],
)
def test_only_what_computes_as_a_llama_is_packed(kind: str, more: dict[str, Any], is_packed: bool) -> None:
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **{**SMALL, **more}))
    assert isinstance(learner_of(model).body, PackedBody) is is_packed
    assert bool(FAMILY.siblings(model)) is is_packed
