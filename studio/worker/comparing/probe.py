"""How many answers change with the batch size, and with the dtype: greedy answers are not one truth.

A few rows of one arm are answered again, alone and in the other dtype. What changes there without a reason changes in
every arm, and is the least difference between arms that can mean anything.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from studio.errors import StudioError
from studio.runs.events import Preparing, Warned
from studio.tokens.tokenizer import ModelFolder
from studio.worker.comparing.local import LocalModels
from studio.worker.comparing.predictions import Prediction
from studio.worker.comparing.questions import Question, Questions

# A dtype that this processor does not compute itself can be fifty times slower: what is not answered then is not asked.
MOST_SECONDS = 60.0
OTHER_DTYPE = {"bfloat16": "float32", "float16": "float32", "float32": "bfloat16"}


@dataclass(frozen=True)
class Probe:
    """Of so many rows of ``arm``, how many have another answer alone than among ``batch_size``, or in ``other_dtype``.

    Rows are fewer than asked for where time ran out, or the other dtype cannot be computed.
    """

    arm: str
    batch_size: int
    batch_rows: int
    changed_by_batch: int
    dtype: str
    other_dtype: str
    dtype_rows: int
    changed_by_dtype: int


def probe(questions: Questions, models: LocalModels, lines: Sequence[Prediction]) -> dict[str, object] | None:
    """What ``Probe`` says, also as an event; None where no row was answered among others."""
    arms = [arm for arm in questions.by_arm if not questions.answering[arm].endpoint]
    count, batch_size = questions.spec.probe_rows, questions.spec.batch_size
    if not (count and arms):
        return None
    arm = arms[-1]  # its model is in memory
    among_others = {
        line["example_id"]: str(line["text"])
        for line in lines
        if line["arm"] == arm and line["latency_seconds"] is None and not line["error"]
    }
    asked = [question for question in questions.by_arm[arm] if question.row.example_id in among_others][:count]
    if not asked:
        return None
    session, other = questions.session, OTHER_DTYPE[models.choice.dtype]
    session.events.write(Preparing(message="trying whether answers change with the batch size and the dtype"))
    alone = _texts(questions, models, arm, asked, models.choice.dtype, alone=True)
    elsewhere = _texts(questions, models, arm, asked, other, alone=False)
    found = Probe(
        arm,
        batch_size,
        len(alone),
        sum(text != among_others[at] for at, text in alone.items()),
        models.choice.dtype,
        other,
        len(elsewhere),
        sum(text != among_others[at] for at, text in elsewhere.items()),
    )
    session.events.write(Warned(message=words(found)))
    return {**asdict(found), "words": words(found)}


def words(found: Probe) -> str:
    """``tuned: 3 of 4 answers change with the batch size (1 against 16), 2 of 4 with the dtype (…)``."""
    said = f"{found.arm}: {found.changed_by_batch} of {found.batch_rows} answers change with the batch size"
    said += f" (1 against {found.batch_size})"
    if found.dtype_rows:
        said += f", {found.changed_by_dtype} of {found.dtype_rows} with the dtype"
        said += f" ({found.other_dtype} against {found.dtype})"
    return said


def _texts(
    questions: Questions, models: LocalModels, arm: str, asked: Sequence[Question], dtype: str, *, alone: bool
) -> Mapping[int, str]:
    """By example id what is answered in time; nothing in a dtype in which the model cannot be computed."""
    ends, session = time.monotonic() + MOST_SECONDS, questions.session
    tokenizer = ModelFolder(Path(questions.answering[arm].model_path)).tokenizer
    try:
        decoder = models.decoder_in(arm, dtype)
    except StudioError as error:
        session.events.write(Warned(message=f"not tried in {dtype}: {error.message}"))
        return {}

    def is_over() -> bool:
        return time.monotonic() > ends or session.is_stop_asked()

    if alone:
        answers = [(number, decoder.alone(question.ids, is_over)) for number, question in enumerate(asked)]
    else:
        answers = list(decoder.answers([question.ids for question in asked], questions.spec.batch_size, is_over))
    return {
        asked[number].row.example_id: tokenizer.decode(answer.ids, skip_special_tokens=True)
        for number, answer in answers
        if answer is not None
    }
