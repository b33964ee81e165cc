"""A comparison's plan in words, for the verb and for the form: what it does, what decides, what its rows can show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from studio.acts.comparing import ComparePlan
from studio.acts.plan_words import Fact
from studio.acts.scoring import own_scorers_of
from studio.reports.numbers import counted, duration, number
from studio.scoring.statistics import detectable_difference, rows_needed
from studio.scoring.verdict import USUAL_DISCORDANCE

WANTED_DIFFERENCE = 0.05


def compare_facts(plan: ComparePlan) -> list[Fact]:
    """What would be answered by whom, which score decides, and the smallest difference that the rows can show."""
    return [
        ("answers", _answers(plan), ""),
        ("time", forecast_words(plan), ""),
        ("decides", _deciding(plan), ""),
        *((("can show", words, style)) for words, style in _power(plan)),
        *([("own code", own, "warn")] if (own := own_code_words(plan)) else []),
        ("shots", "from the train split only", ""),
    ]


def plan_as_json(plan: ComparePlan) -> dict[str, Any]:
    """Plain JSON values for ``compare --dry-run --json``."""
    binary = _binary_rows(plan)
    return {
        "rows": len(plan.rows),
        "arms": list(plan.spec.arms),
        "answers": plan.answers,
        "forecast_seconds": plan.forecast_seconds,
        "decides": {task.task: {"scorer": task.scorer.name, "is_named": task.is_named} for task in plan.tasks},
        "detectable_difference": detectable_difference(binary) if binary else None,
        "rows_for_5_points": rows_needed(WANTED_DIFFERENCE),
        "own_scorers": list(plan.spec.own_scorers),
    }


def forecast_words(plan: ComparePlan) -> str:
    """How long it will take, by the newest comparison on this model."""
    seconds = plan.forecast_seconds
    return "not known before a first comparison on this model" if seconds is None else f"about {duration(seconds)}"


def _answers(plan: ComparePlan) -> str:
    rows, arms = len(plan.rows), len(plan.spec.arms)
    split = plan.spec.split
    return f"{counted(rows, 'row')} of the {split} split × {counted(arms, 'arm')} = {number(plan.answers)} answers"


def _deciding(plan: ComparePlan) -> str:
    """``exact match on tickets (by its references), ROUGE-L on summaries (as named)``."""
    words = [
        f"{task.scorer.title}{f' on {task.task}' if task.task else ''} "
        f"({'as named' if task.is_named else 'by its references'}, {counted(task.rows, 'row')})"
        for task in plan.tasks
    ]
    return ", ".join(words)


def _binary_rows(plan: ComparePlan) -> int:
    return sum(task.rows for task in plan.tasks if task.scorer.is_binary)


def _power(plan: ComparePlan) -> list[tuple[str, str]]:
    """Of the rows that a yes-or-no score decides; of the others nothing is known before they are answered."""
    n = _binary_rows(plan)
    if not n:
        return []
    smallest, needed = detectable_difference(n), rows_needed(WANTED_DIFFERENCE)
    assumed = f"80 % power, arms differing on {max(USUAL_DISCORDANCE, smallest) * 100:.0f} % of rows"
    if smallest >= 1:
        return [(f"no difference at all: {counted(n, 'row')} is too few", "warn")]
    words = f"a difference of {smallest * 100:.1f} points or more with {counted(n, 'row')} ({assumed})"
    if n < needed:
        words += f"; {WANTED_DIFFERENCE * 100:.0f} points need about {number(needed)}"
    return [(words, "warn" if smallest > 0.2 else "")]


def own_code_words(plan: ComparePlan) -> str:
    """Which code of the project the comparison runs; empty for none."""
    own = own_scorers_of(plan.spec)
    places = ", ".join(f"{Path(one.path).name}:{one.function}" for one in own)
    return f"{places} of this project is run on every answer, with your rights, as studio.toml asks" if own else ""
