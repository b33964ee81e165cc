"""Every question of every arm, rendered; nothing is answered before all of them are known to be fair and to fit."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from studio.endpoints.client import estimated_tokens, plain_prompt
from studio.errors import StudioError
from studio.runs.arms.answering import Answering
from studio.runs.arms.arm import Arm
from studio.runs.directory import FrozenRow, read_rows
from studio.runs.events import ArmAsked, Warned
from studio.runs.retrieval.overlap import refuse_overlap
from studio.runs.specs import CompareSpec
from studio.tokens.encoding import encode_pairs, encode_prompts, pair_of, prompt_texts
from studio.tokens.layout import ContextWindow
from studio.tokens.tokenizer import ModelFolder
from studio.worker.comparing.prompts import Prompt, Prompts
from studio.worker.session import Session

# Without a limit of its own, an answer may be this many times as long as the longest reference.
ANSWER_ROOM = 1.5


@dataclass(frozen=True)
class Question:
    """One test row as one arm asks it: in words, and as the token ids that its model is given.

    ``ids`` is empty where a server answers; ``prompt_tokens`` is then an estimate.
    """

    prompt: Prompt
    ids: list[int]
    prompt_tokens: int

    @property
    def row(self) -> FrozenRow:
        return self.prompt.row


@dataclass(frozen=True)
class Questions:
    """What all arms share. ``by_arm``: each arm's questions, without the rows that some arm cannot fit, whose counts
    are in ``left_out``; by the arm's text, in the order in which they answer. ``answering`` says who.
    """

    session: Session
    spec: CompareSpec
    by_arm: dict[str, list[Question]]
    answering: dict[str, Answering]
    left_out: dict[str, int]
    max_new_tokens: int

    @property
    def of_any_arm(self) -> list[Question]:
        """The first arm's: all arms have the same rows."""
        return next(iter(self.by_arm.values()))


def render_questions(
    session: Session, spec: CompareSpec, answering: dict[str, Answering], leading: Mapping[str, list[int]]
) -> Questions:
    """Raises StudioError for overlap with the training rows, no rows, or a window that fits none.

    ``leading`` are the ids before every prompt of an arm, by its text.
    """
    rows, pool = read_rows(session.directory.rows_path("test")), read_rows(session.directory.rows_path("train"))
    if not rows:
        raise StudioError("there is no held-out row to answer.", "Assign the splits first: studio split, or S on Data.")
    refuse_overlap(rows, pool)
    folders = {text: ModelFolder(Path(who.model_path)) for text, who in answering.items() if not who.endpoint}
    limit = spec.max_new_tokens or _room_for_answers(folders.values(), rows)
    asked, making = {}, Prompts(session, spec, rows, pool)
    for arm in _together(spec.parsed_arms, answering):
        making.say_where_examples_lack(arm)
        prompts = list(making.of(spec.arms.index(arm.text), arm))
        if folder := folders.get(arm.text):
            asked[arm.text] = _encoded(folder, prompts, leading.get(arm.text, []))
        else:
            asked[arm.text] = [Question(each, [], estimated_tokens(plain_prompt(each.messages))) for each in prompts]
    windows = {text: folder.window for text, folder in folders.items()}
    windows |= {text: ContextWindow(who.endpoint.context_window) for text, who in answering.items() if who.endpoint}
    by_arm, left_out = _that_fit_everywhere(asked, windows, limit)
    for text, questions in by_arm.items():
        _say_what_is_asked(session, text, questions, windows[text], left_out[text], limit)
    return Questions(session, spec, by_arm, answering, left_out, limit)


def _encoded(folder: ModelFolder, prompts: Sequence[Prompt], leading: list[int]) -> list[Question]:
    texts = prompt_texts(folder, [prompt.messages for prompt in prompts])
    encoded = [leading + ids for ids in encode_prompts(folder, texts)]
    return [Question(prompt, ids, len(ids)) for prompt, ids in zip(prompts, encoded, strict=True)]


def _together(arms: Sequence[Arm], answering: Mapping[str, Answering]) -> list[Arm]:
    """The arms in an order in which no model is loaded twice: of each model the untuned ones first."""
    first_of_model = {answering[arm.text].model_path: place for place, arm in reversed(list(enumerate(arms)))}
    first = {answering[arm.text]: place for place, arm in reversed(list(enumerate(arms)))}
    return sorted(
        arms,
        key=lambda arm: (
            first_of_model[answering[arm.text].model_path],
            bool(answering[arm.text].tuned_path),
            first[answering[arm.text]],
        ),
    )


def _room_for_answers(folders: Collection[ModelFolder], rows: Sequence[FrozenRow]) -> int:
    """Tokens that every answer may have: by the model that needs the most for the longest reference.

    Where only servers answer, whose tokens are not known, by what they would be at half the usual bytes a token.
    """
    if not folders:
        return math.ceil(ANSWER_ROOM * 2 * max(estimated_tokens(row.completion) for row in rows)) + 8
    pairs = list(map(pair_of, rows))
    models = {folder.path: folder for folder in folders}.values()
    longest = max(row.completion_tokens for folder in models for row in encode_pairs(folder, pairs))
    return math.ceil(ANSWER_ROOM * longest)


def _that_fit_everywhere(
    asked: Mapping[str, list[Question]], windows: Mapping[str, ContextWindow], limit: int
) -> tuple[dict[str, list[Question]], dict[str, int]]:
    """The questions without the rows that some arm cannot fit, and how many each cannot."""
    too_long = {
        text: {q.row.example_id for q in questions if not _holds(windows[text], q, limit)}
        for text, questions in asked.items()
    }
    left_out = set().union(*too_long.values())
    by_arm = {text: [q for q in of if q.row.example_id not in left_out] for text, of in asked.items()}
    if not any(by_arm.values()):
        too_small = " and ".join(sorted({windows[text].words for text, ids in too_long.items() if ids}))
        raise StudioError(f"no row fits {too_small} in every arm.", "Use fewer shots or a smaller max_new_tokens.")
    return by_arm, {text: len(ids) for text, ids in too_long.items()}


def _holds(window: ContextWindow, question: Question, limit: int) -> bool:
    return not window.tokens or window.holds(question.prompt_tokens, limit)  # a server's may not be known


def _say_what_is_asked(
    session: Session, text: str, questions: Sequence[Question], window: ContextWindow, left_out: int, limit: int
) -> None:
    beyond = sum(q.prompt_tokens > window.tokens for q in questions) if window.tokens else 0
    if beyond:  # only where the window is not hard
        message = f"{text}: {beyond} of {len(questions)} prompts are longer than {window.words}"
        session.events.write(Warned(message=message))
    mean = sum(q.prompt_tokens for q in questions) / len(questions)
    session.events.write(
        ArmAsked(arm=text, prompts=len(questions), left_out=left_out, prompt_tokens_mean=mean, max_new_tokens=limit)
    )
