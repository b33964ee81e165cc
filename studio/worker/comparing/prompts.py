"""What each arm puts before each question: worked examples of the train split."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from studio.runs.arms.arm import Arm
from studio.runs.directory import FrozenRow
from studio.tokens.rendering import Message
from studio.tokens.template import messages_of


@dataclass(frozen=True)
class Prompt:
    """One test row as one arm asks it, in words."""

    row: FrozenRow
    messages: list[Message]


def prompts_of(arm: Arm, rows: Sequence[FrozenRow], pool: Sequence[FrozenRow], seed: int) -> Iterator[Prompt]:
    """In the order of ``rows``; ``pool`` is what examples may be taken from."""
    tasks = sorted({row.task for row in rows})
    examples = {task: arm.prompting.examples(pool, task, seed) for task in tasks}
    for row in rows:
        shots = [(shot.prompt, shot.completion) for shot in examples[row.task](row)]
        yield Prompt(row, messages_of(row.prompt, row.system, shots))
