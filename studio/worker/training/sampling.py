"""A few validation prompts answered by the model as it is now; see ``runs.samples``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from peft import PeftModel
from transformers import PreTrainedModel

from studio.runs.events import Warned
from studio.runs.samples import Sample, append_samples
from studio.tokens.tokenizer import ModelFolder
from studio.worker.compute.devices import give_back_memory
from studio.worker.compute.loading import stop_ids_of
from studio.worker.families import family_in
from studio.worker.families.family import Answer, TokenIds
from studio.worker.memory import is_out_of_memory
from studio.worker.training.prepare import Trainer

MOST_NEW_TOKENS = 64
TOGETHER = 8


def sampled(trainer: Trainer, step: int) -> Trainer:
    """Answer ``spec.samples`` prompts from all over the validation rows, greedily, and write the answers down.

    The same prompts each time. Nothing is written where a stop came in between. Where memory is not enough fewer are
    answered together, and where it is not enough for one the trainer that comes back samples no more: a run does not
    end for want of something to look at. Raises OSError on a full disk.
    """
    data = trainer.data
    asked = list(zip(data.validation_rows, data.validation, strict=True))
    asked = asked[:: max(1, len(asked) // max(1, trainer.spec.samples))][: trainer.spec.samples]
    prompts = [encoded.ids[: encoded.prompt_tokens] for _, encoded in asked]
    if not trainer.can_sample or not prompts or not all(prompts):  # where everything is learned a row has no prompt
        return trainer
    folder = ModelFolder(Path(trainer.spec.model_path))
    answers = _within_memory(trainer, folder, prompts)
    if answers is None:
        message = "not enough memory to answer sample prompts: from here on there are none"
        trainer.session.events.write(Warned(step=step, message=message))
        return replace(trainer, can_sample=False)
    if len(answers) == len(prompts):
        append_samples(
            trainer.session.directory,
            (
                Sample(
                    step,
                    row.example_id,
                    folder.tokenizer.decode(answers[number].ids, skip_special_tokens=True),
                    answers[number].is_cut,
                )
                for number, (row, _) in enumerate(asked)
            ),
        )
    return trainer


def _within_memory(trainer: Trainer, folder: ModelFolder, prompts: list[TokenIds]) -> dict[int, Answer] | None:
    """The answers by prompt, not all of them where a stop came; None where memory is not enough for one at a time."""
    together = TOGETHER
    while together:
        try:
            return _answers(trainer, folder, prompts, together)
        except Exception as error:  # how it is said depends on which library was refused
            if not is_out_of_memory(error):
                raise
        # Out here, where the error is gone and with it the frames that held tensors.
        give_back_memory()
        together //= 2
    return None


def _answers(trainer: Trainer, folder: ModelFolder, prompts: list[TokenIds], together: int) -> dict[int, Answer]:
    trainer.model.eval()
    model: Any = trainer.model.get_base_model() if isinstance(trainer.model, PeftModel) else trainer.model
    assert isinstance(model, PreTrainedModel)
    decoder = family_in(folder.path).decoder(model, stop_ids_of(folder), MOST_NEW_TOKENS)
    with trainer.autocast():
        return dict(decoder.answers(prompts, together, trainer.session.is_stop_asked))
