"""Everything before the first step: rows encoded, speed measured, model loaded, the plan told."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import torch
from accelerate import Accelerator
from peft import PeftModel
from torch import nn
from transformers import PreTrainedModel

from studio.errors import StudioError
from studio.runs.batches import Batches, Strand
from studio.runs.directory import FrozenRow, RunDirectory, read_rows
from studio.runs.events import Plan, Preparing, Warned
from studio.runs.mixture import TaskShare
from studio.runs.specs import TrainSpec
from studio.tokens.encoding import Encoded, objective_of, pair_of
from studio.tokens.stop_proof import Flaw, StopProof, is_proved, refusal_of, refusal_of_cuts
from studio.tokens.tokenizer import ModelFolder
from studio.tokens.window import Fitted, apply_policy
from studio.worker.compute import devices, loading, measure
from studio.worker.compute.lanes import Lanes, lane_count
from studio.worker.compute.measure import Choice
from studio.worker.compute.neftune import add_noise
from studio.worker.compute.products import Products
from studio.worker.compute.soft_prompt import virtual_ids
from studio.worker.families import family_in
from studio.worker.families.family import Learner
from studio.worker.memory import is_out_of_memory
from studio.worker.methods import work_of
from studio.worker.methods.method import MethodWork, trainable_parameters
from studio.worker.session import Session
from studio.worker.training.gradients import Gradients, Losses, batch_gradients, batch_loss
from studio.worker.training.row_losses import RowLosses

DTYPES = ("float32", "bfloat16")
MICRO_BATCH_SIZES = (4, 2, 1)
GPU_HALVINGS = 4  # of the whole batch


@dataclass(frozen=True)
class Data:
    """Frozen rows, encoded; ``rows`` and ``validation_rows`` are those that are left, in the same order, and as often
    as they were split.

    ``dropped`` and ``was_cut`` count what the over-long policy did to training rows. ``shares`` is what an epoch has of
    each task.
    """

    rows: list[FrozenRow]
    train: list[Encoded]
    validation_rows: list[FrozenRow]
    validation: list[Encoded]
    shares: list[TaskShare]
    dropped: int
    was_cut: int
    data_hash: str

    @property
    def train_tokens(self) -> int:
        """Tokens of an epoch; on average where a mixture draws other rows each time."""
        return sum(share.tokens for share in self.shares)

    @property
    def examples(self) -> int:
        """Examples of an epoch."""
        return sum(share.examples for share in self.shares)

    @property
    def validation_tokens(self) -> int:
        return sum(row.total_tokens for row in self.validation)


@dataclass(frozen=True)
class Trainer:
    """What the loop works with."""

    session: Session
    spec: TrainSpec
    work: MethodWork
    data: Data
    choice: Choice
    accelerator: Accelerator
    model: nn.Module
    learner: Learner
    lanes: Lanes
    optimizer: torch.optim.Optimizer
    products: Products
    batches: Batches
    row_losses: RowLosses
    can_sample: bool = True

    @property
    def parameters(self) -> dict[str, nn.Parameter]:
        return trainable_parameters(self.model)

    def gradients(self, rows: list[Encoded]) -> Gradients:
        """Of the mean loss over the learned tokens of ``rows``."""
        parameters = list(self.parameters.values())
        size = self.choice.micro_batch_size
        return batch_gradients(self.learner, parameters, rows, size, self.lanes, self.autocast, self.products)

    def losses(self, rows: list[Encoded], is_cancelled: Callable[[], bool]) -> Losses | None:
        """Of ``rows``, without gradients; None when cancelled."""
        return batch_loss(
            self.learner, rows, self.choice.micro_batch_size, self.lanes, self.autocast, is_cancelled=is_cancelled
        )

    def autocast(self) -> AbstractContextManager[None]:
        """Products in the chosen dtype where the method holds its weights in another.

        Not accelerate's own, whose precision is fixed once a process: measuring tries one dtype after another.
        """
        is_mixed = self.work.weights_dtype(self.choice.dtype, self.spec) != self.choice.dtype
        return torch.autocast(self.accelerator.device.type, loading.DTYPES[self.choice.dtype], enabled=is_mixed)

    @property
    def steps(self) -> int:
        return self.spec.steps_of(self.data.examples)

    @property
    def steps_per_epoch(self) -> int:
        return self.spec.steps_per_epoch(self.data.examples)


def prepare(session: Session, spec: TrainSpec) -> Trainer:
    """Make ready to train and write the ``plan`` event. Raises StudioError for rows or a model that cannot be used."""
    measure.check_dtype(spec.dtype)
    session.events.write(Preparing(message="reading the rows"))
    folder = ModelFolder(Path(spec.model_path))
    data = read_data(session, folder, spec)
    earlier = session.last_event(Plan)
    known = measure.remembered(f"train-{spec.method}", folder.path)
    if earlier:  # other kernels round otherwise: a resume computes exactly as the run began
        choice = Choice(
            earlier.dtype, earlier.threads, earlier.micro_batch_size, earlier.lanes, recomputes=earlier.recomputes
        )
    elif known and spec.dtype in ("auto", known.dtype):
        size = spec.micro_batch_size or known.micro_batch_size
        lanes = lane_count(known.threads, min(len(data.train), spec.batch_size) // size)
        choice = Choice(known.dtype, known.threads, size, lanes)
    else:
        choice = _measured(session, spec, data, folder)
    torch.set_num_threads(choice.threads)
    session.events.write(Preparing(message="loading the model"))
    trainer = _assemble(session, spec, data, choice)
    session.events.write(plan_of(trainer))
    return trainer


def read_data(session: Session, folder: ModelFolder, spec: TrainSpec) -> Data:
    """The run's frozen rows after the over-long policy. Raises StudioError when nothing is left or one is refused."""
    directory: RunDirectory = session.directory
    rows = read_rows(directory.rows_path("train"))
    budget = folder.layout.budget(spec.max_length, spec.max_target_length)
    objective = objective_of(spec.objective, spec.learned_turns)
    pairs = list(map(pair_of, rows))
    fitted = apply_policy(folder, pairs, budget, spec.overlong, objective)
    kept = [(row, piece) for row, of in zip(rows, fitted, strict=True) for piece in of.pieces]
    dropped = sum(not of.pieces for of in fitted)
    over = [
        row.example_id for row, encoded in kept if not budget.fits(encoded.prompt_tokens, encoded.completion_tokens)
    ]
    if refusal := spec.refusal(len(rows), over, dropped, budget.words):
        raise refusal
    cut = sum(of.was_cut for of in fitted)
    held_out = read_rows(directory.rows_path("validation"))
    pairs = list(map(pair_of, held_out))
    policy = "drop" if spec.overlong == "refuse" else spec.overlong
    checked = apply_policy(folder, pairs, budget, policy, objective) if pairs else []
    if is_proved(objective):
        _prove(folder, rows, fitted)
        _prove(folder, held_out, checked)
        if refusal := refusal_of_cuts(spec.overlong, budget, len(kept), cut):
            raise refusal
    validation = [(row, piece) for row, of in zip(held_out, checked, strict=True) for piece in of.pieces]
    if left_out := sum(not of.pieces for of in checked):
        message = f"{left_out} validation rows are over {budget.words} and left out"
        session.events.write(Warned(message=message))
    if refusal := spec.refusal_to_watch({row.task for row, _ in validation}):
        raise refusal
    leading = virtual_ids(spec.leading_tokens)
    train = [encoded.behind(leading) for _, encoded in kept]
    return Data(
        rows=[row for row, _ in kept],
        train=train,
        validation_rows=[row for row, _ in validation],
        validation=[encoded.behind(leading) for _, encoded in validation],
        shares=spec.shares([(row.task, encoded.total_tokens) for (row, _), encoded in zip(kept, train, strict=True)]),
        dropped=dropped,
        was_cut=cut,
        data_hash=hashlib.sha256(directory.rows_path("train").read_bytes()).hexdigest(),
    )


def _prove(folder: ModelFolder, rows: list[FrozenRow], fitted: list[Fitted]) -> None:
    """Raise StudioError where a row, as it will be trained, would teach a wrong start or end."""
    proof = StopProof(folder)
    pairs = [(row, of) for row, of in zip(rows, fitted, strict=True) if of.encoded]
    found = [Flaw(row.example_id, proof.flaw_of(of.encoded, was_cut=of.was_cut)) for row, of in pairs if of.encoded]
    if refusal := refusal_of([flaw for flaw in found if flaw.reason], len(rows)):
        raise refusal


def _assemble(session: Session, spec: TrainSpec, data: Data, choice: Choice) -> Trainer:
    path, work = Path(spec.model_path), work_of(spec.method)
    family = family_in(path)
    accelerator = Accelerator()
    base = loading.load_model(
        path, work.weights_dtype(choice.dtype, spec), is_trusted=spec.is_trusted, quantize=spec.quantize
    )
    tuned = work.attach(base, spec)
    if spec.neftune_alpha:
        add_noise(family.embedding(base), spec.neftune_alpha)
    if spec.gradient_checkpointing == "on":
        choice = replace(choice, recomputes=True)
    if choice.recomputes:
        _compute_activations_again(base, path)
    tuned.to(accelerator.device)
    if loading.uses_dropout(tuned):  # side by side, which micro-batch draws which random numbers would be chance
        choice = replace(choice, lanes=1)
    products = work.speed_up(tuned, family.siblings(tuned), loading.DTYPES[choice.dtype])
    parameters = trainable_parameters(tuned).values()
    groups = [
        {"params": [p for p in parameters if _is_matrix(p)], "weight_decay": spec.weight_decay},
        {"params": [p for p in parameters if not _is_matrix(p)], "weight_decay": 0.0},
    ]
    return Trainer(
        session=session,
        spec=spec,
        work=work,
        data=data,
        choice=choice,
        accelerator=accelerator,
        model=tuned,
        learner=family.learner(tuned, products).smoothed(spec.label_smoothing),
        lanes=Lanes(choice.lanes, choice.threads),
        optimizer=torch.optim.AdamW([group for group in groups if group["params"]], lr=0.0, fused=True),
        products=products,
        batches=Batches(data.examples, spec.batch_size, spec.seed, _strands(data)),
        row_losses=RowLosses(session.directory),
    )


def _compute_activations_again(base: PreTrainedModel, path: Path) -> None:
    """Keep one activation a layer and compute the others anew in the backward pass (arXiv:1604.06174)."""
    if not base.supports_gradient_checkpointing:
        raise StudioError(
            f"{path}: a {type(base).__name__} cannot compute its activations again.", "Set gradient_checkpointing=off."
        )
    base.gradient_checkpointing_enable({"use_reentrant": False})  # type: ignore[no-untyped-call]


def recomputing(trainer: Trainer) -> Trainer | None:
    """The trainer as it goes on, in the middle of a run, where activations are computed again; None where it cannot.

    The model stays, with all that it has learned, and is taken apart anew: for one that computes again a body cannot
    multiply siblings at once, nor share a prefix.
    """
    base = trainer.model.get_base_model() if isinstance(trainer.model, PeftModel) else trainer.model
    assert isinstance(base, PreTrainedModel)
    if trainer.choice.recomputes or trainer.spec.gradient_checkpointing != "auto":
        return None
    if not base.supports_gradient_checkpointing:
        return None
    path = Path(trainer.spec.model_path)
    _compute_activations_again(base, path)
    products = trainer.products.apart()
    learner = family_in(path).learner(trainer.model, products).smoothed(trainer.spec.label_smoothing)
    return replace(trainer, choice=replace(trainer.choice, recomputes=True), learner=learner, products=products)


def _strands(data: Data) -> tuple[Strand, ...]:
    rows_of: dict[str, list[int]] = {}
    for number, row in enumerate(data.rows):
        rows_of.setdefault(row.task, []).append(number)
    if all(share.rows == share.examples for share in data.shares):
        return ()
    return tuple(Strand(tuple(rows_of[share.task]), share.examples) for share in data.shares)


def _is_matrix(parameter: nn.Parameter) -> bool:
    """What is no matrix never decays: norms, biases and scales, which an adapter may hold as one row or one column."""
    return parameter.squeeze().ndim > 1


def _measured(session: Session, spec: TrainSpec, data: Data, folder: ModelFolder) -> Choice:
    """The fastest way to compute this run, kept for the next run of the same model on this machine."""
    width = int(folder.config.get("hidden_size", measure.USUAL_WIDTH))
    dtypes = [spec.dtype] if spec.dtype != "auto" else measure.promising_dtypes(width, DTYPES, with_backward=True)
    candidates = _candidates(dtypes, spec, len(data.train))
    if len(candidates) == 1:
        return candidates[0]
    ordered = sorted(data.train, key=lambda row: row.total_tokens)
    rows = ordered[len(ordered) // 2 :]  # of middling length, and alike, as sorted batches are
    deadline = time.monotonic() + measure.BUDGET_SECONDS
    timings: dict[Choice, float] = {}
    for dtype in dtypes:
        session.events.write(Preparing(message=f"measuring {dtype}"))
        trainer = _assemble(session, spec, data, next(choice for choice in candidates if choice.dtype == dtype))
        _seconds_a_token(trainer, trainer.choice, rows[:1])  # the first pass pays for memory and kernels
        for choice in candidates:
            if choice.dtype == dtype and (not timings or time.monotonic() < deadline):
                timings[choice] = _seconds_a_token(trainer, choice, rows)
        trainer.lanes.close()
    fastest = min(timings, key=lambda choice: timings[choice])
    if timings[fastest] == math.inf:
        return candidates[-1]  # memory was not enough for any: the run goes on from the least, and says so
    if spec.dtype == "auto" and not spec.micro_batch_size:
        measure.remember(f"train-{spec.method}", folder.path, fastest)
    return fastest


def _candidates(dtypes: list[str], spec: TrainSpec, rows: int) -> list[Choice]:
    """What is worth timing, the likeliest first, because the budget may end before the last."""
    most = min(rows, spec.batch_size)
    if devices.has_gpu():  # it is fastest at whole batches, and lanes would only wait for each other
        halves = [max(1, most >> halvings) for halvings in range(GPU_HALVINGS)]
        sizes = [spec.micro_batch_size] if spec.micro_batch_size else list(dict.fromkeys(halves))
        return [Choice(dtype, measure.thread_counts()[0], size) for dtype, size in product(dtypes, sizes)]
    wanted = [spec.micro_batch_size] if spec.micro_batch_size else list(MICRO_BATCH_SIZES)
    sizes = [size for size in wanted if size <= most] or [most]
    return [
        Choice(dtype, threads, size, lane_count(threads, most // size))
        for dtype, size, threads in product(dtypes, sizes, measure.thread_counts())
    ]


def _seconds_a_token(trainer: Trainer, choice: Choice, rows: list[Encoded]) -> float:
    """Seconds per token of one forward and backward pass in every lane; infinite where memory is not enough for it."""
    torch.set_num_threads(choice.threads)
    part = rows[: choice.micro_batch_size * choice.lanes]
    trial = replace(trainer, choice=choice, lanes=Lanes(choice.lanes, choice.threads))
    try:
        seconds = measure.timed(lambda: trial.gradients(part))
    except Exception as error:  # how it is said depends on which library was refused
        if not is_out_of_memory(error):
            raise
        seconds = math.inf
    finally:
        trial.lanes.close()
    if seconds == math.inf:  # out here, where the error is gone and with it the frames that held tensors
        devices.give_back_memory()
    return seconds / sum(row.total_tokens for row in part)


def plan_of(trainer: Trainer) -> Plan:
    """What the trainer will do, and how it computes it."""
    data, choice = trainer.data, trainer.choice
    return Plan(
        rows=len(data.train),
        dtype=choice.dtype,
        threads=choice.threads,
        lanes=choice.lanes,
        micro_batch_size=choice.micro_batch_size,
        recomputes=choice.recomputes,
        steps=trainer.steps,
        steps_per_epoch=trainer.steps_per_epoch,
        validation_rows=len(data.validation),
        tokens_per_epoch=data.train_tokens,
        trainable_parameters=sum(p.numel() for p in trainer.parameters.values()),
        parameters=sum(p.numel() for p in trainer.model.parameters()),
        dropped_rows=data.dropped,
        cut_rows=data.was_cut,
        learning_rate=trainer.spec.peak_learning_rate,
        continued_from=trainer.spec.continue_from,
        task_examples={share.task: share.examples for share in data.shares},
        task_tokens={share.task: share.tokens for share in data.shares},
    )
