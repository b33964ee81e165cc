"""Every arm answers the same held-out rows; answers are appended one by one, so nothing is generated twice."""

from __future__ import annotations

import gc
import hashlib
import json
import math
import time
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from studio.errors import StudioError
from studio.runs.directory import FrozenRow, read_rows, write_atomically
from studio.runs.specs import CompareSpec, shots_of
from studio.scoring.summary import summarize
from studio.tokens.encoding import Pair, encode_pairs, encode_prompts, prompt_text
from studio.tokens.shots import choose_shots
from studio.tokens.tokenizer import ModelFolder
from studio.worker.comparing.predictions import Predictions, prediction_key, weights_id
from studio.worker.compute import loading, measure
from studio.worker.compute.decoding import Answer, Decoder, TokenIds, stop_ids_of
from studio.worker.compute.lanes import Lanes, lane_count
from studio.worker.compute.measure import Choice
from studio.worker.session import Session
from studio.worker.trying.models import merged

ANSWER_ROOM = 1.5
# Decode steps timed per dtype; enough to tell, short enough to pay.
MEASURED_TOKENS = 8
WARM_UP_TOKENS = 8


@dataclass(frozen=True)
class Question:
    """One test row as one arm asks it."""

    row: FrozenRow
    text: str
    ids: TokenIds


@dataclass(frozen=True)
class SharedQuestions:
    """What all arms share. ``questions``: arm → its questions, without the rows that some arm cannot fit."""

    session: Session
    spec: CompareSpec
    folder: ModelFolder
    questions: dict[str, list[Question]]
    left_out: dict[str, int]
    max_new_tokens: int
    stop_ids: frozenset[int]


def compare(session: Session, spec: CompareSpec) -> None:
    """Run a CompareSpec to ``finished`` or ``stopped``. Raises StudioError for anything a person must mend."""
    started = time.monotonic()
    session.events.write("preparing", message="rendering the prompts")
    comparison = _ask(session, spec)
    base, choice = _load(comparison)
    torch.set_num_threads(choice.threads)
    lanes = Lanes(choice.lanes, choice.threads)
    questions = next(iter(comparison.questions.values()))
    session.events.write(
        "plan", rows=len(questions), arms=list(comparison.questions), dtype=choice.dtype, threads=choice.threads
    )
    with Predictions(session.directory.predictions_path) as predictions:
        for arm in comparison.questions:
            if arm == "tuned":
                base = _tuned(base, spec, choice.dtype)
            _answer(comparison, arm, base, choice, lanes, predictions)
            if session.is_stop_asked():
                session.events.write("stopped", step=len(predictions.lines))
                return
        # Only what this spec asks for: an answer made under other weights or limits is no answer here.
        lines = [predictions.lines[key] for arm in comparison.questions for key in _keys(comparison, arm, choice)]
    result = summarize([question.row for question in questions], lines)
    scores = result.to_dict()
    for arm, count in comparison.left_out.items():
        scores["arms"][arm]["left_out"] = count
    write_atomically(session.directory.scores_path, json.dumps(scores, indent=1, ensure_ascii=False))
    session.events.write("finished", seconds=time.monotonic() - started)


def _ask(session: Session, spec: CompareSpec) -> SharedQuestions:
    """Render every question of every arm. Raises StudioError for overlap, no rows, or a window that fits none."""
    folder = ModelFolder(Path(spec.model_path))
    rows, pool = read_rows(session.directory.rows_path("test")), read_rows(session.directory.rows_path("train"))
    if not rows:
        raise StudioError("there is no held-out row to answer.", "Assign the splits first: studio split, or S on Data.")
    _refuse_overlap(rows, pool)
    references = encode_pairs(folder, [Pair(row.prompt, row.completion, row.system) for row in rows])
    limit = spec.max_new_tokens or math.ceil(ANSWER_ROOM * max(row.completion_tokens for row in references))
    arms = sorted(spec.arms, key=lambda arm: arm == "tuned")  # the tuned weights replace the base's, so they come last
    asked = {arm: list(_questions(session, spec, folder, rows, pool, arm)) for arm in arms}
    too_long = {
        arm: {q.row.example_id for q in questions if len(q.ids) + limit > folder.context_window}
        for arm, questions in asked.items()
    }
    left_out = set().union(*too_long.values())
    if len(left_out) == len(rows):
        raise StudioError(
            f"no row fits the context window of {folder.context_window} tokens in every arm.",
            "Use fewer shots or a smaller max_new_tokens.",
        )
    questions = {arm: [q for q in of if q.row.example_id not in left_out] for arm, of in asked.items()}
    counts = {arm: len(ids) for arm, ids in too_long.items()}
    for arm, of in questions.items():
        mean = sum(len(q.ids) for q in of) / len(of)
        facts: dict[str, Any] = {"prompts": len(of), "left_out": counts[arm], "prompt_tokens_mean": mean}
        session.events.write("arm", arm=arm, max_new_tokens=limit, **facts)
    return SharedQuestions(session, spec, folder, questions, counts, limit, stop_ids_of(folder))


def _questions(
    session: Session, spec: CompareSpec, folder: ModelFolder, rows: list[FrozenRow], pool: list[FrozenRow], arm: str
) -> Iterator[Question]:
    count = shots_of(arm)
    shots = {task: choose_shots(pool, task, count, spec.seed) for task in {row.task for row in rows}}
    for task, chosen in sorted(shots.items()):
        if len(chosen) < count:
            message = f"{arm}: the train split has only {len(chosen)} examples of task {task!r} to show"
            session.events.write("warning", step=0, message=message)
    pairs = {task: [(shot.prompt, shot.completion) for shot in chosen] for task, chosen in shots.items()}
    texts = [prompt_text(folder, row.prompt, row.system, pairs[row.task]) for row in rows]
    for row, text, ids in zip(rows, texts, encode_prompts(folder, texts), strict=True):
        yield Question(row, text, ids)


def _answer(
    comparison: SharedQuestions,
    arm: str,
    answering: PreTrainedModel,
    choice: Choice,
    lanes: Lanes,
    predictions: Predictions,
) -> None:
    """Answer what this arm has not answered yet: a few alone, to time them, the rest many at a time."""
    session, questions = comparison.session, comparison.questions[arm]
    keys = dict(zip((q.row.example_id for q in questions), _keys(comparison, arm, choice), strict=True))
    waiting = [question for question in questions if keys[question.row.example_id] not in predictions.lines]
    decoder = Decoder(answering, comparison.stop_ids, comparison.max_new_tokens)
    done, tokens, started = len(questions) - len(waiting), 0, time.monotonic()
    session.events.write("progress", arm=arm, done=done, total=len(questions), tokens_per_second=None)
    timed = [question for question in _evenly(questions, comparison.spec.latency_rows) if question in waiting]
    others = [question for question in waiting if question not in timed]
    for question, answer in chain(
        _one_by_one(decoder, timed, session.is_stop_asked),
        _task_by_task(decoder, others, comparison.spec.batch_size, session.is_stop_asked, lanes),
    ):
        predictions.append(_prediction(comparison.folder, keys[question.row.example_id], arm, question, answer))
        done, tokens = done + 1, tokens + len(answer.ids) + (not answer.is_cut)
        rate = tokens / (time.monotonic() - started)
        session.events.write("progress", arm=arm, done=done, total=len(questions), tokens_per_second=rate)


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


def _prediction(folder: ModelFolder, key: str, arm: str, question: Question, answer: Answer) -> dict[str, Any]:
    return {
        "key": key,
        "arm": arm,
        "example_id": question.row.example_id,
        "task": question.row.task,
        "text": folder.tokenizer.decode(answer.ids, skip_special_tokens=True),
        "tokens": len(answer.ids),
        "latency_seconds": answer.latency_seconds,
        "prompt_tokens": len(question.ids),
        "is_cut": answer.is_cut,
    }


def _keys(comparison: SharedQuestions, arm: str, choice: Choice) -> list[str]:
    """Per question what decides its answer: weights, adapter, prompt, decoding, dtype."""
    spec = comparison.spec
    tuned = weights_id(Path(spec.tuned_path)) if arm == "tuned" else ""
    decoding = f"greedy {comparison.max_new_tokens} {sorted(comparison.stop_ids)}"
    fixed = (arm, weights_id(comparison.folder.path), tuned, decoding, choice.dtype)
    return [prediction_key(*fixed, str(q.row.example_id), q.text) for q in comparison.questions[arm]]


def _load(comparison: SharedQuestions) -> tuple[PreTrainedModel, Choice]:
    """The base model in the dtype that decodes fastest here, measured on this comparison's own prompts."""
    session, spec, path = comparison.session, comparison.spec, comparison.folder.path
    earlier, known = session.last_event("plan"), measure.remembered(f"generate-{spec.batch_size}", path)
    threads = measure.thread_counts()[0]
    dtypes = [spec.dtype]
    if earlier:  # answers of one comparison come from one dtype, also after a resume
        dtypes, threads = [earlier["dtype"]], earlier["threads"]
    elif spec.dtype == "auto" and known:
        dtypes, threads = [known.dtype], known.threads
    elif spec.dtype == "auto":
        session.events.write("preparing", message="measuring dtypes")
        width = int(comparison.folder.config.get("hidden_size", measure.USUAL_WIDTH))
        dtypes = measure.promising_dtypes(width, ("float32", "bfloat16"), with_backward=False)
    session.events.write("preparing", message="loading the model")
    torch.set_num_threads(threads)
    if len(dtypes) > 1:
        dtypes = [min(dtypes, key=lambda dtype: _decode_seconds(comparison, dtype))]
    choice = Choice(dtypes[0], threads, lanes=lane_count(threads, len(next(iter(comparison.questions.values())))))
    if spec.dtype == "auto" and not earlier and not known:
        measure.remember(f"generate-{spec.batch_size}", path, choice)
    return loading.load_model(path, choice.dtype, is_trusted=spec.is_trusted), choice


def _decode_seconds(comparison: SharedQuestions, dtype: str) -> float:
    loaded = loading.load_model(comparison.folder.path, dtype, is_trusted=comparison.spec.is_trusted)
    questions = next(iter(comparison.questions.values()))[: comparison.spec.batch_size]
    decoder = Decoder(loaded, frozenset(), MEASURED_TOKENS)
    prompts = [question.ids for question in questions]
    next(decoder.answers(prompts[:1], 1))  # the first pass pays for memory and kernels
    return measure.timed(lambda: list(decoder.answers(prompts, len(prompts))))


def _tuned(base: PreTrainedModel, spec: CompareSpec, dtype: str) -> PreTrainedModel:
    if spec.tuned_method == "full":
        del base
        gc.collect()  # one model in memory at a time
        return loading.load_model(Path(spec.tuned_path), dtype)
    adapted = loading.load_adapter(base, Path(spec.tuned_path))
    if dtype == "float32":
        return merged(adapted)
    plain = adapted.get_base_model()  # in bfloat16 merging would round the update away: the adapter stays beside
    assert isinstance(plain, PreTrainedModel)
    return plain


def _refuse_overlap(rows: list[FrozenRow], pool: list[FrozenRow]) -> None:
    seen = {_normalised(row): row.example_id for row in pool}
    shared = [row.example_id for row in rows if _normalised(row) in seen]
    if shared:
        some = ", ".join(map(str, shared[:5]))
        raise StudioError(
            f"{len(shared)} test rows share their prompt with a training row: examples {some}.",
            "Rows that were trained on prove nothing. Assign the splits again: studio split, or S on Data.",
        )


def _normalised(row: FrozenRow) -> str:
    text = unicodedata.normalize("NFC", row.prompt).casefold()
    return hashlib.md5(" ".join(text.split()).encode(errors="replace")).hexdigest()
