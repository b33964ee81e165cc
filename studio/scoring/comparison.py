"""What a comparison found, as it is kept in ``scores.json`` and shown: scores of every arm on the same rows."""

from __future__ import annotations

import sys
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Any

from studio.scoring.contrasts import Contrast
from studio.scoring.effort import FEWEST_FOR_P95, Effort, Spread
from studio.scoring.intervals import Interval
from studio.scoring.scorers import SCORERS
from studio.scoring.scorers.rouge_l import ROUGE_L
from studio.scoring.scorers.scorer import Scorer

TUNED = "tuned"


@dataclass(frozen=True)
class Confusion:
    """Which label was right and which was given, in a task whose answers are a closed set.

    ``counts``: a row per right label, in it a count per given label and at its end one for all other answers.
    """

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class ArmSummary:
    """One arm on the rows that every arm answered.

    ``headline`` is the headline score of the comparison, over its tasks; None without rows. ``scores`` are over all
    rows that a scorer applies to, ``by_task`` the same per task. ``left_out`` counts the rows this arm has no answer
    to, of which ``errors`` counts those that failed, by reason; ``cut`` the scored answers that were cut at the length
    limit, ``stop_reasons`` why each of them ended. Prompt tokens are None where nothing was answered. ``confusion`` is
    by task, ``fields`` by task and by the field of JSON answers: the share of rows that have it right. ``effort``: what
    the answers took, with intervals, and their cost.

    Latency, in seconds, is over the ``latency_n`` rows that were answered one at a time: the median (None without a
    row), the largest (None under 2 rows, and in a comparison made before it was kept), and the 95th percentile,
    interpolated between the two nearest rows. Under ``FEWEST_FOR_P95`` rows the largest is beyond it, so it is None.
    """

    arm: str
    n: int
    headline: Interval | None
    scores: dict[str, Interval]
    by_task: dict[str, dict[str, Interval]]
    latency_p50_seconds: float | None
    latency_p95_seconds: float | None
    latency_n: int
    prompt_tokens_mean: float | None
    prompt_tokens_max: int | None
    left_out: int
    cut: int
    latency_max_seconds: float | None = None
    stop_reasons: dict[str, int] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)
    confusion: dict[str, Confusion] = field(default_factory=dict)
    fields: dict[str, dict[str, Interval]] = field(default_factory=dict)
    effort: Effort = field(default_factory=Effort)


@dataclass(frozen=True)
class Comparison:
    """All arms on one set of rows. ``rows`` counts the rows scored, ``left_out`` those that some arm did not answer.

    ``primary`` names the scorer that decides each task, ``named`` the tasks whose scorer a person named; the others go
    by rule (``scoring.primary``). The headline scorer is that of ``headline_tasks``. ``tuned_arms`` are the arms that
    fine-tuned weights answered, ``tuned`` the best of them by it and ``baseline`` the best of all others, empty for
    none. ``dtype`` is the number format in which all arms answered, empty where an older comparison did not say: it
    changes answers. ``signatures`` say, by task and scorer, by which rules it was counted, where there are several.
    ``contrasts`` are every tuned arm against every other by the headline scorer, ``task_contrasts`` by
    what decides each task. ``is_forgetting``: the rows are of what tuning did not teach. ``sources`` counts what rows
    share, over which intervals and tests are then; 0 where they share nothing.
    ``own_scorers`` are the project's own, by name with their sentence; ``faults`` the first answers that one failed on.
    """

    arms: dict[str, ArmSummary]
    rows: int
    left_out: int
    tasks: tuple[str, ...]
    headline_scorer: str
    headline_tasks: tuple[str, ...]
    baseline: str
    verdict: str
    dtype: str = ""
    tuned: str = ""
    tuned_arms: tuple[str, ...] = ()
    primary: dict[str, str] = field(default_factory=dict)
    named: tuple[str, ...] = ()
    signatures: dict[str, dict[str, str]] = field(default_factory=dict)
    contrasts: tuple[Contrast, ...] = ()
    task_contrasts: dict[str, tuple[Contrast, ...]] = field(default_factory=dict)
    is_forgetting: bool = False
    sources: int = 0
    own_scorers: dict[str, str] = field(default_factory=dict)
    faults: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def scorers(self) -> tuple[Scorer, ...]:
        """All that it may have scores of; the project's own, which are functions of its folder, are names here."""
        own = (
            Scorer(name=name, title=name, about=about, is_binary=False, score=None)
            for name, about in self.own_scorers.items()
        )
        return (*SCORERS, *own)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, in the words of ``scores.json`` and ``compare --json``."""
        facts = asdict(self)
        for arm in facts["arms"].values():
            arm["tasks"] = arm.pop("by_task")
        return facts

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> Comparison:
        """The comparison that ``to_dict`` wrote, also an older studio's.

        Raises KeyError, TypeError, ValueError or AttributeError for facts that are none.
        """
        rest = {name: value for name, value in facts.items() if name in _names_of(cls) and name != "arms"}
        if "tuned_arms" not in rest:  # there could be one only
            rest["tuned_arms"] = tuned_among(facts["arms"])
            rest["tuned"] = next(iter(rest["tuned_arms"]), "")
        if "primary" not in rest:  # there was one rule
            exact, scorer = facts["headline_tasks"], facts["headline_scorer"]
            rest["primary"] = {task: scorer if task in exact else ROUGE_L.name for task in facts["tasks"]}
        for name in ("tasks", "headline_tasks", "tuned_arms", "named"):
            rest[name] = tuple(rest.get(name, ()))
        rest["contrasts"] = tuple(Contrast(**of) for of in facts.get("contrasts", ()))
        of_tasks = facts.get("task_contrasts", {})
        rest["task_contrasts"] = {task: tuple(Contrast(**one) for one in of) for task, of in of_tasks.items()}
        rest["faults"] = {name: tuple(of) for name, of in facts.get("faults", {}).items()}
        made = cls(arms={arm: _arm_from(value) for arm, value in facts["arms"].items()}, **rest)
        if not _fits(made, cls):
            raise TypeError("a score is not of the type that it must have")
        if made.headline_scorer not in {scorer.name for scorer in made.scorers}:
            raise KeyError(made.headline_scorer)
        if any(arm.by_task.keys() != set(made.tasks) for arm in made.arms.values()):
            raise KeyError("an arm is not scored in the tasks that there are")
        return made


def tuned_among(arms: Iterable[str]) -> tuple[str, ...]:
    """The arms that fine-tuned weights answer, by how they are written: ``tuned``, ``tuned:RUN:STEP``."""
    return tuple(arm for arm in arms if arm.startswith(TUNED))


def _names_of(of: type[ArmSummary | Comparison]) -> set[str]:
    """What this studio knows; a newer one may have written more."""
    return {one.name for one in fields(of)}


def _arm_from(facts: Mapping[str, Any]) -> ArmSummary:
    apart = {"headline", "scores", "confusion", "fields", "effort"}
    rest = {name: value for name, value in facts.items() if name in _names_of(ArmSummary) - apart}
    if rest["latency_n"] < FEWEST_FOR_P95:  # an older studio interpolated it between too few rows
        rest["latency_p95_seconds"] = None
    return ArmSummary(
        headline=Interval(**facts["headline"]) if facts["headline"] else None,
        scores=_intervals_from(facts["scores"]),
        by_task={task: _intervals_from(scores) for task, scores in facts["tasks"].items()},
        confusion={task: _confusion_from(of) for task, of in facts.get("confusion", {}).items()},
        fields={task: _intervals_from(of) for task, of in facts.get("fields", {}).items()},
        effort=Effort(**{name: Spread(**of) if of else None for name, of in facts.get("effort", {}).items()}),
        **rest,
    )


def _fits(value: Any, hint: Any) -> bool:
    """Whether ``value``, read from JSON, is of the type ``hint``, through and through. A number is never NaN."""
    parts = typing.get_args(hint)
    if isinstance(hint, types.UnionType):
        return any(_fits(value, part) for part in parts)
    if isinstance(hint, type) and is_dataclass(hint):
        hints = typing.get_type_hints(hint)
        return isinstance(value, hint) and all(_fits(getattr(value, name), of) for name, of in hints.items())
    if typing.get_origin(hint) is dict:
        return isinstance(value, dict) and all(_fits(each, parts[1]) for each in value.values())
    if typing.get_origin(hint) is tuple:
        return all(_fits(each, parts[0]) for each in value)
    if hint is float:
        return type(value) in (int, float) and abs(value) <= sys.float_info.max
    return type(value) is hint


def _intervals_from(facts: Mapping[str, Mapping[str, Any]]) -> dict[str, Interval]:
    return {scorer: Interval(**interval) for scorer, interval in facts.items()}


def _confusion_from(facts: Mapping[str, Any]) -> Confusion:
    return Confusion(tuple(facts["labels"]), tuple(tuple(row) for row in facts["counts"]))
