"""Does the data fit, and what would examples in the prompt cost instead of fine-tuning?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from studio.reports.numbers import counted, number, percent
from studio.reports.table import SHORT_TITLES, Bar, Cell, Column, Table
from studio.tokens.window import FATES, Fate, fates

ExampleIds = NDArray[np.int64]

LONGEST_SHOWN = 20
FITTING_SHARE = 0.95
NARROWEST_BAR, WIDEST_BAR = 10, 40
_FATE_LOOKS = {  # glyph, name of its style
    Fate.WHOLE: ("✓", "good"),
    Fate.ANSWER_CUT: ("▲", "warn"),
    Fate.END_OF_TURN_CUT: ("▲", "warn"),
    Fate.NOTHING_LEFT: ("✗", "bad"),
}


@dataclass(frozen=True)
class ShotCost:
    """What ``shots`` worked examples in the prompt cost: mean prompt tokens, that as a share of the context window,
    and the rows whose question, shots and answer together are longer than the window.

    A share above 1 is a prompt that the model cannot read at all.
    """

    shots: int
    prompt_tokens_mean: float
    share_of_window: float
    rows_that_no_longer_fit: int


@dataclass(frozen=True)
class WindowReport:
    """Token counts of ``n`` rows against ``max_length`` and the model's ``context_window``.

    ``median``, ``p95`` and ``max`` are total tokens per row. ``fates`` counts every fate, ``fate_ids`` has the
    example_ids of those that are not whole. ``shots`` has one line per asked number of shots and one for
    ``max_shots``, the most with which 95 % of the rows still fit (0 where none do, never more than there are
    examples to show). ``longest`` is (example_id, total tokens), longest first. ``total_tokens`` has every row's.
    """

    n: int
    max_length: int
    context_window: int
    median: int
    p95: int
    max: int
    fates: dict[Fate, int]
    fate_ids: dict[Fate, ExampleIds]
    shots: list[ShotCost]
    max_shots: int
    longest: list[tuple[int, int]]
    total_tokens: NDArray[np.int64]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values for ``window --json``."""
        return {
            "examples": self.n,
            "max_length": self.max_length,
            "context_window": self.context_window,
            "total_tokens": {"median": self.median, "p95": self.p95, "max": self.max},
            "fates": {fate.value: count for fate, count in self.fates.items()},
            "shots": [vars(cost) for cost in self.shots],
            "max_shots": self.max_shots,
            "longest": [{"example_id": one, "total_tokens": tokens} for one, tokens in self.longest],
        }


def window_report(
    ids: ArrayLike,
    prompt_tokens: ArrayLike,
    completion_tokens: ArrayLike,
    max_length: int,
    context_window: int,
    shot_tokens: ArrayLike,
    shots: Sequence[int] = (0, 1, 5),
) -> WindowReport:
    """The report, from counts alone.

    ids, prompt_tokens, completion_tokens: one whole number per row; completion_tokens has the end-of-turn token.
    shot_tokens: what each example that could be a shot costs as one more user and assistant turn, without a system
    message of its own.
    max_length, context_window: in tokens.
    A prompt with k shots is the row's own prompt, its system message included, and k times the mean of shot_tokens: the
    mean over all ways to choose the shots.
    """
    ids = np.asarray(ids, dtype=np.int64)
    prompts, completions = np.asarray(prompt_tokens, dtype=np.int32), np.asarray(completion_tokens, dtype=np.int32)
    total = (prompts + completions).astype(np.int64)
    each = np.asarray(shot_tokens, dtype=np.float64)
    fate = fates(prompts, completions, max_length)
    longest = np.argsort(-total, kind="stable")[:LONGEST_SHOWN]
    max_shots = _max_shots(total, each, context_window)
    asked = sorted({*shots, max_shots}) if len(total) and len(each) else []
    return WindowReport(
        n=len(total),
        max_length=max_length,
        context_window=context_window,
        median=_quantile(total, 0.5),
        p95=_quantile(total, 0.95),
        max=int(total.max(initial=0)),
        fates={name: int((fate == index).sum()) for index, name in enumerate(FATES)},
        fate_ids={name: ids[fate == index] for index, name in enumerate(FATES) if name is not Fate.WHOLE},
        shots=[_shot_cost(count, prompts, total, float(each.mean()), context_window) for count in asked],
        max_shots=max_shots,
        longest=[(int(ids[row]), int(total[row])) for row in longest],
        total_tokens=total,
    )


def fate_table(report: WindowReport) -> Table:
    """One row per fate: its glyph and name, its rows, their share, in figures and as a bar."""
    columns = [
        *[Column("", is_left=True), Column("fate", is_left=True), Column("rows"), Column("share")],
        Column("", is_left=True, least=NARROWEST_BAR, most=WIDEST_BAR),
    ]
    rows = []
    for fate, count in report.fates.items():
        glyph, style = _FATE_LOOKS[fate]
        quiet, plain = (style, "") if count else ("dim", "dim")
        share = count / report.n if report.n else 0.0
        figures = [Cell(number(count), plain), Cell(percent(share, digits=1) if count else "", "dim")]
        rows.append([Cell(glyph, quiet), Cell(fate.value, plain), *figures, Cell("", quiet, Bar(share))])
    return Table(columns, rows, cuts=[(4,)])


def shots_table(report: WindowReport) -> Table:
    """One row per number of shots: bad where the prompt alone is over the window, warn where rows no longer fit."""
    columns = [
        *[Column("shots"), Column("prompt tokens", "prompt"), Column("of the window", "window")],
        *[Column("rows that no longer fit", "no fit"), Column("", is_left=True)],
    ]
    rows = []
    for cost in report.shots:
        style = "bad" if cost.share_of_window > 1 else "warn" if cost.rows_that_no_longer_fit else ""
        texts = [number(cost.shots), number(cost.prompt_tokens_mean), percent(cost.share_of_window, digits=1)]
        texts.append(number(cost.rows_that_no_longer_fit))
        is_most = cost.shots == report.max_shots > 0
        rows.append([*(Cell(text, style) for text in texts), Cell("the most" if is_most else "", "dim")])
    return Table(columns, rows, cuts=[(4,), SHORT_TITLES], notes=_notes(report))


def lengths_sentence(report: WindowReport) -> str:
    """``median 121 · p95 307 · max 1,022 · n 7,473``: total tokens per row, and how many rows."""
    facts = {"median": report.median, "p95": report.p95, "max": report.max, "n": report.n}
    return " · ".join(f"{name} {number(value)}" for name, value in facts.items())


def _notes(report: WindowReport) -> list[str]:
    """What the table is for: how many shots there is room for, what they do to every prompt, and what tuning does."""
    alone = next((cost for cost in report.shots if cost.shots == 0), None)
    if not report.shots:
        return []
    if not report.max_shots:
        return ["No shot fits for 95 % of the rows."]
    fit, they_make = ("fits", "it makes") if report.max_shots == 1 else ("fit", "they make")
    most = f"At most {counted(report.max_shots, 'shot')} {fit} for 95 % of the rows"
    full = next(cost for cost in report.shots if cost.shots == report.max_shots)
    if alone is None:
        return [f"{most}."]
    times = full.prompt_tokens_mean / max(1.0, alone.prompt_tokens_mean)
    return [
        f"{most}; {they_make} every prompt {times:,.{0 if times >= 10 else 1}f} times as long.",
        f"Fine-tuned, a prompt stays at {counted(round(alone.prompt_tokens_mean), 'token')}.",
    ]


def _quantile(total: ExampleIds, share: float) -> int:
    return round(float(np.quantile(total, share))) if len(total) else 0


def _max_shots(total: ExampleIds, each: NDArray[np.float64], context_window: int) -> int:
    if not len(total) or not len(each) or each.mean() <= 0:
        return 0
    room = context_window - float(np.quantile(total, FITTING_SHARE, method="inverted_cdf"))
    return max(0, min(int(room // each.mean()), len(each)))


def _shot_cost(
    shots: int, prompts: NDArray[np.int32], total: ExampleIds, shot_mean: float, context_window: int
) -> ShotCost:
    extra = shots * shot_mean
    mean = float(prompts.mean()) + extra
    return ShotCost(shots, mean, mean / context_window, int((total + extra > context_window).sum()))
