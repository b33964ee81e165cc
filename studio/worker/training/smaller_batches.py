"""Where memory is not enough: the same batch in smaller pieces, so that what is learned stays what it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from studio.errors import StudioError
from studio.runs.events import Warned
from studio.runs.specs import TrainSpec
from studio.tokens.encoding import Encoded
from studio.worker.compute.devices import give_back_memory, random_state, set_random_state
from studio.worker.compute.lanes import Lanes
from studio.worker.compute.measure import Choice
from studio.worker.memory import hold_to_available, is_out_of_memory
from studio.worker.training.prepare import Trainer, plan_of, recomputing

ResultT = TypeVar("ResultT")


def within_memory(
    trainer: Trainer, act: Callable[[Trainer], ResultT], rows: Sequence[Encoded], step: int
) -> tuple[Trainer, ResultT]:
    """What ``act`` makes of ``rows`` and the trainer that could: as given, or one that computes in smaller pieces.

    ``act`` is done anew from its start, by the same random numbers, and so may change nothing before it has all it
    needs. Where one row in one lane is too much, its activations are computed again. What is chosen is told as a
    warning and a new plan, which a resume goes by. Raises StudioError where nothing is left to choose.
    """
    random = random_state()
    while True:
        try:
            return trainer, act(trainer)
        except Exception as error:  # how it is said depends on which library was refused
            if not is_out_of_memory(error):
                raise
        # Out here, where the error is gone and with it the frames that held the batch's tensors.
        set_random_state(random)
        trainer = _narrowed(trainer, rows, step)


def smaller(choice: Choice, *, lanes_first: bool) -> Choice | None:
    """Half of what ``choice`` computes at once; None where that is one row already.

    ``lanes_first`` where a lane costs more than its rows. Else lanes are the last to go: they keep cores busy.
    """
    if choice.lanes > 1 and (lanes_first or choice.micro_batch_size == 1):
        return replace(choice, lanes=choice.lanes // 2)
    if choice.micro_batch_size > 1:
        return replace(choice, micro_batch_size=choice.micro_batch_size // 2)
    return None


def _narrowed(trainer: Trainer, rows: Sequence[Encoded], step: int) -> Trainer:
    trainer.lanes.close()  # the other lanes are still in the batch that failed
    give_back_memory()
    if trainer.session.owns_process:
        hold_to_available()
    narrowed: Trainer | None
    if choice := smaller(trainer.choice, lanes_first=_gradients_weigh_most(trainer)):
        narrowed = replace(trainer, choice=choice, lanes=Lanes(choice.lanes, choice.threads))
    else:
        narrowed = recomputing(trainer)
    if narrowed is None:
        raise _nothing_smaller(trainer.spec, rows, step)
    trainer.session.events.write(Warned(step=step, message=_words(trainer.choice, narrowed.choice)))
    trainer.session.events.write(plan_of(narrowed))
    return narrowed


def _gradients_weigh_most(trainer: Trainer) -> bool:
    """Whether every lane holds a gradient of most of the model, because no product adds them up in one place."""
    learned = trainer.parameters.values()
    alone = sum(p.numel() for p in learned if not trainer.products.adds_up(p))
    return alone > sum(p.numel() for p in trainer.model.parameters()) / 2


def _words(before: Choice, now: Choice) -> str:
    if now.recomputes != before.recomputes:
        how = "activations are computed again in the backward pass, slower"
    elif now.lanes != before.lanes:
        how = f"{_counted(now.lanes, 'micro-batch', 'micro-batches')} at once instead of {before.lanes}"
    else:
        how = f"micro-batches of {_counted(now.micro_batch_size, 'row', 'rows')} instead of {before.micro_batch_size}"
    return f"not enough memory: from here on {how}; the batch stays as it is, and so does what is learned"


def _counted(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"


def _nothing_smaller(spec: TrainSpec, rows: Sequence[Encoded], step: int) -> StudioError:
    longest = max((row.total_tokens for row in rows), default=0)
    where = f"step {step}" if step else "before the first step"
    return StudioError(
        f"{where}: not enough memory for one row at a time; the longest has {longest} tokens.", what_saves_memory(spec)
    )


def what_saves_memory(spec: TrainSpec) -> str:
    """What to change in a run that does not fit, as ``--set`` takes it."""
    changes = [f"lower max_length (it is {spec.max_length}; overlong=drop leaves out what is longer)"]
    if spec.gradient_checkpointing == "off":
        changes.append("set gradient_checkpointing=on")
    if spec.how.leaves == "model":
        changes.append("use method=lora")
    if spec.dtype == "float32":
        changes.append("use dtype=bfloat16")
    text = ", or ".join([*changes, "end other programs that hold memory"])
    return f"{text[0].upper()}{text[1:]}; then resume the run or start a new one."
