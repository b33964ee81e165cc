"""What a comparison found: scores of every arm on the same rows, and a verdict that claims no more than they show."""

from __future__ import annotations

import sys
import types
import typing
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from studio.scoring.scored_rows import HeldOutRow, Prediction, ScoredRows, Scores, score_rows
from studio.scoring.scorers import SCORERS
from studio.scoring.scorers.exact_match import EXACT_MATCH
from studio.scoring.scorers.rouge_l import ROUGE_L
from studio.scoring.scorers.scorer import Scorer
from studio.scoring.statistics import bootstrap_mean, wilson
from studio.scoring.text_rules import parse_json, words_parted_at_punctuation
from studio.scoring.verdict import Facts, verdict_of

TUNED = "tuned"
SHORT_ANSWER_WORDS = 8
EXACT_TASK_SHARE = 0.8
FEWEST_FOR_P95 = 20


@dataclass(frozen=True)
class Interval:
    """A mean score over ``n`` rows with its 95 % interval ``low`` to ``high``, all in 0..1; see ``interval_of``."""

    score: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class ArmSummary:
    """One arm on the rows that every arm answered.

    ``headline`` is the headline score of the comparison, over its tasks; None without rows. ``scores`` are over all
    rows that a scorer applies to, ``by_task`` the same per task. ``left_out`` counts the rows this arm has no answer
    to, ``cut`` the scored answers that were cut at the length limit. Prompt tokens are None where nothing was answered.

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


@dataclass(frozen=True)
class Comparison:
    """All arms on one set of rows. ``rows`` counts the rows scored, ``left_out`` those that some arm did not answer.

    The headline scorer is exact_match over ``headline_tasks``, the tasks with one right answer; where there is no
    such task it is rouge_l over all tasks. ``tuned_arms`` are the arms that fine-tuned weights answered, ``tuned`` the
    best of them by it and ``baseline`` the best of all others, both empty for none. ``dtype`` is the number format in
    which all arms answered, empty where an older comparison did not say: it changes answers.
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
        known = {field.name for field in fields(cls)} - {"arms"}  # a newer studio may say more
        rest = {name: value for name, value in facts.items() if name in known}
        if "tuned_arms" not in rest:  # there could be one only
            rest["tuned_arms"] = tuned_among(facts["arms"])
            rest["tuned"] = next(iter(rest["tuned_arms"]), "")
        for name in ("tasks", "headline_tasks", "tuned_arms"):
            rest[name] = tuple(rest[name])
        made = cls(arms={arm: _arm_from(value) for arm, value in facts["arms"].items()}, **rest)
        if not _fits(made, cls):
            raise TypeError("a score is not of the type that it must have")
        if made.headline_scorer not in {scorer.name for scorer in SCORERS}:
            raise KeyError(made.headline_scorer)
        if any(arm.by_task.keys() != set(made.tasks) for arm in made.arms.values()):
            raise KeyError("an arm is not scored in the tasks that there are")
        return made


def has_one_answer(references: Sequence[str]) -> bool:
    """Whether exact_match is a fair judge: most references are JSON or no longer than a few words."""

    def is_fair(text: str) -> bool:
        return parse_json(text) is not None or len(words_parted_at_punctuation(text)) <= SHORT_ANSWER_WORDS

    return sum(map(is_fair, references)) >= EXACT_TASK_SHARE * len(references)


def tuned_among(arms: Iterable[str]) -> tuple[str, ...]:
    """The arms that fine-tuned weights answer, by how they are written: ``tuned``, ``tuned:RUN:STEP``."""
    return tuple(arm for arm in arms if arm.startswith(TUNED))


def summarize(
    rows: Iterable[HeldOutRow], predictions: Iterable[Prediction], tuned: Collection[str] | None = None
) -> Comparison:
    """Scores with intervals, per arm and per task, and the verdict.

    predictions: lines of predictions.jsonl. tuned: the arms that fine-tuned weights answered; None goes by their names.
    """
    return summarize_scored(score_rows(rows, predictions), tuned)


def summarize_scored(scored: ScoredRows, tuned: Collection[str] | None = None) -> Comparison:
    """As ``summarize``, for rows that are scored already."""
    tuned_arms = tuple(arm for arm in scored.arms if arm in (tuned_among(scored.arms) if tuned is None else tuned))
    tasks = _rows_by_task(scored.rows)
    exact = tuple(task for task, members in tasks.items() if has_one_answer([row.completion for row in members]))
    scorer, headline_tasks = (EXACT_MATCH, exact) if exact else (ROUGE_L, tuple(tasks))
    headline = {task: _values(scored, tasks[task], scorer) for task in headline_tasks}
    best_tuned = _best_arm(tuned_arms, headline)
    baseline = _best_arm([arm for arm in scored.arms if arm not in tuned_arms], headline)
    arms = {
        arm: _summarize_arm(arm, scored, tasks, [value for of in headline.values() for value in of[arm]], scorer)
        for arm in scored.arms
    }
    facts = Facts(
        scorer=scorer,
        by_task=headline,
        free_text={task: _values(scored, tasks[task], ROUGE_L) for task in tasks if task not in headline},
        baseline=baseline,
        tuned=best_tuned,
        tuned_arms=len(tuned_arms),
        other_arms=len(arms) - len(tuned_arms),
        cut={arm: (summary.cut, summary.n) for arm, summary in arms.items()},
        left_out={arm: count - scored.unanswered for arm, count in scored.left_out.items()},
        unanswered=scored.unanswered,
    )
    return Comparison(
        arms=arms,
        rows=len(scored.rows),
        left_out=scored.asked - len(scored.rows),
        tasks=tuple(tasks),
        headline_scorer=scorer.name,
        headline_tasks=headline_tasks,
        baseline=baseline,
        verdict=verdict_of(facts),
        tuned=best_tuned,
        tuned_arms=tuned_arms,
    )


def _rows_by_task(rows: Sequence[HeldOutRow]) -> dict[str, list[HeldOutRow]]:
    tasks: dict[str, list[HeldOutRow]] = {}
    for row in rows:
        tasks.setdefault(row.task, []).append(row)
    return tasks


def _values(scored: ScoredRows, rows: Sequence[HeldOutRow], scorer: Scorer) -> dict[str, list[float]]:
    """Per arm, the scores of ``rows`` in their order; for scorers that apply to every row."""
    return {arm: [float(of[row.example_id][scorer.name] or 0.0) for row in rows] for arm, of in scored.scores.items()}


def _best_arm(arms: Iterable[str], headline: Mapping[str, Mapping[str, Sequence[float]]]) -> str:
    """The one of the highest headline score, empty for none; of equals the first, which is the cheaper prompt."""
    totals = {arm: sum(sum(values[arm]) for values in headline.values()) for arm in arms}
    return max(totals, key=lambda arm: totals[arm], default="")


def _summarize_arm(
    arm: str,
    scored: ScoredRows,
    tasks: Mapping[str, Sequence[HeldOutRow]],
    headline_values: Sequence[float],
    headline_scorer: Scorer,
) -> ArmSummary:
    given = scored.predictions[arm].values()
    latencies = [float(taken) for prediction in given if (taken := prediction["latency_seconds"]) is not None]
    prompt_tokens = [int(prediction["prompt_tokens"]) for prediction in given]
    return ArmSummary(
        arm=arm,
        n=len(scored.rows),
        headline=interval_of(headline_values, is_binary=headline_scorer.is_binary) if headline_values else None,
        scores=_intervals(scored.scores[arm], scored.rows),
        by_task={task: _intervals(scored.scores[arm], rows) for task, rows in tasks.items()},
        latency_p50_seconds=float(np.median(latencies)) if latencies else None,
        latency_p95_seconds=float(np.quantile(latencies, 0.95)) if len(latencies) >= FEWEST_FOR_P95 else None,
        latency_max_seconds=max(latencies) if len(latencies) >= 2 else None,
        latency_n=len(latencies),
        prompt_tokens_mean=float(np.mean(prompt_tokens)) if prompt_tokens else None,
        prompt_tokens_max=max(prompt_tokens, default=None),
        left_out=scored.left_out[arm],
        cut=sum(bool(prediction["is_cut"]) for prediction in given),
    )


def _intervals(scores: Mapping[int, Scores], rows: Sequence[HeldOutRow]) -> dict[str, Interval]:
    """An interval per scorer, in the order of SCORERS, without those that apply to no row."""
    intervals = {}
    for scorer in SCORERS:
        values = [value for row in rows if (value := scores[row.example_id][scorer.name]) is not None]
        if values:
            intervals[scorer.name] = interval_of(values, is_binary=scorer.is_binary)
    return intervals


def interval_of(values: Sequence[float], *, is_binary: bool) -> Interval:
    """Mean and 95 % interval of scores in 0..1, of which there is at least one.

    Scores that are 0 or 1 take Wilson's interval, all others a seeded percentile bootstrap of the mean. Where all rows
    score the same, a bootstrap would claim certainty: the interval is then Wilson's for that mean, which is never too
    narrow, since of all scores in 0..1 with one mean those of 0 and 1 vary the most. One row that scores neither 0 nor
    1 says nothing: 0 to 1.
    """
    n, mean = len(values), float(np.mean(values))
    if is_binary or mean in (0.0, 1.0) or (n > 1 and min(values) == max(values)):
        low, high = wilson(sum(values), n)
    elif n == 1:
        low, high = 0.0, 1.0
    else:
        low, high = bootstrap_mean(values)
    return Interval(mean, low, high, n)


def _arm_from(facts: Mapping[str, Any]) -> ArmSummary:
    known = {field.name for field in fields(ArmSummary)} - {"headline", "scores"}
    rest = {name: value for name, value in facts.items() if name in known}
    if rest["latency_n"] < FEWEST_FOR_P95:  # an older studio interpolated it between too few rows
        rest["latency_p95_seconds"] = None
    return ArmSummary(
        headline=Interval(**facts["headline"]) if facts["headline"] else None,
        scores=_intervals_from(facts["scores"]),
        by_task={task: _intervals_from(scores) for task, scores in facts["tasks"].items()},
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
