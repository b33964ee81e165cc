"""Every arm answers the same held-out rows; answers are appended one by one, so nothing is generated twice."""

from __future__ import annotations

import dataclasses
import gc
import json
import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import torch
from transformers import PreTrainedModel

from studio.files import write_whole
from studio.runs.arms.arm import Arm
from studio.runs.events import Finished, Plan, Preparing, Progressed, Stopped
from studio.runs.specs import CompareSpec
from studio.scoring.summary import summarize
from studio.tokens.tokenizer import ModelFolder
from studio.worker.comparing.predictions import Prediction, Predictions, prediction_key, weights_id
from studio.worker.comparing.questions import Question, Questions, render_questions
from studio.worker.compute import devices, measure
from studio.worker.compute.lanes import Lanes, lane_count
from studio.worker.compute.loading import load_model
from studio.worker.compute.measure import Choice
from studio.worker.families import family_in
from studio.worker.families.family import Answer, Decoder
from studio.worker.methods import work_of
from studio.worker.session import Session

# Decode steps timed per dtype; enough to tell, short enough to pay.
MEASURED_TOKENS = 8
WARM_UP_TOKENS = 8


def compare(session: Session, spec: CompareSpec) -> None:
    """Run a CompareSpec to ``finished`` or ``stopped``. Raises StudioError for anything a person must mend."""
    started = time.monotonic()
    session.events.write(Preparing(message="rendering the prompts"))
    questions = render_questions(session, spec)
    choice = _choice(questions)
    session.events.write(Preparing(message="loading the model"))
    answering: PreTrainedModel | None = load_model(questions.folder.path, choice.dtype, is_trusted=spec.is_trusted)
    torch.set_num_threads(choice.threads)
    lanes = Lanes(choice.lanes, choice.threads)
    session.events.write(
        Plan(
            rows=len(questions.of_any_arm),
            arms=tuple(arm.text for arm in questions.by_arm),
            dtype=choice.dtype,
            threads=choice.threads,
            lanes=choice.lanes,
            batch_size=spec.batch_size,
        )
    )
    with Predictions(session.directory.predictions_path) as predictions:
        for arm in questions.by_arm:
            if arm.is_tuned:
                work = work_of(spec.tuned_method)
                if not work.needs_base:  # one model in memory at a time
                    answering = None
                    gc.collect()
                answering = work.load(answering, Path(spec.tuned_path), choice.dtype)
            assert answering is not None
            _answer(questions, arm, answering, choice, lanes, predictions)
            if session.is_stop_asked():
                session.events.write(Stopped(step=len(predictions.lines)))
                return
        # Only what this spec asks for: an answer made under other weights or limits is no answer here.
        lines = [predictions.lines[key] for arm in questions.by_arm for key in _keys(questions, arm, choice)]
    tuned = {arm.text for arm in questions.by_arm if arm.is_tuned}
    result = summarize([question.row for question in questions.of_any_arm], lines, tuned)
    scores = dataclasses.replace(result, dtype=choice.dtype).to_dict()
    for text, count in questions.left_out.items():
        scores["arms"][text]["left_out"] = count
    write_whole(session.directory.scores_path, json.dumps(scores, indent=1, ensure_ascii=False))
    session.events.write(Finished(seconds=time.monotonic() - started))


def _answer(
    questions: Questions,
    arm: Arm,
    answering: PreTrainedModel,
    choice: Choice,
    lanes: Lanes,
    predictions: Predictions,
) -> None:
    """Answer what this arm has not answered yet: a few alone, to time them, the rest many at a time."""
    session, spec, asked = questions.session, questions.spec, questions.by_arm[arm]
    keys = dict(zip((q.row.example_id for q in asked), _keys(questions, arm, choice), strict=True))
    waiting = [question for question in asked if keys[question.row.example_id] not in predictions.lines]
    decoder = _decoder(questions, answering)
    done, tokens, started = len(asked) - len(waiting), 0, time.monotonic()
    session.events.write(Progressed(arm=arm.text, done=done, total=len(asked)))
    timed = [question for question in _evenly(asked, spec.latency_rows) if question in waiting]
    others = [question for question in waiting if question not in timed]
    for question, answer in chain(
        _one_by_one(decoder, timed, session.is_stop_asked),
        _task_by_task(decoder, others, spec.batch_size, session.is_stop_asked, lanes),
    ):
        key = keys[question.row.example_id]
        predictions.append(_prediction(questions.folder, key, arm, question, answer))
        done, tokens = done + 1, tokens + len(answer.ids) + (not answer.is_cut)
        rate = tokens / (time.monotonic() - started)
        session.events.write(Progressed(arm=arm.text, done=done, total=len(asked), tokens_per_second=rate))


def _decoder(questions: Questions, answering: PreTrainedModel) -> Decoder:
    return family_in(questions.folder.path).decoder(answering, questions.stop_ids, questions.max_new_tokens)


def _evenly(questions: list[Question], count: int) -> list[Question]:
    """At most ``count`` of the questions, from all over them."""
    return questions[:: max(1, len(questions) // count)][:count] if count else []


def _one_by_one(
    decoder: Decoder, questions: list[Question], is_cancelled: Callable[[], bool]
) -> Iterator[tuple[Question, Answer]]:
    if questions:
        next(decoder.pieces(questions[0].ids[:WARM_UP_TOKENS]), None)  # the first pass pays for memory and kernels
    for question in questions:
        if (answer := decoder.alone(question.ids, is_cancelled)) is not None:
            yield question, answer


def _task_by_task(
    decoder: Decoder, questions: list[Question], batch_size: int, is_cancelled: Callable[[], bool], lanes: Lanes
) -> Iterator[tuple[Question, Answer]]:
    """Within a task the prompts share their shots, which are computed once."""
    for task in sorted({question.row.task for question in questions}):
        of_task = [question for question in questions if question.row.task == task]
        prompts = [question.ids for question in of_task]
        for number, answer in decoder.answers(prompts, batch_size, is_cancelled, lanes):
            yield of_task[number], answer


def _prediction(folder: ModelFolder, key: str, arm: Arm, question: Question, answer: Answer) -> Prediction:
    return {
        "key": key,
        "arm": arm.text,
        "example_id": question.row.example_id,
        "task": question.row.task,
        "text": folder.tokenizer.decode(answer.ids, skip_special_tokens=True),
        "tokens": len(answer.ids),
        "latency_seconds": answer.latency_seconds,
        "prompt_tokens": len(question.ids),
        "is_cut": answer.is_cut,
    }


def _keys(questions: Questions, arm: Arm, choice: Choice) -> list[str]:
    """Per question what decides its answer: weights, adapter, prompt, decoding, dtype."""
    tuned = weights_id(Path(questions.spec.tuned_path)) if arm.is_tuned else ""
    decoding = f"greedy {questions.max_new_tokens} {sorted(questions.stop_ids)}"
    fixed = (arm.text, weights_id(questions.folder.path), tuned, decoding, choice.dtype)
    return [prediction_key(*fixed, str(q.row.example_id), repr(q.ids)) for q in questions.by_arm[arm]]


def _choice(questions: Questions) -> Choice:
    """The dtype that decodes fastest here, measured on this comparison's own prompts, and the threads to use."""
    session, spec, path = questions.session, questions.spec, questions.folder.path
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
        width = int(questions.folder.config.get("hidden_size", measure.USUAL_WIDTH))
        dtypes = measure.promising_dtypes(width, ("float32", "bfloat16"), with_backward=False)
    torch.set_num_threads(threads)
    if len(dtypes) > 1:
        dtypes = [min(dtypes, key=lambda dtype: _decode_seconds(questions, dtype))]
    choice = Choice(
        dtypes[0], threads, lanes=1 if devices.has_gpu() else lane_count(threads, len(questions.of_any_arm))
    )
    if spec.dtype == "auto" and not earlier and not known:
        measure.remember(purpose, path, choice)
    return choice


def _decode_seconds(questions: Questions, dtype: str) -> float:
    questions.session.events.write(Preparing(message=f"measuring {dtype}"))
    path = questions.folder.path
    loaded = load_model(path, dtype, is_trusted=questions.spec.is_trusted)
    decoder = family_in(path).decoder(loaded, frozenset(), MEASURED_TOKENS)
    prompts = [question.ids for question in questions.of_any_arm[: questions.spec.batch_size]]
    next(decoder.answers(prompts[:1], 1))  # the first pass pays for memory and kernels
    return measure.timed(lambda: list(decoder.answers(prompts, len(prompts))))
