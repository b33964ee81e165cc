"""``--config``, ``--set`` and ``spec.json`` are one schema: what one says, the others read as the same."""

from __future__ import annotations

import json
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.errors import AskedWrongly
from studio.runs.specs import OVERLONG_POLICIES, SCHEDULES, TrainSpec

SPECS = st.builds(
    TrainSpec,
    method=st.sampled_from(TrainSpec.choices("method")),
    epochs=st.floats(0.25, 8, width=16),
    batch_size=st.integers(1, 64),
    learning_rate=st.sampled_from([0.0, 1e-5, 2e-4, 0.01]),
    schedule=st.sampled_from(SCHEDULES),
    max_length=st.integers(8, 4096),
    max_target_length=st.integers(0, 512),
    overlong=st.sampled_from([one for one in OVERLONG_POLICIES if one != "split"]),  # which goes with one objective
    tasks=st.sampled_from([(), ("tickets",), ("tickets", "tone")]),
)


def as_toml(spec: TrainSpec) -> str:
    """Every setting as a person writes it in TOML: numbers bare, texts in quotes, lists of words in brackets."""
    values = {name: getattr(spec, name) for name in TrainSpec.settings()}
    # JSON's numbers, texts, lists and truth values are TOML's too.
    return "\n".join(f"{name} = {json.dumps(value)}" for name, value in values.items())


@given(SPECS)
def test_a_config_file_and_set_say_the_same(spec: TrainSpec) -> None:
    assert TrainSpec.from_dict(tomllib.loads(as_toml(spec))) == spec
    assert TrainSpec().replaced([f"{name}={text}" for name, text in spec.typed().items()]) == spec


def test_a_target_budget_below_nothing_is_refused() -> None:
    with pytest.raises(AskedWrongly, match="max_target_length=-1"):
        TrainSpec(max_target_length=-1)
