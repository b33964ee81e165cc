"""How many examples of each task an epoch has: the rows as they are, or a mixture of the tasks.

The names and the cap are T5's (arXiv:1910.10683, section 3.5.2): a task's share follows min(rows, cap), all raised to
1 / temperature before they are normalised, so that temperature 1 is proportional and a high one is equal.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from studio.errors import AskedWrongly
from studio.files import in_short

PROPORTIONAL, EQUAL, TEMPERATURE, WEIGHTS = "proportional", "equal", "temperature", "weights"
_KNOWN = f"{PROPORTIONAL}, {EQUAL}, {TEMPERATURE}:T (T from 1 on), or {WEIGHTS} with task_weights=TASK=WEIGHT,…"


@dataclass(frozen=True)
class TaskShare:
    """What an epoch has of one task: ``examples`` drawn from ``rows``, and the tokens of so many on average."""

    task: str
    rows: int
    examples: int
    tokens: int


@dataclass(frozen=True)
class Mixture:
    """``temperature`` is None where explicit ``weights`` decide; ``cap`` 0 is none."""

    temperature: float | None
    weights: Mapping[str, float]
    cap: int

    def examples(self, rows: Mapping[str, int]) -> dict[str, int]:
        """Task → examples an epoch, of so many rows each (at least one). An epoch is as long as the capped rows are.

        A task with any share has at least one example. Raises AskedWrongly where the weights name other tasks.
        """
        capped = {task: min(count, self.cap or count) for task, count in sorted(rows.items())}
        if self.temperature == 1:
            return capped
        shares = self._shares(capped)
        return _split(sum(capped.values()), shares)

    def _shares(self, capped: dict[str, int]) -> dict[str, float]:
        if self.temperature is not None:
            return {task: count ** (1 / self.temperature) for task, count in capped.items()}
        if missing := [task for task in capped if task not in self.weights]:
            raise AskedWrongly(
                f"task_weights says nothing of {_named(missing)}.", "Give each task a weight, 0 to leave it out."
            )
        if unknown := [task for task in self.weights if task not in capped]:
            raise AskedWrongly(
                f"task_weights names {_named(unknown)}, of which no row would train.", f"There are: {_named(capped)}."
            )
        return {task: self.weights[task] for task in capped}


def mixture_from(text: str, task_weights: Sequence[str], cap: int) -> Mixture:
    """The mixture that settings ask for. Raises AskedWrongly where they make none."""
    if bool(task_weights) != (text == WEIGHTS):
        raise AskedWrongly(
            f"mixture={in_short(text)} with task_weights={in_short(','.join(task_weights))}.",
            f"mixture={WEIGHTS} and task_weights go together.",
        )
    kind, colon, number = text.partition(":")
    if text == WEIGHTS:
        return Mixture(None, _weights_in(task_weights), cap)
    if text in (PROPORTIONAL, EQUAL):
        return Mixture(1.0 if text == PROPORTIONAL else math.inf, {}, cap)
    temperature = _number_in(number) if kind == TEMPERATURE and colon else None
    if temperature is None or temperature < 1:
        raise AskedWrongly(f"mixture={in_short(text)} is not known.", f"Use {_KNOWN}.")
    return Mixture(temperature, {}, cap)


def _weights_in(task_weights: Sequence[str]) -> dict[str, float]:
    weights: dict[str, float] = {}
    for text in task_weights:
        task, equals, number = text.rpartition("=")
        weight = _number_in(number) if equals else None
        if weight is None or weight < 0 or task in weights:
            raise AskedWrongly(
                f"task_weights has {in_short(text)}.",
                "Each is TASK=WEIGHT, every task once, for example tickets=3,tone=1.",
            )
        weights[task] = weight
    if not any(weights.values()):
        raise AskedWrongly("task_weights leaves every task out.", "Give one a weight above 0.")
    return weights


def _number_in(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _split(total: int, shares: Mapping[str, float]) -> dict[str, int]:
    """``total`` in whole numbers after ``shares``, by largest remainder; what has a share gets at least 1."""
    sum_of_shares = sum(shares.values())
    exact = {task: total * share / sum_of_shares for task, share in shares.items()}
    counts = {task: math.floor(round(value, 6)) for task, value in exact.items()}
    by_remainder = sorted(exact, key=lambda task: (counts[task] - exact[task], task))
    for task in by_remainder[: total - sum(counts.values())]:
        counts[task] += 1
    for task in counts:
        if shares[task] > 0 and not counts[task]:
            counts[max(counts, key=lambda other: counts[other])] -= 1
            counts[task] = 1
    return counts


def _named(tasks: Sequence[str] | Mapping[str, int]) -> str:
    return ", ".join(in_short(task) if task else "rows without a task" for task in tasks)
