"""What a run is asked to do, written down before it starts.

Wrong combinations fail when the spec is made, with the value and the next step, not an hour into the run.
Each field's sentence is what ``studio train --settings`` and the new-run form show.
"""

from __future__ import annotations

import dataclasses
import json
import math
import typing
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from studio.errors import AskedWrongly, StudioError
from studio.files import JsonObject, in_short, read_json_object, why_not, write_whole
from studio.runs import arms, methods
from studio.runs.arms import arm_from
from studio.runs.arms.arm import Arm
from studio.runs.directory import RunDirectory
from studio.runs.methods import METHODS, Method, method_named
from studio.runs.places import PLACES

DTYPES = ("auto", "float32", "bfloat16", "float16")
OVERLONG_POLICIES = ("refuse", "drop", "truncate_prompt", "truncate_completion")
SCHEDULES = ("cosine", "linear", "constant")


def _about(sentence: str, choices: tuple[str, ...] = (), **default: Any) -> Any:
    """A field with its sentence; ``choices`` are all the values it can have, empty where it is free."""
    return field(metadata={"about": sentence, "choices": choices}, **default)


def _filled_in(sentence: str, **default: Any) -> Any:
    """A field that the start of a run fills in, whatever a person says."""
    return field(metadata={"about": sentence, "is_filled_in": True}, **default)


@dataclass(frozen=True)
class Spec:
    """Common to every kind of run; ``write_spec`` and ``read_spec`` are the ``spec.json`` format.

    Raises AskedWrongly when made with values that do not go together.
    """

    kind: ClassVar[str]

    base_model: str = _about("Base model: a cached name, a local folder or a Hugging Face id.", default="")
    model_path: str = _filled_in("Folder of the base model.", default="")
    is_trusted: bool = _filled_in(
        "Pickle weights and the model's own code may be used; set by trusted_models.", default=False
    )
    place: str = _about(
        f"Where its process lives: {', '.join(f'{place.name} ({place.about})' for place in PLACES)}.",
        choices=tuple(place.name for place in PLACES),
        default=PLACES[0].name,
    )

    def __post_init__(self) -> None:
        for name in self.fields():
            if choices := self.choices(name):
                _one_of(name, getattr(self, name), choices)

    def to_json(self) -> str:
        return json.dumps({"kind": self.kind, **dataclasses.asdict(self)}, indent=2, ensure_ascii=False)

    @classmethod
    def fields(cls) -> dict[str, str]:
        """Field name → its one-sentence meaning, in order."""
        return {f.name: f.metadata["about"] for f in dataclasses.fields(cls)}

    @classmethod
    def choices(cls, name: str) -> tuple[str, ...]:
        """All values that the field ``name`` can have; empty where it is free."""
        metadata = next(f.metadata for f in dataclasses.fields(cls) if f.name == name)
        return tuple(metadata.get("choices", ()))

    @classmethod
    def settings(cls) -> dict[str, tuple[str, str]]:
        """Name → (default as it is typed, sentence) of the fields that a person sets, in order."""
        return {f.name: (_typed(f.default), f.metadata["about"]) for f in _settable(cls)}

    def replaced(self, settings: list[str]) -> Self:
        """A copy with each ``key=value`` applied. Raises AskedWrongly for an unknown key or an unreadable value."""
        changes = dict(self._parsed(setting) for setting in settings)
        return dataclasses.replace(self, **changes)

    def typed(self) -> dict[str, str]:
        """Name → value as ``--set`` takes it, of the fields that a person sets."""
        return {f.name: _typed(getattr(self, f.name)) for f in _settable(type(self))}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        known = {f.name for f in dataclasses.fields(cls)}
        for name in values:
            if name not in known:
                raise AskedWrongly(f"unknown setting {in_short(name)!r}.", f"Known: {', '.join(sorted(known))}.")
        hints = typing.get_type_hints(cls)
        return cls(**{name: _coerced(name, value, hints[name]) for name, value in values.items()})

    @classmethod
    def _parsed(cls, setting: str) -> tuple[str, Any]:
        name, equals, text = setting.partition("=")
        name = name.strip()
        hints = typing.get_type_hints(cls)
        known = {f.name for f in _settable(cls)}
        if not equals or name not in known:
            raise AskedWrongly(f"--set {setting}: no such setting.", f"Known: {', '.join(sorted(known))}.")
        return name, _coerced(name, text.strip(), hints[name])


@dataclass(frozen=True)
class TrainSpec(Spec):
    """One fine-tune: which base model, how, on what, until when."""

    kind: ClassVar[str] = "train"

    method: str = _about(
        f"{methods.described()}.", choices=tuple(method.name for method in METHODS), default=METHODS[0].name
    )
    epochs: float = _about("Passes over the training rows.", default=2.0)
    batch_size: int = _about("Examples per optimizer step.", default=8)
    micro_batch_size: int = _about(
        "Examples per forward pass; the gradient is that of the whole batch whatever this is. 0 chooses.", default=0
    )
    learning_rate: float = _about("Peak learning rate; 0 takes the method's usual one.", default=0.0)
    schedule: str = _about("Learning rate after the warm-up.", choices=SCHEDULES, default="cosine")
    warmup_ratio: float = _about("Share of the steps in which the learning rate rises from 0.", default=0.03)
    weight_decay: float = _about("AdamW weight decay.", default=0.0)
    max_grad_norm: float = _about("Gradients are scaled down to this norm; 0 leaves them.", default=1.0)
    lora_rank: int = _about("Rank r of the adapter's matrices.", default=16)
    lora_alpha: int = _about("Adapter scale; updates are multiplied by alpha / r.", default=32)
    lora_dropout: float = _about("Dropout before the adapter, 0 to 1.", default=0.0)
    max_length: int = _about("Tokens a training row may have, template included.", default=512)
    max_target_length: int = _about(
        "Encoder-decoder models: tokens a completion may have, while max_length is the prompt's; 0 is as many.",
        default=0,
    )
    overlong: str = _about(
        "Rows over max_length: refuse the run, drop them, truncate_prompt or truncate_completion.",
        choices=OVERLONG_POLICIES,
        default="refuse",
    )
    seed: int = _about("Seed of the shuffling, the adapter's start and dropout.", default=0)
    dtype: str = _about(
        "auto measures float32 and bfloat16 on this machine and takes the faster.", choices=DTYPES, default="auto"
    )
    eval_every: int = _about("Steps between evaluations on the validation split; 0 is four times an epoch.", default=0)
    save_every: int = _about("Steps between checkpoints; 0 follows eval_every.", default=0)
    patience: int = _about("Stop after this many evaluations without improvement; 0 never stops early.", default=0)
    tasks: tuple[str, ...] = _about("Only these tasks; empty takes all.", default=())
    where: str = _about("Only rows for which this SQL condition holds; empty takes all.", default="")
    labels: tuple[str, ...] = _about(
        "Only rows with these labels; rejected rows never train.", default=("accept", "none")
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        _at_least("batch_size", self.batch_size, 1)
        _at_least("lora_rank", self.lora_rank, 1)
        _at_least("max_length", self.max_length, 8)
        for name in (
            "micro_batch_size",
            "max_target_length",
            "learning_rate",
            "weight_decay",
            "max_grad_norm",
            "eval_every",
            "save_every",
            "patience",
        ):
            _at_least(name, getattr(self, name), 0)
        if not 0 < self.epochs < math.inf:
            what = "nothing would be learned" if self.epochs <= 0 else "there would be no end"
            raise AskedWrongly(f"epochs={self.epochs}: {what}.", "Use a number above 0.")
        if not 0 <= self.warmup_ratio < 1:
            raise AskedWrongly(f"warmup_ratio={self.warmup_ratio} is not a share.", "Use 0 up to, not including, 1.")
        if not 0 <= self.lora_dropout < 1:
            raise AskedWrongly(f"lora_dropout={self.lora_dropout} is not a share.", "Use 0 up to, not including, 1.")
        if self.learning_rate > 1:
            raise AskedWrongly(
                f"learning_rate={self.learning_rate:g} would blow up any model.",
                f"Usual: {methods.usual_learning_rates()}.",
            )
        if "reject" in self.labels:
            raise AskedWrongly(
                "labels has 'reject': rejected rows never train.", "Clear the label of the rows you want."
            )

    @property
    def how(self) -> Method:
        """What is known of its method."""
        return method_named(self.method)

    @property
    def peak_learning_rate(self) -> float:
        return self.learning_rate or self.how.usual_learning_rate

    def refusal(
        self, rows: int, overlong_ids: Sequence[int], dropped_rows: int, budget: str = ""
    ) -> StudioError | None:
        """Why a run on these rows may not start, or None: the plan before a run and the run itself ask here.

        ``rows`` counts all that are chosen, ``overlong_ids`` names those over max_length, ``dropped_rows`` counts those
        that the policy would leave out; ``budget`` is what they are over, in words.
        """
        budget = budget or f"max_length={self.max_length}"
        if not rows:
            nothing = "no row would be trained: none is in the train split"
            if self.tasks or self.where:
                return StudioError(f"{nothing} for these tasks and this filter.", "Widen tasks or where.")
            return StudioError(f"{nothing}.", "Assign the splits first: studio split, or S on Data.")
        if overlong_ids and self.overlong == "refuse":
            some = ", ".join(map(str, overlong_ids[:5])) + (", …" if len(overlong_ids) > 5 else "")
            return StudioError(
                f"{len(overlong_ids)} of {rows} rows are over {budget}: examples {some}.",
                "Raise max_length, or say what becomes of them: overlong=drop, truncate_prompt or truncate_completion.",
            )
        if dropped_rows == rows:
            return StudioError(
                f"overlong={self.overlong} would drop all {rows} rows at {budget}.",
                "Raise max_length.",
            )
        return None

    def steps_per_epoch(self, rows: int) -> int:
        """Optimizer steps of one pass over ``rows``; the last batch may be smaller."""
        return math.ceil(rows / self.batch_size)

    def steps_of(self, rows: int) -> int:
        """Optimizer steps of the whole run over ``rows``, at least one; part of an epoch is rounded up to a step.

        Rounded before that to six digits: 1.1 × 100 is 110.00000000000001 in binary and would be 111 steps.
        """
        return max(1, math.ceil(round(self.epochs * self.steps_per_epoch(rows), 6))) if rows else 0


@dataclass(frozen=True)
class CompareSpec(Spec):
    """One comparison: the same held-out rows answered by every arm."""

    kind: ClassVar[str] = "compare"

    run_id: str = _about("The train run whose adapter or model is the tuned arm; empty for none.", default="")
    tuned_path: str = _filled_in("Folder of that adapter or model.", default="")
    tuned_method: str = _filled_in("The method of that run.", default="")
    arms: tuple[str, ...] = _about(f"{arms.usage()}.", default=("zero_shot", "one_shot", "few_shot:5", "tuned"))
    split: str = _about("Rows of this split are answered.", choices=("test", "validation"), default="test")
    tasks: tuple[str, ...] = _about("Only these tasks; empty takes all.", default=())
    limit: int = _about("At most this many rows, evenly over the tasks; 0 takes all.", default=0)
    max_new_tokens: int = _about(
        "An answer is cut after this many tokens; 0 takes 1.5 × the longest reference.", default=0
    )
    batch_size: int = _about("Prompts answered together.", default=16)
    latency_rows: int = _about(
        "Rows that each arm answers one at a time, to measure its latency; 0 measures none.", default=4
    )
    seed: int = _about("Seed of the choice of shots.", default=0)
    dtype: str = _about(
        "auto measures float32 and bfloat16 on this machine and takes the faster.", choices=DTYPES, default="auto"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        _at_least("batch_size", self.batch_size, 1)
        _at_least("limit", self.limit, 0)
        _at_least("latency_rows", self.latency_rows, 0)
        _at_least("max_new_tokens", self.max_new_tokens, 0)
        if not self.arms:
            raise AskedWrongly("arms is empty.", "For example: zero_shot,few_shot:5,tuned")
        if len(set(self.arms)) != len(self.arms):
            raise AskedWrongly(f"arms={','.join(self.arms)} names one twice.")
        for arm in self.parsed_arms:
            if arm.is_tuned and not self.run_id:
                raise AskedWrongly(
                    f"the arm {arm.text!r} needs a run.", "Add --run RUN (studio runs lists them), or leave it out."
                )

    @property
    def parsed_arms(self) -> list[Arm]:
        """``arms`` in their order. Raises AskedWrongly for an unknown one."""
        return [arm_from(text) for text in self.arms]


SPECS: dict[str, type[Spec]] = {spec.kind: spec for spec in (TrainSpec, CompareSpec)}


def write_spec(directory: RunDirectory, spec: Spec) -> None:
    """Write ``spec.json``: from here on the directory is a run. Everything it reads must be there already."""
    write_whole(directory.spec_path, spec.to_json())


def read_spec(directory: RunDirectory) -> Spec:
    """The run's spec. Raises StudioError where the file cannot be read or is damaged, AskedWrongly for a bad value."""
    try:
        return spec_from(read_json_object(directory.spec_path))
    except FileNotFoundError as error:
        raise StudioError(f"{directory.spec_path}: cannot be read: {why_not(error)}.") from error
    except AskedWrongly as error:
        raise AskedWrongly(f"spec.json cannot be used: {error.message}", error.hint) from error


def spec_from(values: JsonObject) -> Spec:
    """The spec that a ``spec.json`` holds. Raises AskedWrongly when it is none."""
    kind = values.pop("kind", None)
    if not isinstance(kind, str) or kind not in SPECS:
        raise AskedWrongly(f"it has kind={in_short(kind)}.", f"Known: {', '.join(SPECS)}. A newer studio may know it.")
    return SPECS[kind].from_dict(values)


def _settable(kind: type[Spec]) -> list[dataclasses.Field[Any]]:
    return [f for f in dataclasses.fields(kind) if "is_filled_in" not in f.metadata]


def _typed(value: Any) -> str:
    """A value as ``--set`` takes it."""
    if isinstance(value, tuple):
        return ",".join(value)
    if isinstance(value, float):
        short = f"{value:g}"
        return short if float(short) == value else repr(value)
    return str(value)


def _coerced(name: str, value: Any, wanted: Any) -> Any:
    """``value`` as the field's type; text is read, so that command line, TOML and JSON share one path."""
    if typing.get_origin(wanted) is tuple:
        items = value.split(",") if isinstance(value, str) else value
        if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
            raise AskedWrongly(f"{name}={in_short(value)}: a list of words is needed.")
        return tuple(item.strip() for item in items if item.strip())
    if wanted is bool:
        if value in (True, "true", "yes", "1"):
            return True
        if value in (False, "false", "no", "0"):
            return False
        raise AskedWrongly(f"{name}={in_short(value)}: true or false is needed.")
    try:
        if wanted is int and isinstance(value, float) and not value.is_integer():
            raise ValueError
        if not isinstance(value, str | int | float):
            raise TypeError
        return wanted(value)
    except (TypeError, ValueError, OverflowError):
        word = {"int": "a whole number", "float": "a number", "str": "text"}[wanted.__name__]
        raise AskedWrongly(f"{name}={in_short(value)}: {word} is needed.") from None


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise AskedWrongly(f"{name}={in_short(value)} is not known.", f"Choose one of: {', '.join(allowed)}.")


def _at_least(name: str, value: float, least: float) -> None:
    if not value >= least:
        raise AskedWrongly(f"{name}={value} is too small.", f"Use at least {least}.")
