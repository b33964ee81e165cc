"""The training loop, read from top to bottom: prepare, then per step batch → gradient → update → events."""

from __future__ import annotations

import math
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from studio.errors import StudioError
from studio.files import whole_folder
from studio.runs.events import CheckpointSaved, Evaluation, Finished, Resumed, RolledBack, Step, Stopped, Warned
from studio.runs.resuming import refusal_of_checkpoint
from studio.runs.schedules import learning_rate_at
from studio.runs.specs import TrainSpec
from studio.runs.watchdogs.watchdog import Action
from studio.tokens.encoding import Encoded
from studio.worker.session import Session
from studio.worker.training import checkpoints, controls
from studio.worker.training.checkpoints import Progress
from studio.worker.training.gradients import Gradients
from studio.worker.training.prepare import Trainer, prepare
from studio.worker.training.sampling import sample
from studio.worker.training.watching import Watching, failure

EVALUATIONS_PER_EPOCH = 4
# The loss before any training is worth knowing when it costs no more than this share of the run's own tokens.
CHEAP_BASELINE_SHARE = 0.05


def train(session: Session, spec: TrainSpec) -> None:
    """Run a TrainSpec to ``finished`` or ``stopped``. Raises StudioError for anything a person must mend."""
    started = time.monotonic()
    trainer = prepare(session, spec)
    watching = Watching(session, spec)
    progress = _resume(trainer)
    started -= progress.seconds
    if watching.may_roll_back and not checkpoints.checkpoints_in(session.directory):
        _checkpoint(trainer, progress)  # the first weights are what a first trouble goes back to
    eval_every = spec.eval_every or max(1, trainer.steps_per_epoch // EVALUATIONS_PER_EPOCH)
    save_every = spec.save_every or eval_every

    while True:
        trainer = _with_asked_length(trainer, progress)
        is_last = progress.step == trainer.steps
        if _is_evaluation_due(trainer, progress, eval_every):
            progress = _evaluated(trainer, progress, watching)
        watching.refuse_more_rollbacks(progress.rollbacks)
        if watching.wish is Action.ROLLBACK:
            progress = _rolled_back(trainer, progress, watching)
            continue
        is_paused = controls.is_pause_asked(session)
        if is_last or is_paused or _is_checkpoint_due(trainer, progress, save_every):
            _checkpoint(trainer, progress)
        if is_paused:
            started += controls.wait_while_paused(session, progress.step)
        if is_last or session.is_stop_asked() or watching.wish or _is_patience_over(trainer, progress):
            break
        progress = _step(trainer, progress, started, watching)

    is_ended = not is_last or _is_evaluation_due(trainer, progress, eval_every)
    was_stopped = (session.is_stop_asked() and is_ended) or watching.wish is Action.STOP
    trainer.lanes.close()
    _save_result(trainer, progress)
    if was_stopped:
        session.events.write(Stopped(step=progress.step))
        return
    session.events.write(
        Finished(
            seconds=time.monotonic() - started,
            step=progress.step,
            best_step=progress.best_step,
            best_eval_loss=progress.best_eval_loss,
        )
    )


def _step(trainer: Trainer, progress: Progress, started: float, watching: Watching) -> Progress:
    """Progress after one more step; a step whose loss or gradient is no number changes no weight."""
    step_started, cpu_started = time.perf_counter(), time.process_time()
    step = progress.step + 1
    numbers = trainer.batches.rows_of(step)
    rows = [trainer.data.train[number] for number in numbers]
    rate = learning_rate_at(step, trainer.steps, trainer.spec) * progress.rate_scale
    gradients, norm = _learn(trainer, rows)
    is_finite = math.isfinite(gradients.loss) and math.isfinite(norm)
    if is_finite:
        _update(trainer, rate)
    trainer.row_losses.note("train", step, [trainer.data.rows[row] for row in numbers], rows, gradients.of_rows)
    tokens = sum(row.total_tokens for row in rows)
    seconds = time.perf_counter() - step_started
    progress = progress.advanced(step=step, tokens=progress.tokens + tokens, seconds=time.monotonic() - started)
    event = Step(
        step=step,
        epoch=round(step / trainer.steps_per_epoch, 4),
        tokens=progress.tokens,
        loss=gradients.loss,
        learning_rate=rate,
        grad_norm=norm,
        tokens_per_second=tokens / seconds,
        memory_bytes=peak_memory_bytes(),
        cores=round((time.process_time() - cpu_started) / seconds, 2),
        gpu_memory_bytes=torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0,
    )
    trainer.session.events.write(event)
    watching.step(event, trainer.steps, seconds)
    if not is_finite and watching.wish is Action.STOP:
        raise failure(step, gradients.loss, norm, [trainer.data.rows[row].example_id for row in numbers])
    return progress


def _learn(trainer: Trainer, rows: list[Encoded]) -> tuple[Gradients, float]:
    """Gradients of the exact batch, clipped, and their norm before that."""
    trainer.model.train()
    parameters = trainer.parameters.values()
    gradients = trainer.gradients(rows)
    for parameter, gradient in zip(parameters, gradients.of_parameters, strict=True):
        parameter.grad = gradient
    norm = float(nn.utils.clip_grad_norm_(parameters, trainer.spec.max_grad_norm or math.inf))
    return gradients, norm


def _update(trainer: Trainer, rate: float) -> None:
    for group in trainer.optimizer.param_groups:
        group["lr"] = rate
    trainer.optimizer.step()
    trainer.products.refresh()


def _evaluate(trainer: Trainer, progress: Progress) -> Evaluation | None:
    """The losses of the validation rows; None when a stop was asked for meanwhile."""
    trainer.model.eval()
    data = trainer.data
    losses = trainer.losses(data.validation, trainer.session.is_stop_asked)
    if losses is None:
        return None
    trainer.row_losses.note("validation", progress.step, data.validation_rows, data.validation, losses.of_rows)
    return Evaluation(step=progress.step, eval_loss=losses.mean, tokens=progress.tokens)


def _is_evaluation_due(trainer: Trainer, progress: Progress, eval_every: int) -> bool:
    if not trainer.data.validation or progress.evaluated_step == progress.step:
        return False
    if progress.step == 0:  # a forward pass costs about a third of a training pass
        allowed = CHEAP_BASELINE_SHARE * trainer.data.train_tokens * trainer.spec.epochs
        return trainer.data.validation_tokens / 3 <= allowed
    return progress.step == trainer.steps or progress.step % eval_every == 0


def _is_checkpoint_due(trainer: Trainer, progress: Progress, save_every: int) -> bool:
    """At its time, at a new best, or because somebody asked; never twice at one step."""
    if controls.take_checkpoint_wish(trainer.session):
        return True
    return progress.step > 0 and (progress.best_step == progress.step or progress.step % save_every == 0)


def _with_asked_length(trainer: Trainer, progress: Progress) -> Trainer:
    spec = controls.with_length(trainer.session, trainer.spec, progress.step, trainer.steps, trainer.batches.rows)
    return trainer if spec is trainer.spec else replace(trainer, spec=spec)


def _rolled_back(trainer: Trainer, progress: Progress, watching: Watching) -> Progress:
    """The progress of the newest checkpoint before the trouble, with its weights, at half the learning rate."""
    directory = trainer.session.directory
    since = watching.alarm.since if watching.alarm else progress.step
    found = checkpoints.newest_good(directory, since)
    if found is None:
        raise StudioError(
            f"no checkpoint before step {since} is whole, so the run cannot go back.",
            "Start it anew with a lower learning_rate.",
        )
    checkpoint, state = found
    checkpoints.forget_after(directory, checkpoint.step)
    _put_weights(trainer, state.weights)
    trainer.optimizer.load_state_dict(state.training["optimizer"])
    torch.set_rng_state(state.training["random"])
    scale = progress.rate_scale / 2
    back = state.progress.advanced(rollbacks=progress.rollbacks + 1, rate_scale=scale)
    if all(kept.step != back.best_step for kept in checkpoints.checkpoints_in(directory)):
        back = back.advanced(best_step=None, best_eval_loss=None)  # a better one, gone now, had taken its place
    event = RolledBack(step=checkpoint.step, from_step=progress.step, rate_scale=scale)
    trainer.session.events.write(event)
    _checkpoint(trainer, back)  # so that a resume knows of the lower rate
    watching.begin_anew()
    return back


def _is_patience_over(trainer: Trainer, progress: Progress) -> bool:
    patience = trainer.spec.patience
    if not patience or progress.evaluations_without_gain < patience:
        return False
    message = f"stopped early: {patience} evaluations without improvement"
    trainer.session.events.write(Warned(step=progress.step, message=message))
    return True


def _evaluated(trainer: Trainer, progress: Progress, watching: Watching) -> Progress:
    """Progress after an evaluation, with the best so far; unchanged when a stop came in between."""
    evaluation = _evaluate(trainer, progress)
    if evaluation is None:
        return progress
    trainer.session.events.write(evaluation)
    watching.evaluation(evaluation)
    if trainer.spec.samples:
        sample(trainer, progress.step)
    loss = evaluation.eval_loss
    progress = progress.advanced(evaluated_step=progress.step)
    if progress.step == 0:  # the untuned model is a baseline to look at, not a result to keep
        return progress
    if loss is not None and (progress.best_eval_loss is None or loss < progress.best_eval_loss):
        return progress.advanced(best_step=progress.step, best_eval_loss=loss, evaluations_without_gain=0)
    return progress.advanced(evaluations_without_gain=progress.evaluations_without_gain + 1)


def _checkpoint(trainer: Trainer, progress: Progress) -> None:
    state = {"optimizer": trainer.optimizer.state_dict(), "random": torch.get_rng_state()}
    weights: dict[str, torch.Tensor] = dict(trainer.parameters)
    saved = checkpoints.save_checkpoint(trainer.session.directory, progress, weights, state, trainer.spec)
    trainer.row_losses.save()
    is_best = progress.best_step == progress.step
    trainer.session.events.write(CheckpointSaved(step=progress.step, path=str(saved.path), is_best=is_best))


def _save_result(trainer: Trainer, progress: Progress) -> None:
    """Checkpoint what is not yet, then save the best weights so far as the run's adapter or model."""
    directory = trainer.session.directory
    newest = next(iter(checkpoints.checkpoints_in(directory)), None)
    if newest is None or newest.step != progress.step:
        _checkpoint(trainer, progress)
    if progress.best_step is not None and progress.best_step != progress.step:
        _take_best_weights(trainer, progress)
    result = directory.result_path(trainer.spec.how.leaves)
    with whole_folder(result, checkpoints.AFTER_A_FAILED_WRITE) as part:
        trainer.work.save(trainer.model, part, Path(trainer.spec.model_path))


def _take_best_weights(trainer: Trainer, progress: Progress) -> None:
    best = checkpoints.Checkpoint(trainer.session.directory.checkpoints_path / f"step-{progress.best_step}")
    try:
        weights = best.weights()
    except checkpoints.DamagedCheckpoint as error:
        message = f"{error.message}: the newest weights are the result, not the best"
        trainer.session.events.write(Warned(step=progress.step, message=message))
        return
    _put_weights(trainer, weights)


def _resume(trainer: Trainer) -> Progress:
    """The progress to go on from: the newest whole checkpoint's, or a new start."""
    session = trainer.session
    found = checkpoints.newest_whole(session.directory)
    if found is None:
        if session.last_event(Step):  # an earlier life was killed before its first checkpoint
            session.events.write(Resumed(step=0))
        torch.manual_seed(trainer.spec.seed)
        return Progress(data_hash=trainer.data.data_hash)
    checkpoint, state, damages = found
    progress = state.progress
    if refusal := refusal_of_checkpoint(checkpoint.path, trainer.spec):
        raise refusal
    if progress.data_hash != trainer.data.data_hash:
        raise StudioError(
            f"{session.directory.rows_path('train')} has changed since step {progress.step}.",
            "A resume would mix two data sets. Start a new run on the new rows.",
        )
    checkpoints.set_aside_after(session.directory, progress.step)
    _put_weights(trainer, state.weights)
    trainer.optimizer.load_state_dict(state.training["optimizer"])
    torch.set_rng_state(state.training["random"])
    session.events.write(Resumed(step=progress.step))
    for damage in damages:
        message = f"{damage}; it goes on from {checkpoint.path.name}, the one before"
        session.events.write(Warned(step=progress.step, message=message))
    return progress


@torch.no_grad()
def _put_weights(trainer: Trainer, weights: dict[str, torch.Tensor]) -> None:
    """Raises StudioError where they are another model's, as of a spec that was changed since."""
    for name, parameter in trainer.parameters.items():
        if name not in weights or weights[name].shape != parameter.shape:
            had = f"{tuple(weights[name].shape)}" if name in weights else "missing"
            raise StudioError(
                f"the checkpoint does not fit spec.json: {name} is {had} there, {tuple(parameter.shape)} here.",
                "Put the settings back that the run began with, or start a new run.",
            )
        parameter.copy_(weights[name])
    trainer.products.refresh()


def peak_memory_bytes() -> int:
    """The most memory this process ever held."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # Linux counts in KiB
