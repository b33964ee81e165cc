"""A few validation prompts answered by the model as it is now; see ``runs.samples``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from peft import PeftModel
from transformers import PreTrainedModel

from studio.runs.samples import Sample, append_samples
from studio.tokens.tokenizer import ModelFolder
from studio.worker.compute.loading import stop_ids_of
from studio.worker.families import family_in
from studio.worker.training.prepare import Trainer

MOST_NEW_TOKENS = 64
TOGETHER = 8


def sample(trainer: Trainer, step: int) -> None:
    """Answer ``spec.samples`` prompts from all over the validation rows, greedily, and write the answers down.

    The same prompts each time. Nothing is written where a stop came in between. Raises OSError on a full disk.
    """
    data, path = trainer.data, Path(trainer.spec.model_path)
    asked = list(zip(data.validation_rows, data.validation, strict=True))
    asked = asked[:: max(1, len(asked) // max(1, trainer.spec.samples))][: trainer.spec.samples]
    prompts = [encoded.ids[: encoded.prompt_tokens] for _, encoded in asked]
    if not prompts or not all(prompts):  # a row may have no prompt to answer, where everything is learned
        return
    trainer.model.eval()
    model: Any = trainer.model.get_base_model() if isinstance(trainer.model, PeftModel) else trainer.model
    assert isinstance(model, PreTrainedModel)
    folder = ModelFolder(path)
    decoder = family_in(path).decoder(model, stop_ids_of(folder), MOST_NEW_TOKENS)
    with trainer.autocast():
        answers = dict(decoder.answers(prompts, TOGETHER, trainer.session.is_stop_asked))
    if len(answers) < len(prompts):
        return
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
