"""The training loop, read from top to bottom: prepare, then per step batch → gradient → update → events."""

from __future__ import annotations

import math
import time
from functools import partial
from pathlib import Path

import torch
from torch import nn

from studio.errors import StudioError
from studio.files import whole_folder
from studio.runs.events import CheckpointSaved, Evaluation, Finished, Resumed, Step, Stopped, Warned
from studio.runs.fingerprint import refusal_of_changes, write_fingerprint
from studio.runs.resuming import refusal_of_checkpoint
from studio.runs.specs import TrainSpec
from studio.tokens.encoding import Encoded
from studio.worker.memory import hold_to_available, peak_memory_bytes
from studio.worker.methods.full import copy_tokenizer
from studio.worker.session import Session
from studio.worker.training import checkpoints
from studio.worker.training.checkpoints import Progress
from studio.worker.training.forecast import FIRST_STEPS, forecast, forecast_by_steps
from studio.worker.training.prepare import Trainer, prepare
from studio.worker.training.smaller_batches import within_memory

EVALUATIONS_PER_EPOCH = 4
# The loss before any training is worth knowing when it costs no more than this share of the run's own tokens.
CHEAP_BASELINE_SHARE = 0.05


def train(session: Session, spec: TrainSpec) -> None:
    """Run a TrainSpec to ``finished`` or ``stopped``. Raises StudioError for anything a person must mend."""
    started = time.monotonic()
    trainer, progress = _begin(session, spec, started)
    started -= progress.seconds
    eval_every, save_every = _cadence(trainer)

    while True:
        is_last = progress.step == trainer.steps
        if _is_evaluation_due(trainer, progress, eval_every):
            trainer, progress = _evaluated(trainer, progress)
        is_best = progress.step > 0 and progress.best_step == progress.step
        if is_last or is_best or (progress.step > 0 and progress.step % save_every == 0):
            _checkpoint(trainer, progress)
        if is_last or session.is_stop_asked() or _is_patience_over(trainer, progress):
            break

        step_started = time.perf_counter()
        step = progress.step + 1
        rows = [trainer.data.train[row] for row in trainer.batches.rows_of(step)]
        rate = learning_rate_at(step, trainer.steps, spec)
        trainer, (loss, norm) = within_memory(trainer, partial(_learn, rows=rows, step=step), rows, step)
        _update(trainer, rate)
        tokens = sum(row.total_tokens for row in rows)
        progress = progress.advanced(step=step, tokens=progress.tokens + tokens, seconds=time.monotonic() - started)
        session.events.write(
            Step(
                step=step,
                epoch=round(step / trainer.steps_per_epoch, 4),
                tokens=progress.tokens,
                loss=loss,
                learning_rate=rate,
                grad_norm=norm,
                tokens_per_second=tokens / (time.perf_counter() - step_started),
                memory_bytes=peak_memory_bytes(),
            )
        )

        if step == FIRST_STEPS:
            forecast_by_steps(trainer, progress.tokens, progress.seconds)

    was_stopped = session.is_stop_asked() and (not is_last or _is_evaluation_due(trainer, progress, eval_every))
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


def _begin(session: Session, spec: TrainSpec, started: float) -> tuple[Trainer, Progress]:
    """Everything before the first step of this life; what the run will take is said before the first of all."""
    if session.owns_process and not torch.cuda.is_available():
        hold_to_available()
    has_learned = bool(session.directory.checkpoint_paths())
    if has_learned and (refusal := refusal_of_changes(session.directory, Path(spec.model_path))):
        raise refusal
    trainer = prepare(session, spec)
    progress = _resume(trainer)
    if progress.step == 0:
        eval_every, save_every = _cadence(trainer)
        evaluations = 1 + trainer.steps // eval_every if trainer.data.validation else 0
        trainer = forecast(trainer, evaluations, 1 + trainer.steps // save_every, time.monotonic() - started)
    return trainer, progress


def _cadence(trainer: Trainer) -> tuple[int, int]:
    """Steps between evaluations, and between checkpoints."""
    eval_every = trainer.spec.eval_every or max(1, trainer.steps_per_epoch // EVALUATIONS_PER_EPOCH)
    return eval_every, trainer.spec.save_every or eval_every


def learning_rate_at(step: int, steps: int, spec: TrainSpec) -> float:
    """Learning rate of step ``step`` (from 1): a linear warm-up to the peak, then the schedule down towards 0."""
    warmup = math.ceil(spec.warmup_ratio * steps)
    if step <= warmup:
        return spec.peak_learning_rate * step / warmup
    share = (step - 1 - warmup) / max(1, steps - warmup)
    match spec.schedule:
        case "cosine":
            return spec.peak_learning_rate * 0.5 * (1 + math.cos(math.pi * share))
        case "linear":
            return spec.peak_learning_rate * (1 - share)
        case _:
            return spec.peak_learning_rate


def _learn(trainer: Trainer, rows: list[Encoded], step: int) -> tuple[float, float]:
    """Gradients of the exact batch, clipped; (mean loss per learned token, gradient norm before clipping)."""
    trainer.model.train()
    parameters = trainer.parameters.values()
    gradients = trainer.gradients(rows)
    for parameter, gradient in zip(parameters, gradients.of_parameters, strict=True):
        parameter.grad = gradient
    loss = gradients.loss
    norm = float(nn.utils.clip_grad_norm_(parameters, trainer.spec.max_grad_norm or math.inf))
    if not (math.isfinite(loss) and math.isfinite(norm)):
        ids = ", ".join(str(trainer.data.rows[row].example_id) for row in trainer.batches.rows_of(step))
        raise StudioError(
            f"the loss of step {step} is {loss}, its gradient norm {norm}; its examples: {ids}.",
            "Look at those examples; a lower learning_rate or dtype=float32 often helps.",
        )
    return loss, norm


def _update(trainer: Trainer, rate: float) -> None:
    for group in trainer.optimizer.param_groups:
        group["lr"] = rate
    trainer.optimizer.step()
    trainer.products.refresh()


def _evaluate(trainer: Trainer) -> float | None:
    """Mean loss per learned token of the validation rows; None when a stop was asked for meanwhile."""
    trainer.model.eval()
    return trainer.loss(trainer.data.validation, trainer.session.is_stop_asked)


def _is_evaluation_due(trainer: Trainer, progress: Progress, eval_every: int) -> bool:
    if not trainer.data.validation or progress.evaluated_step == progress.step:
        return False
    if progress.step == 0:  # a forward pass costs about a third of a training pass
        allowed = CHEAP_BASELINE_SHARE * trainer.data.train_tokens * trainer.spec.epochs
        return trainer.data.validation_tokens / 3 <= allowed
    return progress.step == trainer.steps or progress.step % eval_every == 0


def _is_patience_over(trainer: Trainer, progress: Progress) -> bool:
    patience = trainer.spec.patience
    if not patience or progress.evaluations_without_gain < patience:
        return False
    message = f"stopped early: {patience} evaluations without improvement"
    trainer.session.events.write(Warned(step=progress.step, message=message))
    return True


def _evaluated(trainer: Trainer, progress: Progress) -> tuple[Trainer, Progress]:
    """The trainer that had memory enough, and the progress with the best so far; as it was when a stop came."""
    trainer, loss = within_memory(trainer, _evaluate, trainer.data.validation, progress.step)
    return trainer, progress if loss is None else _noted(trainer, progress, loss)


def _noted(trainer: Trainer, progress: Progress, loss: float) -> Progress:
    trainer.session.events.write(Evaluation(step=progress.step, eval_loss=loss, tokens=progress.tokens))
    progress = progress.advanced(evaluated_step=progress.step)
    if progress.step == 0:  # the untuned model is a baseline to look at, not a result to keep
        return progress
    if progress.best_eval_loss is None or loss < progress.best_eval_loss:
        return progress.advanced(best_step=progress.step, best_eval_loss=loss, evaluations_without_gain=0)
    return progress.advanced(evaluations_without_gain=progress.evaluations_without_gain + 1)


def _checkpoint(trainer: Trainer, progress: Progress) -> None:
    state = {"optimizer": trainer.optimizer.state_dict(), "random": torch.get_rng_state()}
    weights: dict[str, torch.Tensor] = dict(trainer.parameters)
    saved = checkpoints.save_checkpoint(trainer.session.directory, progress, weights, state, trainer.spec)
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
        kept = directory.base_files_path
        trainer.work.save(trainer.model, part, kept if kept.exists() else Path(trainer.spec.model_path))


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
        write_fingerprint(session.directory, Path(trainer.spec.model_path))
        if trainer.spec.how.leaves == "model":
            with whole_folder(session.directory.base_files_path) as part:
                copy_tokenizer(Path(trainer.spec.model_path), part)
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
