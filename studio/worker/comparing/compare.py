"""Every arm answers the same held-out rows; answers are appended one by one, so nothing is generated twice.

Torch is only loaded where a model of this machine answers.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from studio.files import write_whole
from studio.runs.arms.answering import read_answering
from studio.runs.events import Finished, Plan, Preparing, Progressed, Stopped, Warned
from studio.runs.specs import CompareSpec
from studio.worker.comparing.machine import machine_facts
from studio.worker.comparing.predictions import Prediction, Predictions
from studio.worker.comparing.questions import Question, Questions, render_questions
from studio.worker.comparing.scoring import ScoringStopped, scored_comparison
from studio.worker.comparing.served import Served
from studio.worker.comparing.waiting import wait_for_training
from studio.worker.session import Session

if TYPE_CHECKING:
    from studio.worker.comparing.local import LocalModels


class Answerers(Protocol):
    """Whoever answers for some of the arms."""

    def key(self, arm: str, question: Question) -> str:
        """Of everything that decides an answer."""

    def answers(
        self, arm: str, timed: Sequence[Question], others: Sequence[Question], is_cancelled: Callable[[], bool]
    ) -> Iterator[tuple[Question, Prediction]]:
        """What predictions.jsonl says of each answer, as they come: ``timed``, one by one, then the ``others``."""


def compare(session: Session, spec: CompareSpec) -> None:
    """Run a CompareSpec to ``finished`` or ``stopped``. Raises StudioError for anything a person must mend."""
    if spec.after and not wait_for_training(session, spec.after):
        session.events.write(Stopped(step=0))
        return
    started = time.monotonic()
    questions = _questions(session, spec)
    models = _models(questions)
    _say_plan(questions, models)
    served = Served(questions)
    by_arm: dict[str, Answerers] = {
        arm: served if models is None or questions.answering[arm].endpoint else models for arm in questions.by_arm
    }
    with Predictions(session.directory.predictions_path) as predictions:
        for arm, answerers in by_arm.items():
            _answer(questions, arm, answerers, predictions)
            if session.is_stop_asked():
                session.events.write(Stopped(step=len(predictions.lines)))
                return
        lines = _lines(questions, by_arm, predictions)
    try:
        scores = _scores(questions, models, lines)
    except ScoringStopped:
        session.events.write(Stopped(step=len(predictions.lines)))
        return
    write_whole(session.directory.scores_path, json.dumps(scores, indent=1, ensure_ascii=False))
    session.events.write(Finished(seconds=time.monotonic() - started))


def _questions(session: Session, spec: CompareSpec) -> Questions:
    answering, leading = read_answering(session.directory, spec), {}
    for number, arm in enumerate(spec.arms):
        if not answering[arm].tuned_path:
            continue
        from studio.worker.answering import leading_in, restored

        if answering[arm].is_checkpoint:
            session.events.write(Preparing(message=f"making a model of the checkpoint of {arm}"))
        answering[arm] = restored(answering[arm], session.directory.restored_path(number))
        leading[arm] = leading_in(answering[arm])
    session.events.write(Preparing(message="rendering the prompts"))
    return render_questions(session, spec, answering, leading)


def _models(questions: Questions) -> LocalModels | None:
    """The models of this machine that answer, None where only servers do."""
    if all(who.endpoint for who in questions.answering.values()):
        return None
    from studio.worker.comparing.local import LocalModels

    return LocalModels(questions)


def _say_plan(questions: Questions, models: LocalModels | None) -> None:
    facts: dict[str, Any] = {}
    if models is not None:
        choice = models.choice
        facts = {"dtype": choice.dtype, "threads": choice.threads, "lanes": choice.lanes}
    questions.session.events.write(
        Plan(
            rows=len(questions.of_any_arm),
            arms=tuple(questions.by_arm),
            batch_size=questions.spec.batch_size,
            **facts,
        )
    )


def _answer(questions: Questions, arm: str, answerers: Answerers, predictions: Predictions) -> None:
    """Answer what this arm has not answered yet: a few alone, to time them, the rest many at a time."""
    session, asked = questions.session, questions.by_arm[arm]
    keys = {question.row.example_id: answerers.key(arm, question) for question in asked}
    waiting = [question for question in asked if keys[question.row.example_id] not in predictions.lines]
    done, tokens, started = len(asked) - len(waiting), 0, time.monotonic()
    session.events.write(Progressed(arm=arm, done=done, total=len(asked)))
    if not waiting:
        return
    timed = [question for question in _evenly(asked, questions.spec.latency_rows) if question in waiting]
    others = [question for question in waiting if question not in timed]
    for question, facts in answerers.answers(arm, timed, others, session.is_stop_asked):
        row = question.row
        predictions.append(
            {"key": keys[row.example_id], "arm": arm, "example_id": row.example_id, "task": row.task, **facts}
        )
        done, tokens = done + 1, tokens + facts["tokens"] + (facts["stop_reason"] == "stop")
        rate = tokens / (time.monotonic() - started)
        session.events.write(Progressed(arm=arm, done=done, total=len(asked), tokens_per_second=rate))
    if errors := [line["error"] for line in predictions.errors.values() if line["arm"] == arm]:
        usual, count = Counter(errors).most_common(1)[0]
        message = f"{arm}: {len(errors)} of {len(asked)} rows have no answer; {count} of them: {usual}"
        session.events.write(Warned(message=message, hint=f"studio resume {session.directory.run_id} asks them again"))


def _evenly(questions: Sequence[Question], count: int) -> list[Question]:
    """At most ``count`` of the questions, from all over them."""
    return list(questions[:: max(1, len(questions) // count)][:count]) if count else []


def _lines(questions: Questions, by_arm: Mapping[str, Answerers], predictions: Predictions) -> list[Prediction]:
    """The answers that this spec asks for: one made under other weights or limits is no answer here.

    And why some failed; without the arms that gave none at all, or there would be no row that all have answered.
    """
    found: list[Prediction] = []
    for arm in questions.spec.arms:
        keys = [by_arm[arm].key(arm, question) for question in questions.by_arm[arm]]
        answered = [predictions.lines[key] for key in keys if key in predictions.lines]
        failed = [predictions.errors[key] for key in keys if key in predictions.errors]
        found += [*answered, *failed] if answered else []
    return found


def _scores(questions: Questions, models: LocalModels | None, lines: Sequence[Prediction]) -> dict[str, Any]:
    """What scores.json holds. Raises as ``scored_comparison``."""
    spec = questions.spec
    tuned = {arm.text for arm in spec.parsed_arms if arm.is_tuned}
    rows = [question.row for question in questions.of_any_arm]
    result = scored_comparison(questions.session, spec, rows, lines, tuned)
    scores = dataclasses.replace(result, dtype=models.choice.dtype if models else "").to_dict()
    for text, count in questions.left_out.items():
        if text in scores["arms"]:
            scores["arms"][text]["left_out"] += count
    if models is not None:
        from studio.worker.comparing.probe import probe

        scores["probe"] = probe(questions, models, lines)
    scores["computed"] = {"batch_size": spec.batch_size, **machine_facts(models.choice if models else None)}
    return scores
