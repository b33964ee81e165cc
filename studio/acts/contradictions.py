"""One question with several answers: which rows give each, and settling it by keeping one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from studio.dataset.store import Change, Example, Store
from studio.dataset.texts import folded

_SETTLED = ("reject", "skip")


@dataclass(frozen=True)
class Answer:
    """One of the answers, as its first row writes it, and all rows that give it but for case and white space."""

    text: str
    rows: list[Example]

    @property
    def ids(self) -> list[int]:
        return [row.example_id for row in self.rows]


@dataclass(frozen=True)
class Dispute:
    """A prompt, and its answers, that of most rows first."""

    prompt: str
    answers: list[Answer]

    @property
    def is_settled(self) -> bool:
        return len(self.answers) < 2


def dispute_of(store: Store, example_ids: Sequence[int]) -> Dispute:
    """What these rows, which ask the same or nearly so, answer now; rejected and skipped ones no longer count."""
    rows = [row for row in store.examples(example_ids) if row.label not in _SETTLED]
    by_answer: dict[str, list[Example]] = {}
    for row in rows:
        by_answer.setdefault(folded(row.completion), []).append(row)
    answers = sorted(by_answer.values(), key=lambda some: (-len(some), some[0].example_id))
    return Dispute(rows[0].prompt if rows else "", [Answer(some[0].completion, some) for some in answers])


def keep_answer(store: Store, dispute: Dispute, index: int) -> Change:
    """Reject the rows that answer otherwise: they stay in the store, and no run learns from them."""
    return store.set_label([id_ for answer in _others(dispute, index) for id_ in answer.ids], "reject")


def merge_answers(store: Store, dispute: Dispute, index: int) -> Change:
    """Leave one row, the first with this answer; all others go to the trash."""
    again = dispute.answers[index].ids[1:]
    return store.remove([*again, *(id_ for answer in _others(dispute, index) for id_ in answer.ids)])


def _others(dispute: Dispute, index: int) -> list[Answer]:
    return [answer for place, answer in enumerate(dispute.answers) if place != index]
