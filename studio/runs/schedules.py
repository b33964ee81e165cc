"""The learning rate of each step, and what becomes of it when a run is made shorter or longer."""

from __future__ import annotations

import math

from studio.runs.specs import TrainSpec

# A rate that has come down and then jumps up by more than this undoes what the schedule's end has settled.
MOST_JUMP = 2.0


def learning_rate_at(step: int, steps: int, spec: TrainSpec) -> float:
    """Learning rate of step ``step`` (from 1): a linear warm-up to the peak, then the schedule down towards 0.

    ``wsd`` is warm-up, stable, decay (MiniCPM, arXiv:2404.06395, section 4). It leaves open how the decay falls; here
    it falls linearly.
    """
    warmup = math.ceil(spec.warmup_ratio * steps)
    if step <= warmup:
        return spec.peak_learning_rate * step / warmup
    done, after = step - 1 - warmup, max(1, steps - warmup)
    match spec.schedule:
        case "cosine":
            return spec.peak_learning_rate * 0.5 * (1 + math.cos(math.pi * done / after))
        case "linear":
            return spec.peak_learning_rate * (1 - done / after)
        case "wsd":
            decay = math.ceil(spec.decay_ratio * steps)
            return spec.peak_learning_rate * min(1.0, (steps - step + 1) / (decay + 1))
        case _:
            return spec.peak_learning_rate


def change_of_rate(step: int, old_steps: int, new_steps: int, spec: TrainSpec) -> tuple[float, float]:
    """The learning rate of the step behind ``step``, in a run of ``old_steps`` and in one of ``new_steps``.

    Behind the last of the old steps, the rate of that last one stands for the old.
    """
    before = learning_rate_at(min(step + 1, old_steps), old_steps, spec)
    return before, learning_rate_at(step + 1, new_steps, spec)


def length_words(old_steps: int, new_steps: int, rate_before: float, rate_after: float) -> str:
    """What a change of length does: where the run ends, and what becomes of its learning rate."""
    words = f"ends at step {new_steps:,} instead of {old_steps:,}"
    if not math.isclose(rate_before, rate_after, rel_tol=1e-6):
        words += (
            f"; the learning rate goes on at {rate_after:.2g} instead of {rate_before:.2g} and falls to its new end"
        )
    return words
