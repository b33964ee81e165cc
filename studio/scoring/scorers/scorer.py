"""What a scorer is: a value that says what it measures, when it applies and how."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Setting = Any  # whatever ``Pooled.choose`` found; hashable, and can be sent to another process

Unit = Literal["points", "ratio", "nats", "perplexity"]
Better = Literal["higher", "lower", "neither"]


@dataclass(frozen=True)
class Answer:
    """One answer as a scorer sees it.

    ``references`` are the texts that are right, the row's completion first. ``line`` is what predictions.jsonl says
    beside the text.
    """

    text: str
    references: tuple[str, ...]
    line: Mapping[str, Any] = field(default_factory=dict)


def applies_always(reference: str) -> bool:
    """For a scorer that can judge an answer to any reference."""
    return True


def _no_signature(setting: Setting) -> str:
    return ""


@dataclass(frozen=True)
class Pooled:
    """A figure of many answers together that is not the mean of theirs: BLEU, macro-F1, perplexity.

    It is made from counts that add up over rows, so that the figure of any part of the rows, and of any resample of
    them, comes from sums.

    - ``choose(references of each row)`` looks at a task's references and says how its answers are counted (the
      tokenizer, the labels), or None where the figure does not apply to such a task.
    - ``counts(answer, setting)`` are an answer's counts, always as many; None where it has none, as without a loss.
    - ``figure(sums, setting)`` takes sums of shape (..., counts) to figures of shape (...).
    - ``of_row(counts, setting)`` is the figure of one row, where one row has one.
    - ``signature(setting)`` says by which rules it was counted, for whoever wants to compare.
    """

    choose: Callable[[Sequence[tuple[str, ...]]], Hashable | None]
    counts: Callable[[Answer, Setting], Sequence[float] | None]
    figure: Callable[[Floats, Setting], Floats]
    of_row: Callable[[Floats, Setting], float] | None = None
    signature: Callable[[Setting], str] = _no_signature


@dataclass(frozen=True)
class Scorer:
    """A measure of answers against their references.

    ``name`` stands in scores.json and ``--json`` and is never changed; ``title`` heads a column, ``short_title`` a
    narrow one (empty: the title). ``about`` is one sentence with the source of the measure. ``is_binary`` says that
    scores are 0 or 1 only, which decides their interval and their test.

    ``score(prediction, reference)`` is in 0..1 and is asked only where ``applies(reference)``; of several references
    the best counts. It does not raise, whatever the texts. A figure that is no mean of rows has ``pooled`` in its
    place. ``unit`` says what the figure is (points: 0..1, shown as 0 to 100) and ``better`` which way is good.

    ``is_column`` gives it a column in the table of arms; the others stand in ``compare --scores`` and ``--json``. One
    that ``is_extra`` is worked out only where ``studio.toml`` names it.
    """

    name: str
    title: str
    about: str
    is_binary: bool
    score: Callable[[str, str], float] | None
    applies: Callable[[str], bool] = applies_always
    short_title: str = ""
    pooled: Pooled | None = None
    unit: Unit = "points"
    better: Better = "higher"
    is_column: bool = True
    is_extra: bool = False

    def of_pair(self, answer: Answer) -> float | None:
        """The score of an answer by ``score``, against the reference that suits it best; None where none applies."""
        if self.score is None:
            return None
        found = [self.score(answer.text, reference) for reference in answer.references if self.applies(reference)]
        return max(found, default=None)
