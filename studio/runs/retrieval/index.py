"""An index over texts that ranks them by BM25 (Robertson et al. 1994, as Lucene computes it; by the package bm25s)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from studio.runs.retrieval.words import terms


class Index:
    """Made once of some texts; ``best`` finds those that share the rarest words with a question."""

    def __init__(self, texts: Sequence[str]) -> None:
        words = [terms(text) for text in texts]
        self._count = len(words)
        self._ranker = None
        if any(words):
            import bm25s  # half a second that only those who search pay

            self._ranker = bm25s.BM25(method="lucene")
            self._ranker.index(words, show_progress=False)

    def best(self, question: str, count: int) -> list[tuple[int, float]]:
        """(number of the text, its score) of at most ``count`` texts, the best first; of equals the first.

        A text that shares no word with the question has the score 0.
        """
        asked = terms(question)
        scores = np.zeros(self._count) if self._ranker is None or not asked else self._ranker.get_scores(asked)
        order = np.argsort(-scores, kind="stable")[:count]
        return [(int(number), float(scores[number])) for number in order]
