"""The arms of a comparison as rows: each score with its interval drawn to scale, what it costs in time and tokens."""

from __future__ import annotations

from collections.abc import Sequence

from studio.reports.intervals import interval_bar
from studio.reports.words import NOTHING, fit, latency, number, percent, score
from studio.scoring.summary import ArmSummary, Interval
from studio.tui.widgets.lines import Line

SCORER_NAMES = {"exact_match": "exact match", "token_f1": "token F1", "rouge_l": "ROUGE-L", "valid_json": "valid JSON"}
SHORT_SCORER_NAMES = {"exact_match": "exact", "token_f1": "F1", "rouge_l": "ROUGE-L", "valid_json": "JSON"}

ARM_WIDTH = 14
SCORE_WIDTH = 6
MIN_BAR, MAX_BAR = 7, 19
WIDE_COST = (("p50", 8), ("p95", 8), ("prompt tok", 11), ("of window", 10))
NARROW_COST = (("p50", 7), ("prompt", 7))


def arm_lines(
    arms: Sequence[ArmSummary], scorers: Sequence[str], headline: str, task: str, context_window: int | None, width: int
) -> list[Line]:
    """A heading and one line an arm, in ``width`` cells. ``task`` is empty for all tasks together.

    A dominated arm (another scores no worse, and is no slower and no longer, and better in one) is dim.
    """
    arm_width = ARM_WIDTH if width >= 100 else 11
    cost = WIDE_COST if width >= 110 else NARROW_COST
    left = width - arm_width - sum(cells for _, cells in cost)
    each = left // max(1, len(scorers))
    bar = min(MAX_BAR, each - SCORE_WIDTH - 1)
    if bar < MIN_BAR:
        bar = 0
    column = min(each, SCORE_WIDTH + 1 + bar) if bar else SCORE_WIDTH + 2
    scores = {arm.arm: scores_of(arm, task) for arm in arms}
    lines = [_heading(scores, scorers, column, arm_width, cost)]
    dominated = dominated_arms(arms, scores, headline)
    for arm in arms:
        line: Line = [(fit(arm.arm.replace("_", " "), arm_width), "dim" if arm.arm in dominated else "title")]
        best = _best(scores, headline)
        for scorer in scorers:
            style = "good" if scorer == headline and arm.arm == best else "dim" if arm.arm in dominated else ""
            line.append((_score_cell(scores[arm.arm].get(scorer), bar, column), style))
        line.extend(_cost_cells(arm, cost, context_window, "dim" if arm.arm in dominated else ""))
        lines.append(line)
    return lines


def scores_of(arm: ArmSummary, task: str) -> dict[str, Interval]:
    """The arm's intervals by scorer, over all tasks or over one."""
    return arm.by_task.get(task, {}) if task else arm.scores


def dominated_arms(
    arms: Sequence[ArmSummary], scores: dict[str, dict[str, Interval]], headline: str
) -> frozenset[str]:
    """Arms that another beats or equals in the headline score, p50 latency and prompt tokens, and beats in one."""

    def merits(arm: ArmSummary) -> tuple[float, float, float] | None:
        interval = scores[arm.arm].get(headline)
        if interval is None or arm.latency_p50_seconds is None or arm.prompt_tokens_mean is None:
            return None
        return interval.score, -arm.latency_p50_seconds, -arm.prompt_tokens_mean

    known = {arm.arm: merit for arm in arms if (merit := merits(arm)) is not None}
    return frozenset(
        name
        for name, merit in known.items()
        if any(
            other != merit and all(theirs >= ours for theirs, ours in zip(other, merit, strict=True))
            for other in known.values()
        )
    )


def _heading(
    scores: dict[str, dict[str, Interval]],
    scorers: Sequence[str],
    column: int,
    arm_width: int,
    cost: tuple[tuple[str, int], ...],
) -> Line:
    line: Line = [(fit("arm", arm_width), "dim")]
    for scorer in scorers:
        counts = {arm[scorer].n for arm in scores.values() if scorer in arm}
        n = f" n {number(max(counts))}" if counts else ""
        name = SCORER_NAMES[scorer] if len(SCORER_NAMES[scorer] + n) < column - 1 else SHORT_SCORER_NAMES[scorer]
        line.append((fit(f" {name}{n}", column), "dim"))
    line.extend((fit(name, cells, "right"), "dim") for name, cells in cost)
    return line


def _score_cell(interval: Interval | None, bar: int, column: int) -> str:
    if interval is None:
        return fit(fit(NOTHING, SCORE_WIDTH - 1, "right"), column)
    text = fit(score(interval.score), SCORE_WIDTH - 1, "right") + " "
    if bar:
        text += interval_bar(interval.score, interval.low, interval.high, bar)
    return fit(text, column)


def _cost_cells(arm: ArmSummary, cost: tuple[tuple[str, int], ...], context_window: int | None, style: str) -> Line:
    tokens = arm.prompt_tokens_mean
    share = percent(tokens / context_window, 1) if context_window and tokens is not None else NOTHING
    texts = {
        "p50": latency(arm.latency_p50_seconds),
        "p95": latency(arm.latency_p95_seconds),
        "prompt tok": number(arm.prompt_tokens_mean),
        "prompt": number(arm.prompt_tokens_mean),
        "of window": share,
    }
    return [(fit(texts[name], cells, "right"), style) for name, cells in cost]


def _best(scores: dict[str, dict[str, Interval]], headline: str) -> str:
    measured = {arm: intervals[headline].score for arm, intervals in scores.items() if headline in intervals}
    return max(measured, key=lambda arm: measured[arm], default="")
