"""The Compare screen as data: which rows tuning fixed or broke, and the table of arms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from studio.reports.intervals import interval_bar
from studio.reports.numbers import NOTHING, latency, number, percent, score
from studio.reports.table import Cell, Table
from studio.scoring.metrics import SCORERS, token_f1
from studio.scoring.summary import (
    TUNED,
    ArmSummary,
    Comparison,
    HeldOutRow,
    Interval,
    Prediction,
    ScoredRows,
    Scores,
    has_one_answer,
    score_rows,
    summarize_scored,
)

CLEAR_DIFFERENCE = 0.1
BAR_WIDTH = 24
SCORER_NAMES = {"exact_match": "exact match", "token_f1": "token F1", "rouge_l": "ROUGE-L", "valid_json": "valid JSON"}

# Fate of a row between the best prompting arm and tuned -> (glyph, style name). The first four where there is one right
# answer, the next three where answers are only more or less like the reference, the last without a pair of arms.
CHANGES = {
    "fixed": ("✚", "good"),
    "broken": ("✖", "bad"),
    "both": ("✓", "dim"),
    "neither": ("·", "dim"),
    "closer": ("▲", "good"),
    "farther": ("▼", "bad"),
    "alike": ("≈", "dim"),
    "single": (" ", "dim"),
}


@dataclass(frozen=True)
class CompareRow:
    """One held-out row with every arm's answer.

    ``change`` is a key of ``CHANGES``. ``disagreement`` in 0..1 is half the difference of the two scores and half how
    little the two answers have in common; it sorts the rows worth reading to the top.
    """

    example_id: int
    task: str
    prompt: str
    reference: str
    answers: dict[str, str]
    scores: dict[str, Scores]
    change: str
    disagreement: float

    @property
    def glyph(self) -> str:
        return CHANGES[self.change][0]

    @property
    def style(self) -> str:
        return CHANGES[self.change][1]


@dataclass(frozen=True)
class CompareView:
    """``rows`` in the order of the test set; ``changes`` counts every kind of change that occurs."""

    comparison: Comparison
    rows: list[CompareRow]
    changes: dict[str, int]

    def by_disagreement(self) -> list[CompareRow]:
        """Most disagreeing first; equals keep their order."""
        return sorted(self.rows, key=lambda row: -row.disagreement)


def compare_view(rows: Iterable[HeldOutRow], predictions: Iterable[Prediction]) -> CompareView:
    """Score and summarise the rows that every arm answered. Takes seconds for thousands of rows: call it in a thread.

    rows: the frozen test rows. predictions: lines of predictions.jsonl, of a comparison that may still be running.
    """
    scored = score_rows(rows, predictions)
    comparison = summarize_scored(scored)
    pair = (comparison.baseline, TUNED) if comparison.baseline and TUNED in comparison.arms else None
    exact = {
        task: has_one_answer([row.completion for row in scored.rows if row.task == task]) for task in comparison.tasks
    }
    compared = [_compared_row(row, scored, pair, has_exact=exact[row.task]) for row in scored.rows]
    counts = {change: sum(row.change == change for row in compared) for change in CHANGES}
    return CompareView(comparison, compared, {change: count for change, count in counts.items() if count})


def _compared_row(row: HeldOutRow, scored: ScoredRows, pair: tuple[str, str] | None, *, has_exact: bool) -> CompareRow:
    answers = {arm: str(given[row.example_id]["text"]) for arm, given in scored.predictions.items()}
    scores = {arm: of[row.example_id] for arm, of in scored.scores.items()}
    change, disagreement = "single", 0.0
    if pair:
        scorer = "exact_match" if has_exact else "rouge_l"
        before, after = (float(scores[arm][scorer] or 0.0) for arm in pair)
        change = _change(before, after, has_exact=has_exact)
        apart = 1 - token_f1(answers[pair[0]], answers[pair[1]])
        disagreement = (abs(after - before) + apart) / 2
    return CompareRow(row.example_id, row.task, row.prompt, row.completion, answers, scores, change, disagreement)


def _change(before: float, after: float, *, has_exact: bool) -> str:
    if not has_exact:
        if abs(after - before) < CLEAR_DIFFERENCE:
            return "alike"
        return "closer" if after > before else "farther"
    if before == after:
        return "both" if after else "neither"
    return "fixed" if after > before else "broken"


def compare_table(
    comparison: Comparison, context_window: int | None = None, bar_width: int = BAR_WIDTH, width: int | None = None
) -> Table:
    """Arms as rows: the headline score with its interval drawn from 0 to 100, the other scores, latency, prompt tokens.

    ``context_window`` adds the column of the window's share. Where the table is wider than ``width`` cells it goes
    without other scores, then p95, the drawing and the share. An arm that another one equals or beats in headline
    score, latency and prompt tokens at once is dim.
    """
    arms = list(comparison.arms.values())
    others = [name for name in _applying(comparison) if name != comparison.headline_scorer]
    is_part = comparison.headline_tasks != comparison.tasks
    header = ["arm", "n", SCORER_NAMES[comparison.headline_scorer] + "*" * is_part, "", "95 %"]
    header += [*(SCORER_NAMES[name] for name in others), "latency p50", "p95", "prompt tokens", "of the window"]
    best = max((_headline(arm) for arm in arms), default=0.0)
    dominated = dominated_arms(arms, {arm.arm: arm.headline for arm in arms})
    rows = []
    for arm in arms:
        is_best = best > 0 and _headline(arm) == best
        style = "dim" if arm.arm in dominated else "good" if is_best else ""
        rows.append(_arm_row(arm, others, context_window, bar_width, style))
    notes = [f"* over {', '.join(comparison.headline_tasks)}; the other scores over all rows."] if is_part else []
    table = Table(header, rows, left=frozenset({0, 3}), notes=notes)
    bar, share, p95 = 3, len(header) - 1, len(header) - 3
    never_shown = [*([] if bar_width else [bar]), *([] if context_window else [share])]
    table = table.fitted(0, never_shown)
    if width is None:
        return table
    dispensable = [SCORER_NAMES[name] for name in reversed(others)] + [header[p95], header[bar], header[share]]
    return table.fitted(width, [table.header.index(name) for name in dispensable if name in table.header])


def dominated_arms(arms: Iterable[ArmSummary], scores: Mapping[str, Interval | None]) -> frozenset[str]:
    """Arms that another equals or beats in its score of ``scores``, p50 latency and prompt tokens, and beats in one.

    Only arms of which all three are known take part.
    """
    merits = {
        arm.arm: (interval.score, -arm.latency_p50_seconds, -arm.prompt_tokens_mean)
        for arm in arms
        if (interval := scores.get(arm.arm)) and arm.latency_p50_seconds and arm.prompt_tokens_mean
    }
    return frozenset(
        name
        for name, ours in merits.items()
        if any(
            theirs != ours and all(one >= other for one, other in zip(theirs, ours, strict=True))
            for theirs in merits.values()
        )
    )


def task_table(comparison: Comparison) -> Table:
    """Per task, one row per arm with every scorer that applies: score and 95 % interval."""
    names = _applying(comparison)
    rows: list[list[Cell]] = []
    for task in comparison.tasks:
        for index, arm in enumerate(comparison.arms.values()):
            intervals = arm.by_task[task]
            n = intervals["token_f1"].n
            first = [Cell(task or NOTHING), Cell(number(n), "dim")] if index == 0 else [Cell(""), Cell("")]
            cells = [
                Cell(f"{score(one.score)} ({_range(one.low, one.high)})" if (one := intervals.get(name)) else NOTHING)
                for name in names
            ]
            rows.append([*first, Cell(arm.arm), *cells])
    return Table(["task", "n", "arm", *(SCORER_NAMES[name] for name in names)], rows, left=frozenset({0, 2}))


def _arm_row(
    arm: ArmSummary, others: Sequence[str], context_window: int | None, bar_width: int, style: str
) -> list[Cell]:
    shown = arm.headline
    low, high, value = (shown.low, shown.high, shown.score) if shown else (None, None, None)
    texts = [arm.arm, number(shown.n if shown else 0), score(value)]
    mean = arm.prompt_tokens_mean
    texts += [interval_bar(value, low, high, bar_width), _range(low, high)]
    texts += [score(arm.scores[name].score if name in arm.scores else None) for name in others]
    texts += [latency(arm.latency_p50_seconds), latency(arm.latency_p95_seconds), number(mean)]
    texts.append(percent(mean / context_window, digits=1) if context_window and mean is not None else NOTHING)
    return [Cell(text, style) for text in texts]


def _applying(comparison: Comparison) -> list[str]:
    return [name for name in SCORERS if any(name in arm.scores for arm in comparison.arms.values())]


def _headline(arm: ArmSummary) -> float:
    return arm.headline.score if arm.headline else 0.0


def _range(low: float | None, high: float | None) -> str:
    return NOTHING if low is None or high is None else f"{score(low)}–{score(high)}"
