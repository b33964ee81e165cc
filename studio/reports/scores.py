"""Every score of a comparison, a scorer a row and an arm a column: what the table of arms has no room for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from studio.reports.numbers import NOTHING, counted, latency, money, number, out_of_100, percent
from studio.reports.table import Cell, Column, Table
from studio.scoring.comparison import Comparison, Confusion
from studio.scoring.effort import Effort, Spread
from studio.scoring.intervals import Interval
from studio.scoring.scorers.scorer import Scorer

OTHER = "other"


def all_scores_tables(comparison: Comparison) -> list[tuple[str, Table]]:
    """Per task its name and all that was measured of it: scores, fields of JSON answers, confusion tables.

    A comparison of one task has one table, then those of its parts.
    """
    found: list[tuple[str, Table]] = []
    if comparison.contrasts:
        found.append(
            (f"every pair of arms, by {_title(comparison, comparison.headline_scorer)}", _pair_table(comparison))
        )
    if took := _effort_table(comparison):
        found.append(("what the answers took", took))
    for task in comparison.tasks:
        found.append((task or "rows without a task", _score_table(comparison, task)))
        if fields := _field_table(comparison, task):
            found.append((f"{task}: fields of the JSON that are right".lstrip(": "), fields))
        for arm, summary in comparison.arms.items():
            if confusion := summary.confusion.get(task):
                title = f"{task}: the right label in rows, what {arm} answered in columns"
                found.append((title.lstrip(": "), _confusion_table(confusion)))
    return found


def score_text(scorer: Scorer, value: float) -> str:
    """A figure in its scorer's unit: ``81.2`` out of 100, else ``1.38``."""
    return out_of_100(value) if scorer.unit == "points" else f"{value:.2f}"


def _score_table(comparison: Comparison, task: str) -> Table:
    arms = list(comparison.arms.values())
    columns = [Column("score", is_left=True), *(Column(arm.arm) for arm in arms)]
    rows = []
    for scorer in comparison.scorers:
        if any(scorer.name in arm.by_task[task] for arm in arms):
            cells = [_interval_text(scorer, arm.by_task[task].get(scorer.name)) for arm in arms]
            direction = {"lower": " (lower is better)", "neither": "", "higher": ""}[scorer.better]
            decides = " ◂" if comparison.primary.get(task) == scorer.name else ""
            rows.append([Cell(scorer.title + direction + decides), *map(Cell, cells)])
    if len(comparison.tasks) == 1:
        reasons = list(dict.fromkeys(reason for arm in arms for reason in arm.stop_reasons))
        for reason in reasons:
            shares = [percent(arm.stop_reasons.get(reason, 0) / arm.n) if arm.n else NOTHING for arm in arms]
            rows.append([Cell(f"ended by {reason}", "dim"), *(Cell(share, "dim") for share in shares)])
    signatures = [f"{name}: {signature}" for name, signature in comparison.signatures.get(task, {}).items()]
    n = max((interval.n for arm in arms for interval in arm.by_task[task].values()), default=0)
    decided = ["◂ decides this task."] if task in comparison.primary else []
    return Table(columns, rows, notes=[f"Over {counted(n, 'row')}, with 95 % intervals.", *decided, *signatures])


def _interval_text(scorer: Scorer, interval: Interval | None) -> str:
    if interval is None:
        return NOTHING
    low, high = (score_text(scorer, end) for end in (interval.low, interval.high))
    return f"{score_text(scorer, interval.score)} ({low}–{high})"


def _title(comparison: Comparison, name: str) -> str:
    return next(scorer.title for scorer in comparison.scorers if scorer.name == name)


def _pair_table(comparison: Comparison) -> Table:
    """Differences with their intervals, and what is left of p when so many were looked at."""
    rows = [
        [
            Cell(f"{one.a} − {one.b}", "title" if one.is_shown else ""),
            Cell(number(one.n), "dim"),
            Cell(f"{_signed(one.difference)} ({_signed(one.low)} to {_signed(one.high)})"),
            *(Cell(f"{p:.3f}" if p >= 0.001 else "<0.001") for p in (one.p_value, one.p_adjusted)),
            *(Cell(number(count)) for count in (one.fixed, one.broken)),
        ]
        for one in comparison.contrasts
    ]
    titles = ("n", "points (95 %)", "p", "Holm", "higher", "lower")
    shared = f" Rows share {number(comparison.sources)} sources, over which all of it is."
    return Table(
        [Column("pair", is_left=True), *map(Column, titles)],
        rows,
        notes=["Holm: p when all these pairs are looked at." + (shared if comparison.sources else "")],
    )


def _effort_table(comparison: Comparison) -> Table | None:
    """Medians and means with their intervals; a dash for an end that so few answers do not bound."""
    efforts = {arm.arm: arm.effort for arm in comparison.arms.values()}
    known = [one for one in _EFFORTS if any(one.of(effort) for effort in efforts.values())]
    if not known:
        return None
    rows = [
        [Cell(arm), *(Cell(_spread_text(one.of(effort), one.words)) for one in known)]
        for arm, effort in efforts.items()
    ]
    timed = max((effort.whole.n for effort in efforts.values() if effort.whole), default=0)
    notes = [f"Seconds: medians of {counted(timed, 'answer')} an arm, with 95 % intervals."] if timed else []
    return Table([Column("arm", is_left=True), *(Column(one.title) for one in known)], rows, notes=notes)


@dataclass(frozen=True)
class _EffortColumn:
    title: str
    of: Callable[[Effort], Spread | None]
    words: Callable[[float | None], str]


def _milliseconds(seconds: float | None) -> str:
    return NOTHING if seconds is None else f"{seconds * 1000:.0f} ms"


_EFFORTS = (
    _EffortColumn("first token", lambda effort: effort.first_token, latency),
    _EffortColumn("per token", lambda effort: effort.per_token, _milliseconds),
    _EffortColumn("whole", lambda effort: effort.whole, latency),
    _EffortColumn("p95", lambda effort: effort.whole_p95, latency),
    _EffortColumn("prompt tokens", lambda effort: effort.prompt_tokens, number),
    _EffortColumn("output tokens", lambda effort: effort.output_tokens, number),
    _EffortColumn("cost of 1,000", lambda effort: effort.cost, money),
)


def _spread_text(spread: Spread | None, words: Callable[[float | None], str]) -> str:
    if spread is None:
        return NOTHING
    ends = "" if spread.low is None and spread.high is None else f" ({words(spread.low)}–{words(spread.high)})"
    return words(spread.value) + ends


def _signed(share: float) -> str:
    return f"{share * 100:+.1f}".replace("-", "−")


def _field_table(comparison: Comparison, task: str) -> Table | None:
    arms = list(comparison.arms.values())
    names = list(dict.fromkeys(name for arm in arms for name in arm.fields.get(task, {})))
    if not names:
        return None
    rows = []
    for name in names:
        shares = [arm.fields.get(task, {}).get(name) for arm in arms]
        n = max((share.n for share in shares if share), default=0)
        texts = [NOTHING if share is None else _share_text(share) for share in shares]
        rows.append([Cell(name), Cell(number(n), "dim"), *map(Cell, texts)])
    return Table([Column("field", is_left=True), Column("n"), *(Column(arm.arm) for arm in arms)], rows)


def _share_text(share: Interval) -> str:
    return f"{out_of_100(share.score)} ({out_of_100(share.low)}–{out_of_100(share.high)})"


def _confusion_table(confusion: Confusion) -> Table:
    rows = []
    for place, (label, counts) in enumerate(zip(confusion.labels, confusion.counts, strict=True)):
        styles = ["good" if column == place else "" if count else "dim" for column, count in enumerate(counts)]
        rows.append([Cell(label), *(Cell(number(count), style) for count, style in zip(counts, styles, strict=True))])
    columns = [Column("right label", is_left=True), *map(Column, confusion.labels), Column(OTHER)]
    return Table(columns, rows, notes=[f"{OTHER}: an answer that is none of the labels."])
