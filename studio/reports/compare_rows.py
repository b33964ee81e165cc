"""Which rows of a comparison are shown, and in which order: a list, a task, words, faults; then a sort."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from studio.reports.compare import CompareRow, CompareView

# A list of rows -> the kinds of change in it: where there is one right answer, and where there is none.
LISTS: dict[str, tuple[str, ...]] = {
    "fixed": ("fixed", "closer"),
    "broken": ("broken", "farther"),
    "both": ("both", "alike"),
    "neither": ("neither",),
}
DISAGREED = 0.5  # from here on two answers differ more than they agree; see CompareRow
# An order -> what a row is sorted by, smallest first; equals keep the order of the test set.
ORDERS: dict[str, Callable[[CompareRow], float | str]] = {
    "disagreement": lambda row: -row.disagreement,
    "most lost": lambda row: row.gained,
    "most gained": lambda row: -row.gained,
    "longest answer": lambda row: -max(map(len, row.answers.values()), default=0),
    "task": lambda row: row.task,
    "test set order": lambda row: 0,
}
FIRST_ORDER = next(iter(ORDERS))


@dataclass(frozen=True)
class RowChoice:
    """What a person asked to see. ``kind`` is a key of ``LISTS``; empty words leave a condition out.

    ``weakest`` is an arm whose lowest scores come first, in place of ``order``. ``words`` are looked for in prompt,
    reference and answers, whatever their case; ``only_faulty`` keeps rows with an answer that was cut or failed.
    """

    kind: str = ""
    task: str = ""
    words: str = ""
    only_faulty: bool = False
    order: str = FIRST_ORDER
    weakest: str = ""

    @property
    def is_all(self) -> bool:
        return not (self.kind or self.task or self.words or self.only_faulty)

    @property
    def order_words(self) -> str:
        return f"weakest of {self.weakest}" if self.weakest else self.order

    @property
    def conditions(self) -> list[str]:
        """What narrows the rows, in words."""
        said = [self.kind, self.task, f"/{self.words}" if self.words else "", "cut or failed" * self.only_faulty]
        return [one for one in said if one]

    def with_kind(self, kind: str) -> RowChoice:
        """Only that list; asked for again, all rows."""
        return replace(self, kind="" if kind == self.kind else kind)

    def with_next_order(self) -> RowChoice:
        names = list(ORDERS)
        after = FIRST_ORDER if self.weakest else names[(names.index(self.order) + 1) % len(names)]
        return replace(self, order=after, weakest="")


def chosen_rows(view: CompareView, choice: RowChoice) -> list[CompareRow]:
    """The rows of ``choice`` in its order."""
    rows = [row for row in view.rows if _is_wanted(row, choice)]
    if choice.weakest:
        return sorted(rows, key=lambda row: row.quality(choice.weakest))
    return sorted(rows, key=ORDERS[choice.order])


def _is_wanted(row: CompareRow, choice: RowChoice) -> bool:
    return (
        (not choice.kind or row.change in LISTS[choice.kind])
        and (not choice.task or row.task == choice.task)
        and (not choice.only_faulty or bool(row.faults))
        and (not choice.words or _has(row, choice.words.casefold()))
    )


def _has(row: CompareRow, words: str) -> bool:
    return any(words in text.casefold() for text in (row.asked, row.reference, *row.answers.values()))
