"""What a run will take, measured on a few of its own batches before it starts: time, memory, disk.

A trial is a whole step at a learning rate of 0, which leaves every weight exactly as it is; the optimizer's moments of
it are thrown away, and its random numbers are drawn anew. It comes before anything that an earlier life or an earlier
run has learned is put in. Trials may cost a fiftieth of the run. Where that is too little to go by, the run's own first
steps say how long it takes.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

from torch import nn

from studio.errors import StudioError
from studio.runs.events import Forecast, Preparing, Step
from studio.tokens.encoding import Encoded
from studio.worker.compute.devices import peak_memory_bytes
from studio.worker.training.prepare import Trainer
from studio.worker.training.smaller_batches import within_memory

MOST_SHARE = 0.02
MOST_TRIALS = 6  # the first of them pays for memory, and tells nothing of time
FIRST_STEPS = 6
MOST_SECONDS = 30.0
# Of n steps the slowest and the fastest have the median step between them in all but 1 of 2^(n-1) cases. With fewer
# than this that says too little. The interval is never narrower than this margin.
LEAST_TRIALS, LEAST_MARGIN = 4, 1.05
# Rows drawn for the batches that are looked at for the heaviest one: of half a second or so.
MOST_DRAWN = 50_000_000
CHECKPOINT_BYTES_A_SECOND = 200e6  # writing, hashing and syncing
KEPT_CHECKPOINTS = 3  # the newest, the one before it and the best; one more is written beside them
ADAMW_MOMENTS = 2
SAID_LATER = "how long it takes is said after its first steps"


@dataclass(frozen=True)
class Trial:
    seconds: float
    tokens: int

    @property
    def seconds_a_token(self) -> float:
        return self.seconds / self.tokens


def forecast(
    trainer: Trainer, evaluations: int, saves: int, spent_seconds: float, *, most_share: float | None = None
) -> Trainer:
    """Say what the run will take, ``spent_seconds`` of it gone; the trainer that had memory enough.

    Trials may cost ``most_share`` of the run's tokens; None: the usual share.
    Raises StudioError for a run that does not fit into memory or on the disk.
    """
    checkpoints, result = checkpoint_bytes(trainer), result_bytes(trainer)
    disk = checkpoints * min(saves, KEPT_CHECKPOINTS + 1) + result
    _refuse_full_disk(trainer, disk)
    batches = _trial_batches(trainer, MOST_SHARE if most_share is None else most_share)
    if not batches:
        trainer.session.events.write(Forecast(disk_bytes=disk, note=SAID_LATER))
        return trainer
    trainer.session.events.write(Preparing(message="measuring a few steps"))
    trainer, trials, forward = _tried(trainer, batches)
    memory = peak_memory_bytes()
    if len(trials) <= LEAST_TRIALS:
        said = Forecast(memory_bytes=memory, disk_bytes=disk, measured_steps=len(trials), note=SAID_LATER)
        trainer.session.events.write(said)
        return trainer
    once = trainer.data.validation_tokens * forward * evaluations
    once += saves * checkpoints / CHECKPOINT_BYTES_A_SECOND + result / CHECKPOINT_BYTES_A_SECOND
    said = Forecast(memory_bytes=memory, disk_bytes=disk, measured_steps=len(trials) - 1)
    trainer.session.events.write(_timed(said, trials[1:], _tokens(trainer), spent_seconds + once))
    return trainer


def forecast_by_steps(trainer: Trainer, tokens: int, seconds: float) -> None:
    """To be called behind step FIRST_STEPS, ``tokens`` learned and ``seconds`` gone: say what no trial could say."""
    said = trainer.session.last_event(Forecast)
    if said is None or said.seconds is not None:
        return
    steps = trainer.session.events_of(Step)[-FIRST_STEPS:]
    counts = [later.tokens - earlier.tokens for earlier, later in pairwise(steps)]  # without the first, which warms up
    trials = [
        Trial(count / step.tokens_per_second, count)
        for count, step in zip(counts, steps[1:], strict=True)
        if step.tokens_per_second
    ]
    if len(trials) >= LEAST_TRIALS:
        said = replace(said, measured_steps=len(trials), note="")
        trainer.session.events.write(_timed(said, trials, _tokens(trainer) - tokens, seconds))


def _timed(said: Forecast, trials: Sequence[Trial], tokens: float, once: float) -> Forecast:
    """``said`` with the time of so many ``tokens`` at the pace of the trials, and ``once`` besides, in seconds."""
    rate = sum(trial.seconds for trial in trials) / sum(trial.tokens for trial in trials)
    least, most = _interval(trials, rate)
    return replace(
        said,
        seconds=once + tokens * rate,
        least_seconds=once + tokens * least,
        most_seconds=once + tokens * most,
        tokens_per_second=1 / rate,
    )


def checkpoint_bytes(trainer: Trainer) -> int:
    """Of one checkpoint: the weights that learn, and AdamW's two moments of each."""
    return (1 + ADAMW_MOMENTS) * sum(p.numel() * p.element_size() for p in trainer.parameters.values())


def result_bytes(trainer: Trainer) -> int:
    """Of the adapter or model that the run leaves."""
    weights = trainer.model.parameters() if trainer.spec.how.leaves == "model" else trainer.parameters.values()
    return sum(p.numel() * p.element_size() for p in weights)


def _refuse_full_disk(trainer: Trainer, needed: int) -> None:
    path = trainer.session.directory.path
    free = shutil.disk_usage(path).free
    if needed > free:
        raise StudioError(
            f"{path}: checkpoints and result need {_size(needed)}, and {_size(free)} are free on this disk.",
            "Make room there, or train fewer weights: method=lora, a lower lora_rank.",
        )


def _tokens(trainer: Trainer) -> float:
    """Of all steps together."""
    return trainer.data.train_tokens * trainer.steps / trainer.steps_per_epoch


def _trial_batches(trainer: Trainer, most_share: float) -> list[list[Encoded]]:
    """Batches to try, the one first that takes the most memory; none where that alone is too dear."""
    allowed = most_share * _tokens(trainer)
    looked_at = min(trainer.steps, max(1, MOST_DRAWN // len(trainer.data.train)))
    steps = [1 + number * trainer.steps // looked_at for number in range(looked_at)]
    at_once = trainer.choice.micro_batch_size * trainer.choice.lanes

    def heaviest_rows(step: int) -> list[Encoded]:
        rows = [trainer.data.train[row] for row in trainer.batches.rows_of(step)]
        return sorted(rows, key=lambda row: row.total_tokens, reverse=True)

    heaviest = max((heaviest_rows(step) for step in steps), key=lambda rows: _tokens_of(rows[:at_once]))
    if _tokens_of(heaviest) > allowed:
        heaviest = heaviest[:at_once]  # what is in memory at one time
    chosen: list[list[Encoded]] = []
    others = [heaviest_rows(step) for step in steps[:: max(1, len(steps) // MOST_TRIALS)]]
    for rows in [heaviest, *others][:MOST_TRIALS]:
        allowed -= _tokens_of(rows)
        if allowed < 0:
            break
        chosen.append(rows)
    return chosen


def _tried(trainer: Trainer, batches: Sequence[list[Encoded]]) -> tuple[Trainer, list[Trial], float]:
    """The trainer that had memory enough, the trials, and the seconds a token of a forward pass alone."""
    shortest = batches[0][-1:]
    trainer, _ = within_memory(trainer, partial(_trial, rows=shortest), shortest, 0)  # memory and kernels, once paid
    deadline = time.monotonic() + MOST_SECONDS
    trials: list[Trial] = []
    for rows in batches:
        if trials and time.monotonic() > deadline:
            break
        trainer, trial = within_memory(trainer, partial(_trial, rows=rows), rows, 0)
        trials.append(trial)
    trainer.model.eval()
    start = time.perf_counter()
    trainer.losses(batches[0], lambda: False)
    forward = (time.perf_counter() - start) / _tokens_of(batches[0])
    trainer.optimizer.state.clear()
    for parameter in trainer.parameters.values():
        parameter.grad = None
    return trainer, trials, forward


def _trial(trainer: Trainer, rows: list[Encoded]) -> Trial:
    """One step that changes nothing: AdamW multiplies and subtracts by its learning rate, which is 0."""
    trainer.model.train()
    start = time.perf_counter()
    parameters = list(trainer.parameters.values())
    for parameter, gradient in zip(parameters, trainer.gradients(rows).of_parameters, strict=True):
        parameter.grad = gradient
    norm = float(nn.utils.clip_grad_norm_(parameters, trainer.spec.max_grad_norm or math.inf))
    if math.isfinite(norm):  # 0 times infinity would be no number; the step itself then says what is wrong
        for group in trainer.optimizer.param_groups:
            group["lr"] = 0.0
        trainer.optimizer.step()
    trainer.products.refresh()
    return Trial(time.perf_counter() - start, _tokens_of(rows))


def _interval(trials: Sequence[Trial], rate: float) -> tuple[float, float]:
    """The least and the most seconds a token that the run may come to, around ``rate``."""
    rates = [trial.seconds_a_token for trial in trials]
    return min(min(rates), rate / LEAST_MARGIN), max(max(rates), rate * LEAST_MARGIN)


def _tokens_of(rows: Sequence[Encoded]) -> int:
    return sum(row.total_tokens for row in rows)


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
