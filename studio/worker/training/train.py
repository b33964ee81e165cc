"""The training loop, read from top to bottom: prepare, then per step batch → gradient → update → events."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import nn

from studio.errors import StudioError
from studio.files import whole_folder
from studio.runs.batches import Order, write_order
from studio.runs.continuing import goes_on
from studio.runs.events import (
    CheckpointSaved,
    Evaluation,
    Finished,
    Preparing,
    Resumed,
    RolledBack,
    Step,
    Stopped,
    Warned,
)
from studio.runs.fingerprint import refusal_of_changes, write_fingerprint
from studio.runs.resuming import refusal_of_checkpoint
from studio.runs.schedules import learning_rate_at
from studio.runs.specs import MEAN, TrainSpec
from studio.runs.watchdogs.watchdog import Action
from studio.tokens.encoding import Encoded
from studio.worker.compute.devices import has_gpu, peak_memory_bytes, random_state, set_random_state
from studio.worker.memory import hold_to_available
from studio.worker.methods.full import copy_tokenizer
from studio.worker.session import Session
from studio.worker.training import checkpoints, controls
from studio.worker.training.checkpoints import Progress
from studio.worker.training.forecast import FIRST_STEPS, forecast, forecast_by_steps
from studio.worker.training.gradients import Gradients
from studio.worker.training.prepare import Trainer, prepare
from studio.worker.training.sampling import sampled
from studio.worker.training.smaller_batches import within_memory
from studio.worker.training.watching import Watching, failure

EVALUATIONS_PER_EPOCH = 4
# The loss before any training is worth knowing when it costs no more than this share of the run's own tokens.
CHEAP_BASELINE_SHARE = 0.05


def train(session: Session, spec: TrainSpec) -> None:
    """Run a TrainSpec to ``finished`` or ``stopped``. Raises StudioError for anything a person must mend."""
    started = time.monotonic()
    trainer, progress = _begin(session, spec, started)
    started -= progress.seconds
    eval_every, save_every = _cadence(trainer)
    watching = Watching(session, spec)
    if watching.may_roll_back and not checkpoints.checkpoints_in(session.directory):
        _checkpoint(trainer, progress)  # the first weights are what a first trouble goes back to

    while True:
        trainer = _with_asked_length(trainer, progress)
        is_last = progress.step == trainer.steps
        if _is_evaluation_due(trainer, progress, eval_every):
            trainer, progress = _evaluated(trainer, progress, watching)
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
        trainer, progress = _step(trainer, progress, started, watching)
        if progress.step == FIRST_STEPS:
            forecast_by_steps(trainer, progress.tokens, progress.seconds)

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


def _begin(session: Session, spec: TrainSpec, started: float) -> tuple[Trainer, Progress]:
    """Everything before the first step of this life; what the run will take is said before the first of all."""
    if session.owns_process and not has_gpu():
        hold_to_available()
    has_learned = bool(session.directory.checkpoint_paths())
    if has_learned and (refusal := refusal_of_changes(session.directory, Path(spec.model_path))):
        raise refusal
    trainer = prepare(session, spec)
    if not has_learned:
        trainer = _forecast(trainer, started)
    progress = _resume(trainer)
    example_ids = [row.example_id for row in trainer.data.rows]
    write_order(session.directory, Order(trainer.batches, example_ids, progress.steps_before))
    return trainer, progress


def _forecast(trainer: Trainer, started: float, most_share: float | None = None) -> Trainer:
    eval_every, save_every = _cadence(trainer)
    evaluations = 1 + trainer.steps // eval_every if trainer.data.validation else 0
    saves = 1 + trainer.steps // save_every
    return forecast(trainer, evaluations, saves, time.monotonic() - started, most_share=most_share)


def measure_steps(session: Session, spec: TrainSpec) -> None:
    """Say what the run would take, by as many steps as say it well, whatever share of it they are; nothing is kept."""
    started = time.monotonic()
    if session.owns_process and not has_gpu():
        hold_to_available()
    trainer = _forecast(prepare(session, spec), started, most_share=1.0)
    trainer.lanes.close()
    session.events.write(Finished(seconds=time.monotonic() - started))


def _cadence(trainer: Trainer) -> tuple[int, int]:
    """Steps between evaluations, and between checkpoints."""
    eval_every = trainer.spec.eval_every or max(1, trainer.steps_per_epoch // EVALUATIONS_PER_EPOCH)
    return eval_every, trainer.spec.save_every or eval_every


def _step(trainer: Trainer, progress: Progress, started: float, watching: Watching) -> tuple[Trainer, Progress]:
    """The trainer that had memory enough, and the progress; what is no number changes no weight."""
    step_started, cpu_started = time.perf_counter(), time.process_time()
    step = progress.step + 1
    numbers = trainer.batches.rows_of(progress.steps_before + step)
    frozen = [trainer.data.rows[number] for number in numbers]
    rows = [trainer.data.train[number] for number in numbers]
    rate = learning_rate_at(step, trainer.steps, trainer.spec) * progress.rate_scale
    trainer, (gradients, norm) = within_memory(trainer, partial(_learn, rows=rows), rows, step)
    is_finite = math.isfinite(gradients.loss) and math.isfinite(norm)
    if is_finite:
        _update(trainer, rate)
    trainer.row_losses.note("train", step, frozen, rows, gradients.of_rows)
    tokens = sum(row.total_tokens for row in rows)
    seconds = time.perf_counter() - step_started
    progress = progress.advanced(step=step, tokens=progress.tokens + tokens, seconds=time.monotonic() - started)
    has_tasks = len(trainer.data.shares) > 1
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
        task_losses=by_task([row.task for row in frozen], rows, gradients.of_rows) if has_tasks else {},
    )
    trainer.session.events.write(event)
    watching.step(event, trainer.steps, seconds)
    if not is_finite and watching.wish is Action.STOP:
        raise failure(step, gradients.loss, norm, [row.example_id for row in frozen])
    return trainer, progress


def by_task(tasks: Sequence[str], rows: Sequence[Encoded], losses: Sequence[float]) -> dict[str, float]:
    """Task → mean loss per learned token, of rows with these tasks and summed losses."""
    sums, learned = defaultdict[str, float](float), defaultdict[str, int](int)
    for task, row, loss in zip(tasks, rows, losses, strict=True):
        sums[task] += loss
        learned[task] += row.learned_tokens
    return {task: sums[task] / learned[task] for task in sorted(learned)}


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
    trainer.optimizer.zero_grad()  # or they would stand beside the next batch's
    trainer.products.refresh()


def _evaluate(trainer: Trainer, progress: Progress) -> Evaluation | None:
    """The losses of the validation rows; None when a stop was asked for meanwhile."""
    trainer.model.eval()
    data, watched = trainer.data, trainer.spec.early_stopping_on
    losses = trainer.losses(data.validation, trainer.session.is_stop_asked)
    if losses is None:
        return None
    trainer.row_losses.note("validation", progress.step, data.validation_rows, data.validation, losses.of_rows)
    of_tasks = by_task([row.task for row in data.validation_rows], data.validation, losses.of_rows)
    watched_loss = None
    if watched:
        watched_loss = sum(of_tasks.values()) / len(of_tasks) if watched == MEAN else of_tasks[watched]
    return Evaluation(
        step=progress.step,
        eval_loss=losses.mean,
        tokens=progress.tokens,
        task_losses=of_tasks if len(of_tasks) > 1 else {},
        watched_loss=watched_loss,
    )


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
    spec = controls.with_length(trainer.session, trainer.spec, progress.step, trainer.steps, trainer.data.examples)
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
    set_random_state(state.training)
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


def _evaluated(trainer: Trainer, progress: Progress, watching: Watching) -> tuple[Trainer, Progress]:
    """The trainer that had memory enough, and the progress with the best so far; as it was when a stop came."""
    evaluate = partial(_evaluate, progress=progress)
    trainer, evaluation = within_memory(trainer, evaluate, trainer.data.validation, progress.step)
    if evaluation is None:
        return trainer, progress
    trainer.session.events.write(evaluation)
    watching.evaluation(evaluation)
    if trainer.spec.samples:
        trainer = sampled(trainer, progress.step)
    return trainer, _noted(progress, evaluation)


def _noted(progress: Progress, evaluation: Evaluation) -> Progress:
    loss = evaluation.watched
    progress = progress.advanced(evaluated_step=progress.step)
    if progress.step == 0:  # the untuned model is a baseline to look at, not a result to keep
        return progress
    if loss is not None and (progress.best_eval_loss is None or loss < progress.best_eval_loss):
        return progress.advanced(best_step=progress.step, best_eval_loss=loss, evaluations_without_gain=0)
    return progress.advanced(evaluations_without_gain=progress.evaluations_without_gain + 1)


def _checkpoint(trainer: Trainer, progress: Progress) -> None:
    state = {"optimizer": trainer.optimizer.state_dict(), **random_state()}
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
        return _new_start(trainer)
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
    set_random_state(state.training)
    session.events.write(Resumed(step=progress.step))
    for damage in damages:
        message = f"{damage}; it goes on from {checkpoint.path.name}, the one before"
        session.events.write(Warned(step=progress.step, message=message))
    return progress


def _new_start(trainer: Trainer) -> Progress:
    """A new start, or where the run that is continued stands (see ``runs.continuing``); what it is made on is noted."""
    spec, session = trainer.spec, trainer.session
    write_fingerprint(session.directory, Path(spec.model_path))
    if spec.how.leaves == "model":
        with whole_folder(session.directory.base_files_path) as part:
            copy_tokenizer(Path(spec.model_path), part)
    torch.manual_seed(spec.seed)
    progress = Progress(data_hash=trainer.data.data_hash)
    if not spec.continue_from:
        return progress
    checkpoint = checkpoints.Checkpoint(session.directory.begin_path)
    state = checkpoint.state()
    _put_weights(trainer, state.weights)
    if not goes_on(checkpoint.path, state.progress.data_hash, spec, progress.data_hash):
        session.events.write(Preparing(message=f"beginning with what {spec.continue_from} has learned"))
        return progress
    decays = [group["weight_decay"] for group in trainer.optimizer.param_groups]
    trainer.optimizer.load_state_dict(state.training["optimizer"])
    for group, decay in zip(trainer.optimizer.param_groups, decays, strict=True):
        group["weight_decay"] = decay
    set_random_state(state.training)
    session.events.write(Preparing(message=f"going on from {spec.continue_from}, optimizer and order of rows too"))
    return progress.advanced(steps_before=state.progress.steps_before + state.progress.step)


def _put_weights(trainer: Trainer, weights: dict[str, torch.Tensor]) -> None:
    """Raises as ``checkpoints.put_weights``."""
    checkpoints.put_weights(trainer.parameters, weights)
    trainer.products.refresh()
