"""A spec that cannot work fails when it is made, with the value and what to use instead."""

import json

import pytest

from studio.errors import AskedWrongly
from studio.runs.specs import CompareSpec, TrainSpec, spec_from


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("method=qlora", "method=qlora"),
        ("epochs=0", "epochs=0"),
        ("batch_size=0", "batch_size=0"),
        ("batch_size=many", "whole number"),
        ("learning_rate=5", "blow up"),
        ("lora_dropout=1", "lora_dropout=1"),
        ("overlong=cut", "overlong=cut"),
        ("labels=accept,reject", "rejected rows never train"),
        ("schedule=wsd --set decay_ratio=0", "never falls"),
        ("use_dora=true --set lora_start=pissa", "could not be saved"),
        ("lora_targets=", "names no layers"),
        ("lora_targets=all-linear,q_proj", "names no layers"),
        ("quantize=4bit --set method=full", "quantize=4bit holds weights that method=full changes"),
        ("quantize=8bit --set lora_start=olora", "quantize=8bit holds weights that lora_start=olora changes"),
        ("virtual_tokens=0", "virtual_tokens=0"),
        ("label_smoothing=1", "label_smoothing=1"),
        ("epoch=3", "no such setting"),
        ("epochs", "no such setting"),
        ("epochs=nan", "epochs=nan"),
    ],
)
def test_wrong_settings_say_what_was_set(setting: str, said: str) -> None:
    with pytest.raises(AskedWrongly, match=said):
        TrainSpec().replaced(setting.split(" --set "))


def test_settings_are_read_as_their_types() -> None:
    spec = TrainSpec().replaced(["epochs=3", "learning_rate=2e-4", "tasks=tickets, tone", "method=full"])
    assert (spec.epochs, spec.learning_rate, spec.tasks, spec.method) == (3.0, 2e-4, ("tickets", "tone"), "full")


@pytest.mark.parametrize("spec", [TrainSpec(tasks=("a",), where="task = 'a'"), CompareSpec(run_id="r", limit=5)])
def test_a_spec_survives_its_file(spec: TrainSpec | CompareSpec) -> None:
    assert spec_from(json.loads(spec.to_json())) == spec


def test_the_usual_learning_rate_depends_on_the_method() -> None:
    assert TrainSpec(method="lora").peak_learning_rate == 1e-3
    assert TrainSpec(method="full").peak_learning_rate == 5e-5
    assert TrainSpec(method="full", learning_rate=1e-4).peak_learning_rate == 1e-4


def test_every_field_has_its_sentence() -> None:
    for spec in (TrainSpec, CompareSpec):
        assert all(about.endswith(".") for about in spec.fields().values())


def test_a_tenth_more_than_an_epoch_of_a_hundred_steps_is_a_hundred_and_ten() -> None:
    """1.1 × 100 is a little more than 110 in binary; the plan said 111 steps and the run made 110."""
    spec = TrainSpec(epochs=1.1, batch_size=8)
    assert spec.steps_per_epoch(800) == 100 and spec.steps_of(800) == 110


@pytest.mark.parametrize(
    ("rows", "epochs", "steps"), [(0, 2, 0), (1, 0.1, 1), (8, 1, 1), (9, 1, 2), (9, 1.5, 3), (80, 2, 20)]
)
def test_part_of_an_epoch_is_rounded_up_to_a_step(rows: int, epochs: float, steps: int) -> None:
    assert TrainSpec(epochs=epochs, batch_size=8).steps_of(rows) == steps


def test_a_field_with_few_values_lists_them() -> None:
    assert TrainSpec.choices("method") == ("lora", "full", "ia3", "prompt_tuning")
    assert CompareSpec.choices("split") == ("test", "validation")
    assert TrainSpec.choices("epochs") == ()
    with pytest.raises(AskedWrongly, match="place=moon is not known"):
        TrainSpec(place="moon")


def test_the_tuned_arm_needs_a_run() -> None:
    with pytest.raises(AskedWrongly, match="needs a run"):
        CompareSpec(arms=("zero_shot", "tuned"))
