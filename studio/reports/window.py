"""Does the data fit, and what would examples in the prompt cost instead of fine-tuning?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from studio.reports.numbers import counted, number, percent
from studio.reports.table import SHORT_TITLES, Bar, Cell, Column, Table
from studio.tokens.layout import Budget, ContextWindow
from studio.tokens.window import FATES, Fate, fates, possible_fates

ExampleIds = NDArray[np.int64]

LONGEST_SHOWN = 20
FITTING_SHARE = 0.95
NARROWEST_BAR, WIDEST_BAR = 10, 40
_FATE_LOOKS = {  # glyph, name of its style
    Fate.WHOLE: ("✓", "good"),
    Fate.PROMPT_CUT: ("▲", "warn"),
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
class Side:
    """One sequence of a row: its tokens in every row, and its ``limit``. ``name`` is empty for the whole row."""

    name: str
    tokens: ExampleIds
    limit: int

    @property
    def median(self) -> int:
        return _quantile(self.tokens, 0.5)

    @property
    def p95(self) -> int:
        return _quantile(self.tokens, 0.95)

    @property
    def max(self) -> int:
        return int(self.tokens.max(initial=0))

    def to_dict(self) -> dict[str, int]:
        """Plain JSON values."""
        return {"median": self.median, "p95": self.p95, "max": self.max}


@dataclass(frozen=True)
class WindowReport:
    """Token counts of ``n`` rows against the ``budget`` of a run and the model's context ``window``.

    ``sides`` are the sequences of a row: the row itself, or its source and its target. ``fates`` counts every fate that
    is possible, ``fate_ids`` has the example_ids of those that are not whole. ``shots`` has one line per asked number
    of shots and one for ``max_shots``, the most with which 95 % of the rows still fit (0 where none do, never more than
    there are examples to show). ``longest`` is (example_id, tokens of its first side), longest first.
    """

    n: int
    budget: Budget
    window: ContextWindow
    sides: tuple[Side, ...]
    total: Side
    fates: dict[Fate, int]
    fate_ids: dict[Fate, ExampleIds]
    shots: list[ShotCost]
    max_shots: int
    longest: list[tuple[int, int]]

    @property
    def limits(self) -> str:
        """``max_length 512``, with the target's where it has one: by the names of the settings."""
        words = f"max_length {number(self.budget.max_length)}"
        target = self.budget.target
        return words if target is None else f"{words}, max_target_length {number(target)}"

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values for ``window --json``."""
        target = self.budget.target
        apart = {} if target is None else {"max_target_length": target, "is_window_hard": self.window.is_hard}
        return {
            "examples": self.n,
            "max_length": self.budget.max_length,
            "context_window": self.window.tokens,
            **apart,
            **{f"{side.name}_tokens": side.to_dict() for side in self.sides if side.name},
            "total_tokens": self.total.to_dict(),
            "fates": {fate.value: count for fate, count in self.fates.items()},
            "shots": [vars(cost) for cost in self.shots],
            "max_shots": self.max_shots,
            "longest": [
                {"example_id": one, f"{self.sides[0].name or 'total'}_tokens": tokens} for one, tokens in self.longest
            ],
        }


def window_report(
    ids: ArrayLike,
    prompt_tokens: ArrayLike,
    completion_tokens: ArrayLike,
    budget: Budget,
    window: ContextWindow,
    shot_tokens: ArrayLike,
    shots: Sequence[int] = (0, 1, 5),
) -> WindowReport:
    """The report, from counts alone.

    ids, prompt_tokens, completion_tokens: one whole number per row; completion_tokens has the end-of-turn token.
    shot_tokens: what each example that could be a shot costs in another row's prompt, without a system message of its
    own.
    A prompt with k shots is the row's own prompt, its system message included, and k times the mean of shot_tokens: the
    mean over all ways to choose the shots.
    """
    ids = np.asarray(ids, dtype=np.int64)
    prompts, completions = np.asarray(prompt_tokens, dtype=np.int32), np.asarray(completion_tokens, dtype=np.int32)
    total = (prompts + completions).astype(np.int64)
    each = np.asarray(shot_tokens, dtype=np.float64)
    fate = fates(prompts, completions, budget)
    sides = _sides(prompts, completions, budget)
    longest = np.argsort(-sides[0].tokens, kind="stable")[:LONGEST_SHOWN]
    # What shares the window with the shots: the whole row, or its source.
    beside = total if window.is_shared else prompts.astype(np.int64)
    max_shots = _max_shots(beside, each, window.tokens)
    asked = sorted({*shots, max_shots}) if len(total) and len(each) else []
    possible = possible_fates(budget)
    return WindowReport(
        n=len(total),
        budget=budget,
        window=window,
        sides=sides,
        total=Side("", total, budget.max_length),
        fates={name: int((fate == FATES.index(name)).sum()) for name in possible},
        fate_ids={name: ids[fate == FATES.index(name)] for name in possible if name is not Fate.WHOLE},
        shots=[_shot_cost(count, prompts, beside, float(each.mean()), window.tokens) for count in asked],
        max_shots=max_shots,
        longest=[(int(ids[row]), int(sides[0].tokens[row])) for row in longest],
    )


def _sides(prompts: NDArray[np.int32], completions: NDArray[np.int32], budget: Budget) -> tuple[Side, ...]:
    if budget.target is None:
        return (Side("", (prompts + completions).astype(np.int64), budget.max_length),)
    return (
        Side("source", prompts.astype(np.int64), budget.max_length),
        Side("target", completions.astype(np.int64), budget.target),
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
    """``median 121 · p95 307 · max 1,022 · n 7,473``: tokens per row, and how many rows.

    Of two sides, ``source: median 121, p95 307, max 1,022 · target: 19, 42, 90 · n 7,473``.
    """
    first, *others = report.sides
    facts = [f"{name} {number(value)}" for name, value in first.to_dict().items()]
    words = [f"{first.name}: {', '.join(facts)}"] if first.name else facts
    words += [f"{side.name}: {', '.join(map(number, side.to_dict().values()))}" for side in others]
    return " · ".join([*words, f"n {number(report.n)}"])


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


def _max_shots(beside: ExampleIds, each: NDArray[np.float64], context_window: int) -> int:
    if not len(beside) or not len(each) or each.mean() <= 0:
        return 0
    room = context_window - float(np.quantile(beside, FITTING_SHARE, method="inverted_cdf"))
    return max(0, min(int(room // each.mean()), len(each)))


def _shot_cost(
    shots: int, prompts: NDArray[np.int32], beside: ExampleIds, shot_mean: float, context_window: int
) -> ShotCost:
    extra = shots * shot_mean
    mean = float(prompts.mean()) + extra
    return ShotCost(shots, mean, mean / context_window, int((beside + extra > context_window).sum()))
