"""``--set``, ``--config``, the form and ``spec.json`` are one schema: what one writes every other reads back alike."""

from __future__ import annotations

import csv
import json
import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.errors import AskedWrongly
from studio.runs.settings import Spec
from studio.runs.specs import CompareSpec, TrainSpec, spec_from
from studio.tui.dialogs.form import fields_of, with_others
from studio.tui.dialogs.new_run import BASIC

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=12)
SHARES = st.floats(0, 0.5, exclude_max=True)
NUMBERS = st.floats(0, 1e6, allow_nan=False)
COUNTS = st.integers(0, 10_000)
AT_LEAST_ONE = st.integers(8, 10_000)


def _values(name: str) -> st.SearchStrategy[Any]:
    """Values of one setting of a train run, all of them allowed."""
    default: Any = TrainSpec.__dataclass_fields__[name].default
    if choices := TrainSpec.choices(name):
        return st.sampled_from(choices)
    if name in SPECIAL:
        return SPECIAL[name]
    if isinstance(default, bool):
        return st.booleans()
    if isinstance(default, tuple):
        return st.lists(WORDS, max_size=3).map(tuple)
    if isinstance(default, str):
        return WORDS
    if isinstance(default, int):
        return AT_LEAST_ONE if default >= 1 else COUNTS
    return SHARES if default < 1 and name not in ("learning_rate", "weight_decay", "neftune_alpha") else NUMBERS


SPECIAL: dict[str, st.SearchStrategy[Any]] = {
    "learning_rate": SHARES,
    "epochs": st.floats(0.01, 1e4),
    "labels": st.lists(st.sampled_from(["accept", "none", "unsure"]), max_size=3).map(tuple),
    "decay_ratio": st.floats(0.01, 0.5),
    "mixture": st.sampled_from(["proportional", "equal", "temperature:2.5"]),
    "task_weights": st.just(()),
}
SPECS = st.fixed_dictionaries({name: _values(name) for name in TrainSpec.settings()})


def _spec(values: dict[str, Any]) -> TrainSpec | None:
    try:
        return TrainSpec(**values)
    except AskedWrongly:  # a combination that is refused is somebody else's test
        return None


def as_toml(spec: Spec) -> str:
    """TOML's basic strings are JSON's, but for what stands outside the strategies here."""
    values = {name: getattr(spec, name) for name in spec.settings()}
    return "\n".join(f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in values.items())


@settings(deadline=None)  # a look at a busy machine's clock is no fault
@given(SPECS)
def test_what_is_typed_written_and_read_is_one_spec(values: dict[str, Any]) -> None:
    spec = _spec(values)
    if spec is None:
        return
    typed = [f"{name}={text}" for name, text in spec.typed().items()]
    assert TrainSpec().replaced(typed) == spec, "--set and the form"
    assert TrainSpec.from_dict(tomllib.loads(as_toml(spec))) == spec, "--config"
    assert spec_from(json.loads(spec.to_json())) == spec, "spec.json"
    plain, fields = with_others(spec, fields_of(spec, BASIC, values={}, notes={}))
    entered = [setting for field in fields for setting in field.settings(field.value)]
    assert plain.replaced(entered) == spec, "the form with its few lines"


def test_most_specs_that_are_tried_are_allowed() -> None:
    """The test above would pass on nothing but refusals."""
    assert _spec({name: TrainSpec.__dataclass_fields__[name].default for name in TrainSpec.settings()}) == TrainSpec()


@pytest.mark.parametrize(
    ("typed", "items"),
    [
        ("tickets, tone", ("tickets", "tone")),
        ('"yes, no",tone', ("yes, no", "tone")),
        ("", ()),
        (" , ", ()),
        ('"say ""no"""', ('say "no"',)),
    ],
)
def test_a_task_may_have_a_comma_in_its_name(typed: str, items: tuple[str, ...]) -> None:
    spec = TrainSpec().replaced([f"tasks={typed}"])
    assert spec.tasks == items
    assert TrainSpec().replaced([f"tasks={spec.typed()['tasks']}"]) == spec


def test_weights_of_tasks_with_any_name_survive() -> None:
    spec = TrainSpec(mixture="weights", task_weights=("yes, no=2", "a=b=0.5"))
    typed = [f"{name}={text}" for name, text in spec.typed().items()]
    assert TrainSpec().replaced(typed) == spec


def test_a_learning_rate_keeps_its_digits() -> None:
    """It was typed with six digits: a new run begun from an old one's settings had another learning rate."""
    spec = TrainSpec(learning_rate=1.2345678e-4)
    assert TrainSpec().replaced([f"learning_rate={spec.typed()['learning_rate']}"]) == spec
    assert TrainSpec(learning_rate=2e-4).typed()["learning_rate"] == "0.0002"


@pytest.mark.parametrize("text", ["arms = 3", "batch_size = 2.5", "nothing = 1", "tasks = [1]", "lora_rank = true"])
def test_toml_of_wrong_types_is_refused_by_the_setting_s_name(text: str) -> None:
    values = tomllib.loads(text)
    (name,) = values
    with pytest.raises(AskedWrongly, match=name):
        (CompareSpec if name == "arms" else TrainSpec).from_dict(values)


@pytest.mark.parametrize("text", ["a\rb", "a\nb"])
def test_a_list_that_no_line_can_hold_is_refused_in_words(text: str) -> None:
    with pytest.raises(AskedWrongly, match="a list on one line is needed"):
        TrainSpec().replaced([f"tasks={text}"])


def test_a_list_too_long_to_read_is_refused_also_where_a_csv_file_was_read_before() -> None:
    before = csv.field_size_limit(8_000_000)
    try:
        with pytest.raises(AskedWrongly, match="a list of at most 100,000 characters is needed"):
            TrainSpec().replaced([f"tasks={'x' * 200_000}"])
    finally:
        csv.field_size_limit(before)
