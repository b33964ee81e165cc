"""What the answers of a comparison show: every arm's scores on the same rows, and the verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from studio.scoring.comparison import ArmSummary, Comparison, Confusion, tuned_among
from studio.scoring.contrasts import RowScores, contrasts_of, joined, task_contrasts
from studio.scoring.effort import FEWEST_FOR_P95, effort_of
from studio.scoring.intervals import Interval, interval_of, intervals_over
from studio.scoring.primary import primary_scorers
from studio.scoring.scored_rows import HeldOutRow, Prediction, ScoredRows
from studio.scoring.scorers import SCORERS
from studio.scoring.scorers.closed_set import MACRO_F1, confusion_table
from studio.scoring.scorers.json_fields import JSON_FIELDS, right_fields
from studio.scoring.scorers.scorer import Scorer
from studio.scoring.sources import groups_of
from studio.scoring.verdict import Facts, forgetting_verdict, verdict_of

MOST_FIELDS = 50
MOST_FAULTS_KEPT = 20


def summarize_scored(
    scored: ScoredRows,
    tuned: Collection[str] | None = None,
    named: Mapping[str, str] | None = None,
    faults: Mapping[str, Sequence[str]] | None = None,
    *,
    is_forgetting: bool = False,
) -> Comparison:
    """Scores with intervals, per arm and per task, and the verdict.

    tuned: the arms that fine-tuned weights answered; None goes by their names. named: the scorer that decides, by task;
    see ``primary_scorers``. faults: what own scorers failed on, in words. is_forgetting: the rows are of what was not
    learned, and the verdict says what was lost.
    """
    tuned_arms = tuple(arm for arm in scored.arms if arm in (tuned_among(scored.arms) if tuned is None else tuned))
    tasks = _rows_by_task(scored.rows)
    primary = primary_scorers(scored.rows, named or {}, scored.scorers)
    groups = dict(zip((row.example_id for row in scored.rows), groups_of(scored.rows), strict=False))
    values = {task: _row_scores(scored, of, primary[task], groups) for task, of in tasks.items()}
    values = {task: of for task, of in values.items() if of.rows}
    scorer = _headline_scorer({task: of.scorer for task, of in values.items()}, tasks)
    headline = {task: of for task, of in values.items() if of.scorer is scorer}
    best_tuned = _best_arm(tuned_arms, headline)
    other_arms = [arm for arm in scored.arms if arm not in tuned_arms]
    baseline = _best_arm(other_arms, headline)
    over_all = intervals_over(scored, scored.rows, scored.scorers)
    by_task = {task: intervals_over(scored, of, scored.scorers) for task, of in tasks.items()}
    arms = {
        arm: _summarize_arm(
            arm,
            scored,
            _headline_interval(headline.values(), arm, scorer),
            over_all[arm],
            {task: of[arm] for task, of in by_task.items()},
        )
        for arm in scored.arms
    }
    facts = Facts(
        scorer=scorer,
        by_task=headline,
        others={task: of for task, of in values.items() if task not in headline},
        baseline=baseline,
        tuned=best_tuned,
        tuned_arms=tuned_arms,
        other_arms=other_arms,
        cut={arm: (summary.cut, summary.n) for arm, summary in arms.items()},
        left_out={arm: count - scored.unanswered for arm, count in scored.left_out.items()},
        unanswered=scored.unanswered,
        is_unscored=bool(scored.rows) and not values,
        sources=len(set(groups.values())),
        effort={arm: summary.effort for arm, summary in arms.items()},
    )
    of_tasks = task_contrasts(values, tuned_arms, other_arms)
    return Comparison(
        arms=arms,
        rows=len(scored.rows),
        left_out=scored.asked - len(scored.rows),
        tasks=tuple(tasks),
        headline_scorer=scorer.name,
        headline_tasks=tuple(headline),
        baseline=baseline,
        verdict=forgetting_verdict(values, of_tasks) if is_forgetting else verdict_of(facts),
        is_forgetting=is_forgetting,
        tuned=best_tuned,
        tuned_arms=tuned_arms,
        primary={task: of.name for task, of in primary.items()},
        named=tuple(task for task in tasks if named and (task in named or "*" in named)),
        signatures=_signatures(scored),
        contrasts=contrasts_of(joined(headline.values()), tuned_arms, other_arms, baseline or best_tuned)
        if headline
        else (),
        task_contrasts=of_tasks,
        sources=len(set(groups.values())),
        own_scorers={scorer.name: scorer.about for scorer in scored.scorers if scorer not in SCORERS},
        faults={name: tuple(of[:MOST_FAULTS_KEPT]) for name, of in (faults or {}).items()},
    )


def _rows_by_task(rows: Sequence[HeldOutRow]) -> dict[str, list[HeldOutRow]]:
    tasks: dict[str, list[HeldOutRow]] = {}
    for row in rows:
        tasks.setdefault(row.task, []).append(row)
    return tasks


def _headline_scorer(primary: Mapping[str, Scorer], tasks: Mapping[str, Sequence[HeldOutRow]]) -> Scorer:
    """That of the most rows, of those that say yes or no if there are any; exact match where there is no row."""
    binary = {task: scorer for task, scorer in primary.items() if scorer.is_binary} or dict(primary)
    rows = Counter[str]()
    for task, scorer in binary.items():
        rows[scorer.name] += len(tasks[task])
    most = rows.most_common(1)[0][0] if rows else SCORERS[0].name
    return next((scorer for scorer in binary.values() if scorer.name == most), SCORERS[0])


def _row_scores(scored: ScoredRows, rows: Sequence[HeldOutRow], scorer: Scorer, groups: Mapping[int, int]) -> RowScores:
    """Every arm's scores of ``rows`` in their order, without the rows of which an arm has none."""
    kept = [row for row in rows if all(of[row.example_id][scorer.name] is not None for of in scored.scores.values())]
    values = {arm: [float(of[row.example_id][scorer.name] or 0.0) for row in kept] for arm, of in scored.scores.items()}
    return RowScores(scorer, values, [groups[row.example_id] for row in kept] if groups else [])


def _best_arm(arms: Iterable[str], headline: Mapping[str, RowScores]) -> str:
    """The one of the highest headline score, empty for none; of equals the first, which is the cheaper prompt."""
    totals = {arm: sum(sum(of.values[arm]) for of in headline.values()) for arm in arms}
    return max(totals, key=lambda arm: totals[arm], default="")


def _headline_interval(headline: Iterable[RowScores], arm: str, scorer: Scorer) -> Interval | None:
    values = [value for of in headline for value in of.values[arm]]
    groups = [group for of in headline for group in of.groups]
    return interval_of(values, is_binary=scorer.is_binary, groups=groups) if values else None


def _summarize_arm(
    arm: str,
    scored: ScoredRows,
    headline: Interval | None,
    scores: dict[str, Interval],
    by_task: dict[str, dict[str, Interval]],
) -> ArmSummary:
    given = scored.predictions[arm].values()
    latencies = [float(taken) for prediction in given if (taken := prediction["latency_seconds"]) is not None]
    prompt_tokens = [int(prediction["prompt_tokens"]) for prediction in given]
    return ArmSummary(
        arm=arm,
        n=len(scored.rows),
        headline=headline,
        scores=scores,
        by_task=by_task,
        latency_p50_seconds=float(np.median(latencies)) if latencies else None,
        latency_p95_seconds=float(np.quantile(latencies, 0.95)) if len(latencies) >= FEWEST_FOR_P95 else None,
        latency_max_seconds=max(latencies) if len(latencies) >= 2 else None,
        latency_n=len(latencies),
        prompt_tokens_mean=float(np.mean(prompt_tokens)) if prompt_tokens else None,
        prompt_tokens_max=max(prompt_tokens, default=None),
        left_out=scored.left_out[arm],
        cut=sum(bool(prediction["is_cut"]) for prediction in given),
        stop_reasons=dict(Counter(map(stop_reason, given)).most_common()),
        errors=dict(Counter(map(failure, scored.errors[arm])).most_common()),
        confusion=_confusion(arm, scored),
        fields=_fields(arm, scored),
        effort=effort_of(given),
    )


def stop_reason(prediction: Prediction) -> str:
    """Why an answer ended: ``stop`` by itself, ``length`` at the limit, or what the comparer says."""
    return str(prediction.get("stop_reason") or ("length" if prediction["is_cut"] else "stop"))


def failure(prediction: Prediction) -> str:
    """Why there is no answer, in the comparer's words: the message of its ``error``."""
    error = prediction["error"]
    return str(error.get("message", error) if isinstance(error, Mapping) else error)


def _confusion(arm: str, scored: ScoredRows) -> dict[str, Confusion]:
    found = {}
    for task, rows in _rows_by_task(scored.rows).items():
        if labels := scored.settings[task].get(MACRO_F1.name):
            counts = [scored.answers[arm][row.example_id].counts[MACRO_F1.name] for row in rows]
            table = confusion_table(np.sum(counts, axis=0), labels)
            found[task] = Confusion(labels, tuple(tuple(int(cell) for cell in row) for row in table))
    return found


def _fields(arm: str, scored: ScoredRows) -> dict[str, dict[str, Interval]]:
    """Per task and field, the share of rows whose answer has it right, of the rows whose reference has the field."""
    found = {}
    for task, rows in _rows_by_task(scored.rows).items():
        right: dict[str, list[float]] = {}
        for row in rows:
            if JSON_FIELDS.applies(row.completion):
                text = str(scored.predictions[arm][row.example_id]["text"])
                for name, is_right in right_fields(text, row.completion).items():
                    right.setdefault(name, []).append(float(is_right))
        if 0 < len(right) <= MOST_FIELDS:  # keys that are data themselves are no fields
            found[task] = {name: interval_of(values, is_binary=True) for name, values in right.items()}
    return found


def _signatures(scored: ScoredRows) -> dict[str, dict[str, str]]:
    found = {
        task: {
            scorer.name: signature
            for scorer in scored.scorers
            if scorer.pooled and scorer.name in settings
            if (signature := scorer.pooled.signature(settings[scorer.name]))
        }
        for task, settings in scored.settings.items()
    }
    return {task: of for task, of in found.items() if of}
