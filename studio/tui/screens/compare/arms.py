"""The arms of a comparison as rows: each score with its interval drawn to scale, what it costs in time and tokens."""

from __future__ import annotations

from collections.abc import Sequence

from studio.reports.cells import fit
from studio.reports.compare import dominated_arms
from studio.reports.intervals import IntervalBar
from studio.reports.numbers import NOTHING, latency, number, out_of_100, percent
from studio.scoring.scorers import SCORERS
from studio.scoring.summary import ArmSummary, Comparison, Interval
from studio.tui.widgets.lines import Line

ARM_WIDTH = 14
SCORE_WIDTH = 6
MIN_BAR, MAX_BAR = 5, 19
WIDE_COST = (("p50", 9), ("p95", 8), ("prompt tok", 11), ("of window", 10))
NARROW_COST = (("p50", 9), ("prompt", 7))


def arm_lines(comparison: Comparison, task: str, context_window: int | None, width: int) -> list[Line]:
    """A heading and one line an arm, in ``width`` cells. ``task`` is empty for all tasks together.

    Over all tasks the headline score counts only the tasks it is fair for, as the verdict does; ``*`` says so. Latency
    is of answers given one at a time. A dominated arm (``reports.compare.dominated_arms``) is dim.
    """
    arms = list(comparison.arms.values())
    headline = comparison.headline_scorer
    scores = {arm.arm: scores_of(arm, task, headline) for arm in arms}
    scorers = [scorer.name for scorer in SCORERS if any(scorer.name in of for of in scores.values())]
    arm_width = ARM_WIDTH if width >= 100 else 11
    cost = WIDE_COST if width >= 110 else NARROW_COST
    left = width - arm_width - sum(cells for _, cells in cost)
    column = min(left // max(1, len(scorers)), SCORE_WIDTH + 1 + MAX_BAR)
    bar = column - SCORE_WIDTH - 1
    bar = bar if bar >= MIN_BAR else 0
    is_part = not task and comparison.headline_tasks != comparison.tasks
    timed = max((arm.latency_n for arm in arms), default=0)
    lines = [_heading(scores, scorers, headline if is_part else "", column, arm_width, cost, timed)]
    dominated = dominated_arms(arms, {arm: of.get(headline) for arm, of in scores.items()})
    best = _best(scores, headline)
    for arm in arms:
        quiet = "dim" if arm.arm in dominated else ""
        line: Line = [(fit(arm.arm.replace("_", " "), arm_width), quiet or "title")]
        for scorer in scorers:
            style = "good" if scorer == headline and arm.arm == best else quiet
            line.append((_score_cell(scores[arm.arm].get(scorer), bar, column), style))
        line.extend(_cost_cells(arm, cost, context_window, quiet))
        lines.append(line)
    return lines


def scores_of(arm: ArmSummary, task: str, headline: str) -> dict[str, Interval]:
    """The arm's intervals by scorer, over one task or over all, the headline score then as the verdict takes it."""
    if task:
        return arm.by_task.get(task, {})
    return arm.scores if arm.headline is None else {**arm.scores, headline: arm.headline}


def _heading(
    scores: dict[str, dict[str, Interval]],
    scorers: Sequence[str],
    starred: str,
    column: int,
    arm_width: int,
    cost: tuple[tuple[str, int], ...],
    timed: int,
) -> Line:
    line: Line = [(fit("arm", arm_width), "dim")]
    for scorer in scorers:
        counts = {arm[scorer].n for arm in scores.values() if scorer in arm}
        n = ("*" if scorer == starred else "") + (f" n {number(max(counts))}" if counts else "")
        title, short = next((each.title, each.short_title) for each in SCORERS if each.name == scorer)
        name = title if len(title + n) < column - 1 else short or title
        line.append((fit(f" {name}{n}", column), "dim"))
    names = [f"p50 n {timed}" if name == "p50" and timed else name for name, _ in cost]
    line.extend((fit(name, cells, "right"), "dim") for name, (_, cells) in zip(names, cost, strict=True))
    return line


def _score_cell(interval: Interval | None, bar: int, column: int) -> str:
    if interval is None:
        return fit(fit(NOTHING, SCORE_WIDTH - 1, "right"), column)
    text = fit(out_of_100(interval.score), SCORE_WIDTH - 1, "right") + " "
    if bar:
        text += IntervalBar(interval.score, interval.low, interval.high).drawn(bar)
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
    """The arm of the highest headline score; empty where none scored at all."""
    measured = {arm: of[headline].score for arm, of in scores.items() if headline in of and of[headline].score > 0}
    return max(measured, key=lambda arm: measured[arm], default="")
