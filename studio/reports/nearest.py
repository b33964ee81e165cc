"""The training rows nearest to a held-out one: what the model may have learned its answer from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from studio.reports.cells import Segment
from studio.reports.differences import parted_by_words, words_of
from studio.reports.numbers import percent
from studio.reports.visible import visible
from studio.runs.directory import FrozenRow


@dataclass(frozen=True)
class NearRow:
    """A training row, its BM25 score, and the share in 0..1 of the asked prompt's words that its prompt has."""

    row: FrozenRow
    score: float
    shared: float


class NearestRows:
    """An index of training prompts. Making it takes a second for some 50,000 rows: do it in a thread, and keep it.

    BM25 as bm25s has it at first (Lucene's variant of Robertson et al. 1994, k1 = 1.5, b = 0.75), over words in small
    letters without stemming.
    """

    def __init__(self, rows: Sequence[FrozenRow]) -> None:
        import bm25s

        self._rows = [row for row in rows if words_of(row.prompt)]
        self._index = bm25s.BM25()
        if self._rows:
            self._index.index([words_of(row.prompt) for row in self._rows], show_progress=False)

    def nearest(self, prompt: str, most: int = 8) -> list[NearRow]:
        """The ``most`` nearest, nearest first; only rows that share a word."""
        words = words_of(prompt)
        if not self._rows or not words:
            return []
        scores = np.asarray(self._index.get_scores(words))
        order = np.argsort(-scores, kind="stable")[:most]
        asked = set(words)
        return [
            NearRow(row, float(scores[at]), len(asked & set(words_of(row.prompt))) / len(asked))
            for at in order.tolist()
            if scores[at] > 0
            for row in [self._rows[at]]
        ]


def nearest_lines(prompt: str, found: Sequence[NearRow]) -> list[list[Segment]]:
    """``found`` under ``prompt``; the words that a training prompt shares with it are marked."""
    lines: list[list[Segment]] = [[("held out, and asked:", "dim")]]
    lines += [[(visible(line), "prompt")] for line in prompt.splitlines()]
    if not found:
        return [*lines, [("", "")], [("No training row shares a word with it.", "warn")]]
    asked = set(words_of(prompt))
    for place, near in enumerate(found, start=1):
        row = near.row
        facts = [f"#{row.example_id}", *([row.task] if row.task else []), f"{percent(near.shared)} of the words"]
        lines += [[("", "")], [(f"{place}  ", "key"), (visible(" · ".join(facts)), "title")]]
        lines += [_marked(line, asked) for line in row.prompt.splitlines()]
        lines += [[(visible(line), "completion")] for line in row.completion.splitlines()]
    return lines


def _marked(line: str, asked: set[str]) -> list[Segment]:
    return [(visible(text), "bold" if text.casefold() in asked else "dim") for text in parted_by_words(line)]
