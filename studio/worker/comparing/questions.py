"""Every question of every arm, rendered; nothing is answered before all of them are known to be fair and to fit."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from studio.errors import StudioError
from studio.runs.arms.answering import Answering
from studio.runs.arms.arm import Arm
from studio.runs.directory import FrozenRow, read_rows
from studio.runs.events import ArmAsked, Warned
from studio.runs.specs import CompareSpec
from studio.tokens.encoding import Pair, encode_pairs, encode_prompts, prompt_texts
from studio.tokens.tokenizer import ModelFolder
from studio.worker.comparing.prompts import Prompt, prompts_of
from studio.worker.session import Session

# Without a limit of its own, an answer may be this many times as long as the longest reference.
ANSWER_ROOM = 1.5


@dataclass(frozen=True)
class Question:
    """One test row as one arm asks it: in words, and as the token ids that its model is given."""

    prompt: Prompt
    ids: list[int]

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
    _refuse_overlap(rows, pool)
    folders = {text: ModelFolder(Path(who.model_path)) for text, who in answering.items()}
    limit = spec.max_new_tokens or _room_for_answers(folders.values(), rows)
    asked = {}
    for arm in _together(spec.parsed_arms, answering):
        _say_where_shots_lack(session, arm, rows, pool)
        prompts = list(prompts_of(arm, rows, pool, spec.seed))
        texts = prompt_texts(folders[arm.text], [prompt.messages for prompt in prompts])
        encoded = encode_prompts(folders[arm.text], texts)
        before = leading.get(arm.text, [])
        asked[arm.text] = [Question(prompt, before + ids) for prompt, ids in zip(prompts, encoded, strict=True)]
    by_arm, left_out = _that_fit_everywhere(asked, folders, limit)
    for text, questions in by_arm.items():
        _say_what_is_asked(session, text, questions, folders[text], left_out[text], limit)
    return Questions(session, spec, by_arm, answering, left_out, limit)


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
    """Tokens that every answer may have: by the model that needs the most for the longest reference."""
    pairs = [Pair(row.prompt, row.completion, row.system) for row in rows]
    models = {folder.path: folder for folder in folders}.values()
    longest = max(row.completion_tokens for folder in models for row in encode_pairs(folder, pairs))
    return math.ceil(ANSWER_ROOM * longest)


def _that_fit_everywhere(
    asked: Mapping[str, list[Question]], folders: Mapping[str, ModelFolder], limit: int
) -> tuple[dict[str, list[Question]], dict[str, int]]:
    """The questions without the rows that some arm cannot fit, and how many each cannot."""
    too_long = {
        text: {q.row.example_id for q in questions if not folders[text].window.holds(len(q.ids), limit)}
        for text, questions in asked.items()
    }
    left_out = set().union(*too_long.values())
    by_arm = {text: [q for q in of if q.row.example_id not in left_out] for text, of in asked.items()}
    if not any(by_arm.values()):
        windows = " and ".join(sorted({folders[text].window.words for text, ids in too_long.items() if ids}))
        raise StudioError(f"no row fits {windows} in every arm.", "Use fewer shots or a smaller max_new_tokens.")
    return by_arm, {text: len(ids) for text, ids in too_long.items()}


def _say_what_is_asked(
    session: Session, text: str, questions: Sequence[Question], folder: ModelFolder, left_out: int, limit: int
) -> None:
    if beyond := sum(len(q.ids) > folder.window.tokens for q in questions):  # only where the window is not hard
        message = f"{text}: {beyond} of {len(questions)} prompts are longer than {folder.window.words}"
        session.events.write(Warned(message=message))
    mean = sum(len(q.ids) for q in questions) / len(questions)
    session.events.write(
        ArmAsked(arm=text, prompts=len(questions), left_out=left_out, prompt_tokens_mean=mean, max_new_tokens=limit)
    )


def _say_where_shots_lack(session: Session, arm: Arm, rows: Sequence[FrozenRow], pool: Sequence[FrozenRow]) -> None:
    for task in sorted({row.task for row in rows}):
        have = sum(row.task == task for row in pool)
        if have < arm.prompting.shots:
            message = f"{arm.text}: the train split has only {have} examples of task {task!r} to show"
            session.events.write(Warned(message=message))


def _refuse_overlap(rows: list[FrozenRow], pool: list[FrozenRow]) -> None:
    """Prompts are equal where the store says so; rows frozen before it was noted are compared as they are."""
    seen = {row.prompt_hash or row.prompt for row in pool}
    shared = [row.example_id for row in rows if (row.prompt_hash or row.prompt) in seen]
    if shared:
        some = ", ".join(map(str, shared[:5]))
        raise StudioError(
            f"{len(shared)} test rows share their prompt with a training row: examples {some}.",
            "Rows that were trained on prove nothing. Assign the splits again: studio split, or S on Data.",
        )
