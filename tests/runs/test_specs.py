"""A spec that cannot work fails when it is made, with the value and what to use instead."""

import pytest

from studio.errors import AskedWrongly
from studio.runs.specs import CompareSpec, TrainSpec, shots_of, spec_from_json


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
        ("epoch=3", "no such setting"),
        ("epochs", "no such setting"),
        ("epochs=nan", "epochs=nan"),
    ],
)
def test_wrong_settings_say_what_was_set(setting: str, said: str) -> None:
    with pytest.raises(AskedWrongly, match=said):
        TrainSpec().replaced([setting])


def test_settings_are_read_as_their_types() -> None:
    spec = TrainSpec().replaced(["epochs=3", "learning_rate=2e-4", "tasks=tickets, tone", "method=full"])
    assert (spec.epochs, spec.learning_rate, spec.tasks, spec.method) == (3.0, 2e-4, ("tickets", "tone"), "full")


@pytest.mark.parametrize("spec", [TrainSpec(tasks=("a",), where="task = 'a'"), CompareSpec(run_id="r", limit=5)])
def test_a_spec_survives_its_file(spec: TrainSpec | CompareSpec) -> None:
    assert spec_from_json(spec.to_json()) == spec


def test_the_usual_learning_rate_depends_on_the_method() -> None:
    assert TrainSpec(method="lora").peak_learning_rate == 1e-3
    assert TrainSpec(method="full").peak_learning_rate == 5e-5
    assert TrainSpec(method="full", learning_rate=1e-4).peak_learning_rate == 1e-4


def test_every_field_has_its_sentence() -> None:
    for spec in (TrainSpec, CompareSpec):
        assert all(about.endswith(".") for about in spec.fields().values())


def test_arms() -> None:
    assert [shots_of(arm) for arm in ("zero_shot", "one_shot", "few_shot:5", "tuned")] == [0, 1, 5, 0]
    for wrong in ("few_shot", "few_shot:0", "few_shot:x", "rag:3"):
        with pytest.raises(AskedWrongly, match="unknown arm"):
            shots_of(wrong)


def test_the_tuned_arm_needs_a_run() -> None:
    with pytest.raises(AskedWrongly, match="needs a run"):
        CompareSpec(arms=("zero_shot", "tuned"))
