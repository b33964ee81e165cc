"""A training's plan in words, for the verb and for the form."""

from __future__ import annotations

from studio.acts.training import TrainPlan
from studio.reports.mixture import is_mixed, shares_words
from studio.reports.numbers import counted, duration, learning_rate, number, size
from studio.runs.events import Forecast

Fact = tuple[str, str, str]  # its name, its words, the style that says how good it is


def plan_facts(plan: TrainPlan, measured: Forecast | None = None, *, is_terse: bool = False) -> list[Fact]:
    """What would be trained and what it would take, by ``measured`` steps of it or else by an earlier run.

    ``is_terse``, where there is no room, is without what is as usual.
    """
    return [
        ("rows", f"{number(plan.rows - plan.dropped_rows)} to train, {number(plan.validation_rows)} to validate", ""),
        ("tokens", f"{number(plan.tokens_per_epoch)} an epoch", ""),
        ("steps", f"{number(plan.steps)} of {plan.spec.batch_size} rows", ""),
        ("learning rate", learning_rate(plan.spec.peak_learning_rate), ""),
        *_mixture_facts(plan, is_terse),
        ("over max_length", _overlong_words(plan), "warn" if plan.overlong_rows else "good"),
        _proof_fact(plan),
        *(_measured_facts(measured) if measured else _forecast_facts(plan)),
    ]


def forecast_words(plan: TrainPlan) -> str:
    """How long the run will take, as far as that is known before its first step."""
    if plan.forecast_seconds is None:
        return "how long it takes is said once its speed is measured"
    return f"about {duration(plan.forecast_seconds)}"


def _overlong_words(plan: TrainPlan) -> str:
    if not plan.overlong_rows:
        return "no row"
    parts = [f"{number(plan.overlong_rows)} of {number(plan.rows)}"]
    if plan.dropped_rows:
        parts.append(f"{number(plan.dropped_rows)} dropped")
    if plan.split_rows:
        pieces = plan.sequences - (plan.rows - plan.dropped_rows - plan.split_rows)
        parts.append(f"{number(plan.split_rows)} split into {number(pieces)} sequences")
    if plan.cut_rows:
        parts.append(f"{number(plan.cut_rows)} cut")
    return ": ".join([parts[0], ", ".join(parts[1:])]) if len(parts) > 1 else parts[0]


def _mixture_facts(plan: TrainPlan, is_terse: bool) -> list[Fact]:
    if len(plan.shares) < 2 or (is_terse and not is_mixed(plan.shares)):
        return []
    return [("an epoch of", shares_words(plan.shares, is_terse=is_terse), "")]


def _proof_fact(plan: TrainPlan) -> Fact:
    if not plan.is_proved:
        return "stop proof", f"none: not only answers are learned (objective={plan.spec.objective})", ""
    if plan.flaws:
        return "stop proof", f"{counted(len(plan.flaws), 'row')} would teach a wrong end or start", "bad"
    if plan.rows == plan.dropped_rows:
        return "stop proof", "no row to prove", ""
    return "stop proof", "every answer ends", "good"


def _measured_facts(measured: Forecast) -> list[Fact]:
    if measured.seconds is None:
        return [("time", measured.note, ""), ("memory", size(measured.memory_bytes), "")]
    between = f"{duration(measured.least_seconds)} to {duration(measured.most_seconds)}"
    steps = f"{number(measured.tokens_per_second)} tok/s by {counted(measured.measured_steps, 'measured step')}"
    return [
        ("time", f"{duration(measured.seconds)} ({between})", ""),
        ("speed", steps, ""),
        ("memory", f"{size(measured.memory_bytes)}, {size(measured.disk_bytes)} of disk", ""),
    ]


def _forecast_facts(plan: TrainPlan) -> list[Fact]:
    seconds, memory = plan.forecast_seconds, plan.forecast_memory_bytes
    if seconds is None or memory is None:  # a first run tells both, or a few steps
        return [("time, memory", "not measured yet", "")]
    return [("time", f"about {duration(seconds)}", ""), ("memory", f"about {size(memory)}", "")]
