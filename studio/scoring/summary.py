"""What a comparison found: scores of every arm on the same rows, and a verdict that claims no more than they show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import numpy as np

from studio.scoring.metrics import SCORERS, parse_json, score_pair, words_of
from studio.scoring.statistics import bootstrap_mean, wilson
from studio.scoring.verdict import Facts, verdict_of

TUNED = "tuned"
SHORT_ANSWER_WORDS = 8
EXACT_TASK_SHARE = 0.8

Prediction = Mapping[str, Any]
Scores = Mapping[str, float | None]


class HeldOutRow(Protocol):
    """A held-out row; ``completion`` is the reference. ``runs.directory.FrozenRow`` is one."""

    @property
    def example_id(self) -> int: ...
    @property
    def task(self) -> str: ...
    @property
    def prompt(self) -> str: ...
    @property
    def completion(self) -> str: ...


@dataclass(frozen=True)
class Interval:
    """A mean score in 0..1 over ``n`` rows with its 95 % interval: Wilson for 0/1 scores, else a seeded bootstrap."""

    score: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class ArmSummary:
    """One arm on the rows that every arm answered.

    ``headline`` is the headline score of the comparison, over its tasks; None without rows. ``scores`` are over all
    rows that a scorer applies to, ``by_task`` the same per task. ``left_out`` counts the rows this arm has no answer
    to, ``cut`` the scored answers that were cut at the length limit. Latency is over the ``latency_n`` rows that were
    answered one at a time, None without any; prompt tokens are None where nothing was answered.
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


@dataclass(frozen=True)
class Comparison:
    """All arms on one set of rows. ``rows`` counts the rows scored, ``left_out`` those that some arm did not answer.

    The headline scorer is exact_match over ``headline_tasks``, the tasks with one right answer; where there is no
    such task it is rouge_l over all tasks. ``baseline`` is the best prompting arm by it, empty for none.
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

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, in the words of ``scores.json`` and ``compare --json``."""
        facts = asdict(self)
        for arm in facts["arms"].values():
            arm["tasks"] = arm.pop("by_task")
        return facts

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> Comparison:
        """The comparison that ``to_dict`` wrote. Raises KeyError or TypeError for anything else."""
        rest = {name: value for name, value in facts.items() if name != "arms"}
        for name in ("tasks", "headline_tasks"):
            rest[name] = tuple(rest[name])
        return cls(arms={arm: _arm_from(value) for arm, value in facts["arms"].items()}, **rest)


@dataclass(frozen=True)
class ScoredRows:
    """The rows that every arm answered, with each arm's prediction and scores by example_id.

    ``asked`` counts the rows before any was left out, ``unanswered`` those without an answer of any arm, and
    ``left_out`` per arm those without one of its own.
    """

    rows: Sequence[HeldOutRow]
    predictions: Mapping[str, Mapping[int, Prediction]]
    scores: Mapping[str, Mapping[int, Scores]] = field(repr=False)
    left_out: Mapping[str, int]
    asked: int
    unanswered: int

    @property
    def arms(self) -> list[str]:
        return list(self.predictions)


def score_rows(rows: Iterable[HeldOutRow], predictions: Iterable[Prediction]) -> ScoredRows:
    """Score every prediction of a row that all arms answered; a later prediction of the same row and arm counts.

    A row that one arm could not answer (its prompt does not fit the window, the run was stopped) is left out of all
    arms, so that every arm is judged on the same rows. Arms keep the order in which they first appear.
    """
    asked = {row.example_id: row for row in rows}
    answers: dict[str, dict[int, Prediction]] = {}
    for prediction in predictions:
        if prediction["example_id"] in asked:
            answers.setdefault(str(prediction["arm"]), {})[prediction["example_id"]] = prediction
    shared = [row for row in asked.values() if answers and all(row.example_id in given for given in answers.values())]
    kept = {arm: {row.example_id: given[row.example_id] for row in shared} for arm, given in answers.items()}
    scores = {
        arm: {row.example_id: score_pair(str(given[row.example_id]["text"]), row.completion) for row in shared}
        for arm, given in kept.items()
    }
    left_out = {arm: len(asked) - len(given) for arm, given in answers.items()}
    unanswered = len(asked.keys() - {example_id for given in answers.values() for example_id in given})
    return ScoredRows(shared, kept, scores, left_out, len(asked), unanswered)


def has_one_answer(references: Sequence[str]) -> bool:
    """Whether exact_match is a fair judge: most references are JSON or no longer than a few words."""
    fair = sum(parse_json(text) is not None or len(words_of(text)) <= SHORT_ANSWER_WORDS for text in references)
    return fair >= EXACT_TASK_SHARE * len(references)


def summarize(rows: Iterable[HeldOutRow], predictions: Iterable[Prediction]) -> Comparison:
    """Scores with intervals, per arm and per task, and the verdict. ``predictions`` are lines of predictions.jsonl."""
    return summarize_scored(score_rows(rows, predictions))


def summarize_scored(scored: ScoredRows) -> Comparison:
    """As ``summarize``, for rows that are scored already."""
    tasks = _rows_by_task(scored.rows)
    exact = tuple(task for task, members in tasks.items() if has_one_answer([row.completion for row in members]))
    scorer, headline_tasks = ("exact_match", exact) if exact else ("rouge_l", tuple(tasks))
    headline = {task: _values(scored, tasks[task], scorer) for task in headline_tasks}
    baseline = _best_prompting_arm(scored.arms, headline)
    arms = {arm: _summarize_arm(arm, scored, tasks, headline) for arm in scored.arms}
    facts = Facts(
        scorer=scorer,
        by_task=headline,
        free_text={task: _values(scored, tasks[task], "rouge_l") for task in tasks if task not in headline},
        baseline=baseline,
        tuned=TUNED if TUNED in arms else "",
        prompting_arms=sum(arm != TUNED for arm in arms),
        cut={arm: (summary.cut, summary.n) for arm, summary in arms.items()},
        left_out={arm: count - scored.unanswered for arm, count in scored.left_out.items()},
        unanswered=scored.unanswered,
    )
    return Comparison(
        arms=arms,
        rows=len(scored.rows),
        left_out=scored.asked - len(scored.rows),
        tasks=tuple(tasks),
        headline_scorer=scorer,
        headline_tasks=headline_tasks,
        baseline=baseline,
        verdict=verdict_of(facts),
    )


def _rows_by_task(rows: Sequence[HeldOutRow]) -> dict[str, list[HeldOutRow]]:
    tasks: dict[str, list[HeldOutRow]] = {}
    for row in rows:
        tasks.setdefault(row.task, []).append(row)
    return tasks


def _values(scored: ScoredRows, rows: Sequence[HeldOutRow], scorer: str) -> dict[str, list[float]]:
    """Per arm, the scores of ``rows`` in their order; for scorers that apply to every row."""
    return {arm: [float(of[row.example_id][scorer] or 0.0) for row in rows] for arm, of in scored.scores.items()}


def _best_prompting_arm(arms: Sequence[str], headline: Mapping[str, Mapping[str, Sequence[float]]]) -> str:
    """The arm without tuning of the highest headline score; of equals the first, which is the cheaper prompt."""
    totals = {arm: sum(sum(values[arm]) for values in headline.values()) for arm in arms if arm != TUNED}
    return max(totals, key=lambda arm: totals[arm], default="")


def _summarize_arm(
    arm: str,
    scored: ScoredRows,
    tasks: Mapping[str, Sequence[HeldOutRow]],
    headline: Mapping[str, Mapping[str, list[float]]],
) -> ArmSummary:
    headline_values = [value for values in headline.values() for value in values[arm]]
    given = scored.predictions[arm].values()
    latencies = [float(taken) for prediction in given if (taken := prediction["latency_seconds"]) is not None]
    prompt_tokens = [int(prediction["prompt_tokens"]) for prediction in given]
    p50, p95 = np.quantile(latencies, (0.5, 0.95)).tolist() if latencies else (None, None)
    return ArmSummary(
        arm=arm,
        n=len(scored.rows),
        headline=interval_of(headline_values) if headline_values else None,
        scores=_intervals(scored.scores[arm], scored.rows),
        by_task={task: _intervals(scored.scores[arm], rows) for task, rows in tasks.items()},
        latency_p50_seconds=p50,
        latency_p95_seconds=p95,
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
        values = [value for row in rows if (value := scores[row.example_id][scorer]) is not None]
        if values:
            intervals[scorer] = interval_of(values)
    return intervals


def interval_of(values: Sequence[float]) -> Interval:
    """Mean and 95 % interval of scores in 0..1, of which there is at least one.

    Scores that are all 0 or 1 take Wilson, which stays wide where every row is right; there a bootstrap claims
    certainty.
    """
    n, mean = len(values), float(np.mean(values))
    if set(values) <= {0.0, 1.0}:
        low, high = wilson(round(sum(values)), n)
    elif n == 1:
        low, high = 0.0, 1.0
    else:
        low, high = bootstrap_mean(values)
    return Interval(mean, low, high, n)


def _arm_from(facts: Mapping[str, Any]) -> ArmSummary:
    rest = {name: value for name, value in facts.items() if name not in ("headline", "scores", "tasks")}
    return ArmSummary(
        headline=Interval(**facts["headline"]) if facts["headline"] else None,
        scores=_intervals_from(facts["scores"]),
        by_task={task: _intervals_from(scores) for task, scores in facts["tasks"].items()},
        **rest,
    )


def _intervals_from(facts: Mapping[str, Mapping[str, Any]]) -> dict[str, Interval]:
    return {scorer: Interval(**interval) for scorer, interval in facts.items()}
