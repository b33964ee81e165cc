"""Arms that a model in this process answers: a few questions alone, to time them, the rest many at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch

from studio.runs.arms.answering import Answering
from studio.runs.events import Plan, Preparing
from studio.runs.specs import CompareSpec
from studio.tokens.tokenizer import ModelFolder
from studio.worker.answering import Loaded
from studio.worker.comparing.predictions import Prediction, prediction_key, weights_id
from studio.worker.comparing.questions import Question, Questions
from studio.worker.comparing.reference_loss import reference_ids, reference_loss
from studio.worker.compute import devices, measure
from studio.worker.compute.lanes import Lanes, lane_count
from studio.worker.compute.loading import load_model, stop_ids_of
from studio.worker.compute.measure import Choice
from studio.worker.families import family_in
from studio.worker.families.family import Answer, Decoder
from studio.worker.session import Session

# Raised whenever the code that decodes may give other answers: what is kept of an older one is then asked again.
DECODING_REVISION = 2
# Decode steps timed per dtype; enough to tell, short enough to pay.
MEASURED_TOKENS = 8
WARM_UP_TOKENS = 8


class LocalModels:
    """The models of a comparison, one in memory at a time, all computed alike."""

    def __init__(self, questions: Questions) -> None:
        self._questions = questions
        self.choice = _choice(questions)
        torch.set_num_threads(self.choice.threads)
        self._lanes = Lanes(self.choice.lanes, self.choice.threads)
        self._loaded = Loaded(self.choice.dtype)
        self._decoder: tuple[Answering, Decoder] | None = None  # making one lays out all weights anew

    def key(self, arm: str, question: Question) -> str:
        """Of everything that decides an answer: weights, prompt, decoding, dtype."""
        who = self._questions.answering[arm]
        weights = [weights_id(Path(path)) if path else "" for path in (who.model_path, who.tuned_path)]
        decoding = f"greedy {DECODING_REVISION} {self._questions.max_new_tokens} {sorted(_stop_ids(who))}"
        row = question.row.example_id
        return prediction_key(arm, *weights, decoding, self.choice.dtype, str(row), repr(question.ids))

    def answers(
        self, arm: str, timed: Sequence[Question], others: Sequence[Question], is_cancelled: Callable[[], bool]
    ) -> Iterator[tuple[Question, Prediction]]:
        """What predictions.jsonl says of each answer, as they come: ``timed``, one by one, then the ``others``."""
        decoder = self._decoder_of(arm)
        folder = ModelFolder(Path(self._questions.answering[arm].model_path))
        tokenizer = folder.tokenizer
        references = self._references(folder, [*timed, *others])
        for question, answer in self._answered(decoder, timed, others, is_cancelled):
            yield (
                question,
                {
                    "text": tokenizer.decode(answer.ids, skip_special_tokens=True),
                    "tokens": len(answer.ids),
                    "prompt_tokens": len(question.ids),
                    "latency_seconds": answer.latency_seconds,
                    "ttft_seconds": answer.ttft_seconds,
                    "stop_reason": "length" if answer.is_cut else "stop",
                    "is_cut": answer.is_cut,
                    "cost": None,
                    "error": None,
                    "sources": question.prompt.sources,
                    **self._loss_of(arm, question, references),
                },
            )

    def _references(self, folder: ModelFolder, questions: Sequence[Question]) -> dict[int, list[int]]:
        """The ids of the right answers, by example_id, where their loss is asked for."""
        if not self._questions.spec.has_loss:
            return {}
        rows = [question.row for question in questions]
        return dict(zip((row.example_id for row in rows), reference_ids(folder, rows), strict=True))

    def _loss_of(self, arm: str, question: Question, references: dict[int, list[int]]) -> Prediction:
        ids = references.get(question.row.example_id)
        if ids is None:
            return {}
        model = self._loaded.use(self._questions.answering[arm])
        return {"loss": reference_loss(model, question.ids, ids), "loss_tokens": len(ids)}

    def _answered(
        self,
        decoder: Decoder,
        timed: Sequence[Question],
        others: Sequence[Question],
        is_cancelled: Callable[[], bool],
    ) -> Iterator[tuple[Question, Answer]]:
        if timed:
            next(decoder.pieces(timed[0].ids[:WARM_UP_TOKENS]), None)  # the first pass pays for memory and kernels
        for question in timed:
            if (answer := decoder.alone(question.ids, is_cancelled)) is not None:
                yield question, answer
        # Within a task the prompts share their shots, which are computed once.
        for task in sorted({question.row.task for question in others}):
            of_task = [question for question in others if question.row.task == task]
            prompts = [question.ids for question in of_task]
            size = self._questions.spec.batch_size
            for number, answer in decoder.answers(prompts, size, is_cancelled, self._lanes):
                yield of_task[number], answer

    def decoder_in(self, arm: str, dtype: str) -> Decoder:
        """Who answers for the arm, in any dtype; no other is in memory then. Raises StudioError where it cannot be."""
        if dtype == self.choice.dtype:
            return self._decoder_of(arm)
        self._decoder, self._loaded = None, Loaded(dtype)
        who = self._questions.answering[arm]
        return family_in(Path(who.model_path)).decoder(
            self._loaded.use(who), _stop_ids(who), self._questions.max_new_tokens
        )

    def _decoder_of(self, arm: str) -> Decoder:
        who = self._questions.answering[arm]
        if self._loaded.dtype != self.choice.dtype:
            self._loaded = Loaded(self.choice.dtype)
        if self._decoder is None or self._decoder[0] != who:
            self._questions.session.events.write(Preparing(message=f"loading the model of {arm}"))
            self._decoder = None  # with it goes the model before, if nothing is made of that
            model = self._loaded.use(who)
            made = family_in(Path(who.model_path)).decoder(model, _stop_ids(who), self._questions.max_new_tokens)
            self._decoder = who, made
        return self._decoder[1]


def _stop_ids(who: Answering) -> frozenset[int]:
    return stop_ids_of(ModelFolder(Path(who.model_path)))


def _choice(questions: Questions) -> Choice:
    """The dtype that decodes fastest here, measured on this comparison's own prompts, and the threads to use."""
    session, spec = questions.session, questions.spec
    arm = next(text for text in questions.by_arm if not questions.answering[text].endpoint)
    path = Path(questions.answering[arm].model_path)
    purpose = f"generate-{spec.batch_size}"
    earlier, known = session.last_event(Plan), measure.remembered(purpose, path)
    threads = measure.thread_counts()[0]
    dtypes = [spec.dtype]
    if earlier:  # answers of one comparison come from one dtype, also after a resume
        dtypes, threads = [earlier.dtype], earlier.threads
    elif spec.dtype == "auto" and known:
        dtypes, threads = [known.dtype], known.threads
    elif spec.dtype == "auto":
        session.events.write(Preparing(message="measuring dtypes"))
        width = int(ModelFolder(path).config.get("hidden_size", measure.USUAL_WIDTH))
        dtypes = measure.promising_dtypes(width, ("float32", "bfloat16"), with_backward=False)
    torch.set_num_threads(threads)
    if len(dtypes) > 1:
        who, prompts = questions.answering[arm], [q.ids for q in questions.by_arm[arm][: spec.batch_size]]
        dtypes = [min(dtypes, key=lambda dtype: _decode_seconds(session, spec, who, prompts, dtype))]
    choice = Choice(
        dtypes[0], threads, lanes=1 if devices.has_gpu() else lane_count(threads, len(questions.of_any_arm))
    )
    if spec.dtype == "auto" and not earlier and not known:
        measure.remember(purpose, path, choice)
    return choice


def _decode_seconds(session: Session, spec: CompareSpec, who: Answering, prompts: list[list[int]], dtype: str) -> float:
    session.events.write(Preparing(message=f"measuring {dtype}"))
    path = Path(who.model_path)
    loaded = load_model(path, dtype, is_trusted=who.is_trusted)
    decoder = family_in(path).decoder(loaded, frozenset(), MEASURED_TOKENS)
    next(decoder.answers(prompts[:1], 1))  # the first pass pays for memory and kernels
    return measure.timed(lambda: list(decoder.answers(prompts, len(prompts))))
