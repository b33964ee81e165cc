"""Every arm answers the same held-out rows; answers are appended one by one, so nothing is generated twice."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Sequence

from studio.files import write_whole
from studio.runs.arms.answering import read_answering
from studio.runs.events import Finished, Plan, Preparing, Progressed, Stopped
from studio.runs.specs import CompareSpec
from studio.scoring.summary import summarize
from studio.worker.answering import leading_in, restored
from studio.worker.comparing.local import LocalModels
from studio.worker.comparing.predictions import Predictions
from studio.worker.comparing.questions import Question, Questions, render_questions
from studio.worker.session import Session


def compare(session: Session, spec: CompareSpec) -> None:
    """Run a CompareSpec to ``finished`` or ``stopped``. Raises StudioError for anything a person must mend."""
    started = time.monotonic()
    questions = _questions(session, spec)
    models = LocalModels(questions)
    choice = models.choice
    session.events.write(
        Plan(
            rows=len(questions.of_any_arm),
            arms=tuple(questions.by_arm),
            dtype=choice.dtype,
            threads=choice.threads,
            lanes=choice.lanes,
            batch_size=spec.batch_size,
        )
    )
    with Predictions(session.directory.predictions_path) as predictions:
        for arm in questions.by_arm:
            _answer(questions, arm, models, predictions)
            if session.is_stop_asked():
                session.events.write(Stopped(step=len(predictions.lines)))
                return
        # Only what this spec asks for: an answer made under other weights or limits is no answer here.
        lines = [predictions.lines[models.key(arm, q)] for arm in spec.arms for q in questions.by_arm[arm]]
    tuned = {arm.text for arm in spec.parsed_arms if arm.is_tuned}
    result = summarize([question.row for question in questions.of_any_arm], lines, tuned)
    scores = dataclasses.replace(result, dtype=choice.dtype).to_dict()
    for text, count in questions.left_out.items():
        scores["arms"][text]["left_out"] = count
    write_whole(session.directory.scores_path, json.dumps(scores, indent=1, ensure_ascii=False))
    session.events.write(Finished(seconds=time.monotonic() - started))


def _questions(session: Session, spec: CompareSpec) -> Questions:
    answering, leading = read_answering(session.directory, spec), {}
    for number, arm in enumerate(spec.arms):
        if answering[arm].is_checkpoint:
            session.events.write(Preparing(message=f"making a model of the checkpoint of {arm}"))
        answering[arm] = restored(answering[arm], session.directory.restored_path(number))
        leading[arm] = leading_in(answering[arm])
    session.events.write(Preparing(message="rendering the prompts"))
    return render_questions(session, spec, answering, leading)


def _answer(questions: Questions, arm: str, models: LocalModels, predictions: Predictions) -> None:
    """Answer what this arm has not answered yet: a few alone, to time them, the rest many at a time."""
    session, asked = questions.session, questions.by_arm[arm]
    keys = {question.row.example_id: models.key(arm, question) for question in asked}
    waiting = [question for question in asked if keys[question.row.example_id] not in predictions.lines]
    done, tokens, started = len(asked) - len(waiting), 0, time.monotonic()
    session.events.write(Progressed(arm=arm, done=done, total=len(asked)))
    if not waiting:
        return
    timed = [question for question in _evenly(asked, questions.spec.latency_rows) if question in waiting]
    others = [question for question in waiting if question not in timed]
    for question, facts in models.answers(arm, timed, others, session.is_stop_asked):
        row = question.row
        predictions.append(
            {"key": keys[row.example_id], "arm": arm, "example_id": row.example_id, "task": row.task, **facts}
        )
        done, tokens = done + 1, tokens + facts["tokens"] + (not facts["is_cut"])
        rate = tokens / (time.monotonic() - started)
        session.events.write(Progressed(arm=arm, done=done, total=len(asked), tokens_per_second=rate))


def _evenly(questions: Sequence[Question], count: int) -> list[Question]:
    """At most ``count`` of the questions, from all over them."""
    return list(questions[:: max(1, len(questions) // count)][:count]) if count else []
