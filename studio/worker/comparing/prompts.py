"""What each arm puts before each question: worked examples of the train split, passages that a search finds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from studio.runs.arms.arm import Arm
from studio.runs.arms.rag import with_passages
from studio.runs.directory import FrozenRow
from studio.runs.events import Warned
from studio.runs.retrieval.documents import read_frozen_documents
from studio.runs.retrieval.index import Index
from studio.runs.retrieval.overlap import NEAR, near_rows
from studio.runs.specs import CompareSpec
from studio.tokens.pairs import pair_of
from studio.tokens.rendering import Message
from studio.tokens.template import messages_of
from studio.worker.session import Session

MOST_SKIPPED_SAID = 10
# A reference shorter than this stands in a passage by chance.
FEWEST_TELLING_CHARS = 4


@dataclass(frozen=True)
class Prompt:
    """One test row as one arm asks it, in words; ``sources`` are what it was shown, where each question has its own.

    A source is ``{"source", "score"}``: ``example 12`` or ``guide.md:3``, and by BM25 how well it fits, None unranked.
    """

    row: FrozenRow
    messages: list[Message]
    sources: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Passages:
    """What a search goes through: each text with its source. Made once for an arm."""

    sources: list[str]
    texts: list[str]
    index: Index

    @classmethod
    def of(cls, sources: list[str], texts: list[str]) -> Passages:
        """Index the texts."""
        return cls(sources, texts, Index(texts))

    def found(self, question: str, count: int) -> list[tuple[str, str, float]]:
        """(source, text, score) of at most ``count`` passages that share a word with the question, the best first."""
        best = self.index.best(question, count)
        return [(self.sources[number], self.texts[number], score) for number, score in best if score > 0]


class Prompts:
    """Makes the prompts of every arm. Rows of the pool that nearly equal a test row are never shown, which is said."""

    def __init__(self, session: Session, spec: CompareSpec, rows: Sequence[FrozenRow], pool: list[FrozenRow]) -> None:
        self._session, self._spec, self._rows = session, spec, rows
        near = near_rows(rows, pool)
        self._pool = [row for row in pool if row.example_id not in near]
        if near:
            self._say_near(near)

    def of(self, number: int, arm: Arm) -> Iterator[Prompt]:
        """In the order of the rows; ``number`` is the arm's in the spec."""
        prompting = arm.prompting
        tasks = sorted({row.task for row in self._rows})
        examples = {task: prompting.examples(self._pool, task, self._spec.seed) for task in tasks}
        passages = self._passages(number, arm)
        answered_by_passages = 0
        for row in self._rows:
            shots = examples[row.task](row)
            found = passages.found(row.prompt, prompting.passages) if passages else []
            answered_by_passages += any(_stands_in(row.completion, text) for _, text, _ in found)
            texts = [text for _, text, _ in found]
            question = with_passages(row.prompt, texts)
            messages = messages_of(question, row.system, list(map(pair_of, shots)), row.context)
            sources = [{"source": source, "score": score} for source, _, score in found]
            if prompting.is_per_question:
                sources += [{"source": f"example {shot.example_id}", "score": None} for shot in shots]
            yield Prompt(row, messages, sources)
        if prompting.documents and answered_by_passages:
            self._say(
                f"{arm.text}: in {answered_by_passages} of {len(self._rows)} rows a passage has the reference in it, "
                "word for word"
            )

    def say_where_examples_lack(self, arm: Arm) -> None:
        """Say for which tasks the pool has fewer worked examples than are asked for."""
        for task in sorted({row.task for row in self._rows}):
            of_task = [row for row in self._pool if row.task == task]
            wanted = max(arm.prompting.shots, bool(arm.prompting.named))
            have = len([row for row in of_task if not arm.prompting.named or row.example_id in arm.prompting.named])
            if have < wanted:
                what = f"examples of task {task!r}" if task else "examples"
                self._say(f"{arm.text}: there are only {have} {what} to show")

    def _passages(self, number: int, arm: Arm) -> Passages | None:
        if not arm.prompting.passages:
            return None
        if not arm.prompting.documents:
            texts = [f"{row.prompt}\n{row.completion}" for row in self._pool]
            return Passages.of([f"example {row.example_id}" for row in self._pool], texts)
        documents = read_frozen_documents(self._session.directory.documents_path(number))
        for reason in documents.skipped[:MOST_SKIPPED_SAID]:
            self._say(f"{arm.text}: not read: {reason}")
        if len(documents.skipped) > MOST_SKIPPED_SAID:
            self._say(f"{arm.text}: {len(documents.skipped) - MOST_SKIPPED_SAID} more files are not read")
        return Passages.of([each.source for each in documents.passages], [each.text for each in documents.passages])

    def _say_near(self, near: dict[int, int]) -> None:
        some = ", ".join(f"{one} ({other})" for one, other in list(near.items())[:5])
        self._say(
            f"{len(near)} training rows have nearly the prompt of a test row and are not shown as examples or passages "
            f"(Jaccard index of three words in a row at least {NEAR}): {some}"
        )
        if learned := [arm.text for arm in self._spec.parsed_arms if arm.is_tuned]:
            self._say(f"{', '.join(learned)}: learned from such rows, and may look better than on new ones")

    def _say(self, message: str) -> None:
        self._session.events.write(Warned(message=message))


def _stands_in(reference: str, passage: str) -> bool:
    wanted, text = (" ".join(of.casefold().split()) for of in (reference, passage))
    return len(wanted) >= FEWEST_TELLING_CHARS and wanted in text
