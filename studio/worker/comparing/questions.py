"""Every question of every arm, rendered; nothing is answered before all of them are known to be fair and to fit."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from studio.errors import StudioError
from studio.runs.arms.arm import Arm
from studio.runs.directory import FrozenRow, read_rows
from studio.runs.events import ArmAsked, Warned
from studio.runs.specs import CompareSpec
from studio.tokens.encoding import encode_pairs, encode_prompts, pair_of, prompt_texts
from studio.tokens.template import messages_of
from studio.tokens.tokenizer import ModelFolder
from studio.worker.compute.loading import stop_ids_of
from studio.worker.families.family import TokenIds
from studio.worker.methods import work_of
from studio.worker.session import Session

# Without a limit of its own, an answer may be this many times as long as the longest reference.
ANSWER_ROOM = 1.5


@dataclass(frozen=True)
class Question:
    """One test row as one arm asks it."""

    row: FrozenRow
    ids: TokenIds


@dataclass(frozen=True)
class Questions:
    """What all arms share. ``by_arm``: each arm's questions, without the rows that some arm cannot fit, whose counts
    are in ``left_out``. The tuned arms come last: their weights replace the base model's.
    """

    session: Session
    spec: CompareSpec
    folder: ModelFolder
    by_arm: dict[Arm, list[Question]]
    left_out: dict[str, int]
    max_new_tokens: int
    stop_ids: frozenset[int]

    @property
    def of_any_arm(self) -> list[Question]:
        """The first arm's: all arms have the same rows."""
        return next(iter(self.by_arm.values()))


def render_questions(session: Session, spec: CompareSpec) -> Questions:
    """Raises StudioError for overlap with the training rows, no rows, or a window that fits none."""
    folder = ModelFolder(Path(spec.model_path))
    rows, pool = read_rows(session.directory.rows_path("test")), read_rows(session.directory.rows_path("train"))
    if not rows:
        raise StudioError("there is no held-out row to answer.", "Assign the splits first: studio split, or S on Data.")
    _refuse_overlap(rows, pool)
    references = encode_pairs(folder, list(map(pair_of, rows)))
    limit = spec.max_new_tokens or math.ceil(ANSWER_ROOM * max(row.completion_tokens for row in references))
    arms = sorted(spec.parsed_arms, key=lambda arm: arm.is_tuned)
    asked = {arm: list(_questions(session, spec, folder, rows, pool, arm)) for arm in arms}
    too_long = {
        arm.text: {q.row.example_id for q in questions if not folder.window.holds(len(q.ids), limit)}
        for arm, questions in asked.items()
    }
    left_out = set().union(*too_long.values())
    if len(left_out) == len(rows):
        raise StudioError(
            f"no row fits {folder.window.words} in every arm.",
            "Use fewer shots or a smaller max_new_tokens.",
        )
    by_arm = {arm: [q for q in of if q.row.example_id not in left_out] for arm, of in asked.items()}
    counts = {text: len(ids) for text, ids in too_long.items()}
    for arm, of in by_arm.items():
        if beyond := sum(len(q.ids) > folder.window.tokens for q in of):  # only where the window is not hard
            message = f"{arm.text}: {beyond} of {len(of)} prompts are longer than {folder.window.words}"
            session.events.write(Warned(message=message))
        mean = sum(len(q.ids) for q in of) / len(of)
        session.events.write(
            ArmAsked(
                arm=arm.text,
                prompts=len(of),
                left_out=counts[arm.text],
                prompt_tokens_mean=mean,
                max_new_tokens=limit,
            )
        )
    return Questions(session, spec, folder, by_arm, counts, limit, stop_ids_of(folder))


def _questions(
    session: Session, spec: CompareSpec, folder: ModelFolder, rows: list[FrozenRow], pool: list[FrozenRow], arm: Arm
) -> Iterator[Question]:
    shots = {task: arm.examples(pool, task, spec.seed) for task in {row.task for row in rows}}
    for task, chosen in sorted(shots.items()):
        if len(chosen) < arm.shots:
            message = f"{arm.text}: the train split has only {len(chosen)} examples of task {task!r} to show"
            session.events.write(Warned(message=message))
    pairs = {task: list(map(pair_of, chosen)) for task, chosen in shots.items()}
    texts = prompt_texts(folder, [messages_of(row.prompt, row.system, pairs[row.task], row.context) for row in rows])
    leading = work_of(spec.tuned_method).leading_in(Path(spec.tuned_path)) if arm.is_tuned else []
    for row, ids in zip(rows, encode_prompts(folder, texts), strict=True):
        yield Question(row, leading + ids)


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
