"""BLEU: runs of words that the answers share with the references, by the tokenizers of sacrebleu."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np

from studio.scoring.scorers.scorer import Answer, Floats, Pooled, Scorer
from studio.scoring.text_rules import Script, script_of

ORDER = 4
# What sacrebleu tells people to take: 13a is what papers report, intl parts the punctuation of every script, char is
# for scripts without spaces.
_TOKENIZERS = {Script.ASCII: "13a", Script.SPACED: "intl", Script.UNSPACED: "char"}


@dataclass(frozen=True)
class Counting:
    """How a task's answers are counted: sacrebleu's ``tokenizer``, and references a row (0: not the same number)."""

    tokenizer: str
    references: int


def counting_for(references: Sequence[tuple[str, ...]]) -> Counting:
    """The tokenizer that suits the script of the references, which the signature says."""
    return Counting(_TOKENIZERS[script_of(text for row in references for text in row)], references_a_row(references))


def references_a_row(references: Sequence[tuple[str, ...]]) -> int:
    """How many references every row has; 0 where that differs."""
    numbers = {len(row) for row in references}
    return numbers.pop() if len(numbers) == 1 else 0


def bleu_counts(answer: Answer, counting: Counting) -> list[float]:
    """Words of the answer, of the closest reference, then matched and all runs of 1 to 4 words: 10 counts.

    A run counts as often as the reference that has it most.
    """
    words = _tokens(answer.text, counting.tokenizer)
    ours = _runs(words)
    references = [_tokens(text, counting.tokenizer) for text in answer.references]
    most: dict[tuple[str, ...], int] = dict(_runs(references[0]))
    for other in references[1:]:
        for run, count in _runs(other).items():
            most[run] = max(count, most.get(run, 0))
    matched, total = [0] * ORDER, [0] * ORDER
    for run, count in ours.items():
        total[len(run) - 1] += count
        matched[len(run) - 1] += min(count, most.get(run, 0))
    closest = min((abs(len(of) - len(words)), len(of)) for of in references)[1]
    return [len(words), closest, *matched, *total]


def bleu_figure(sums: Floats, counting: Counting | None = None) -> Floats:
    """BLEU in 0..1 of summed counts (..., 10): Papineni et al. 2002, zero counts smoothed as mteval-v13a does (exp)."""
    return _bleu(sums, is_sentence=False)


def _bleu_of_row(counts: Floats, counting: Counting) -> float:
    """Of one sentence: only the orders that it is long enough for (sacrebleu's effective order)."""
    return float(_bleu(counts, is_sentence=True))


def _bleu(sums: Floats, *, is_sentence: bool) -> Floats:
    length, closest, matched, total = sums[..., 0], sums[..., 1], sums[..., 2 : 2 + ORDER], sums[..., 2 + ORDER :]
    has_run, has_match = total > 0, matched > 0
    halvings = np.cumsum(has_run & ~has_match, axis=-1)
    share = np.where(has_match, matched, 0.5**halvings) / np.where(has_run, total, 1.0)
    orders = has_run.sum(axis=-1) if is_sentence else np.full(length.shape, ORDER)
    logs = np.log(share, where=has_run, out=np.zeros_like(share)).sum(axis=-1) / np.maximum(orders, 1)
    short = np.minimum(0.0, 1 - closest / np.maximum(length, 1.0))
    counts_at_all = has_match.any(axis=-1) & (is_sentence | has_run.all(axis=-1))
    return np.where(counts_at_all, np.exp(logs + short), 0.0)


def _runs(words: Sequence[str]) -> Counter[tuple[str, ...]]:
    found: Counter[tuple[str, ...]] = Counter()
    for n in range(1, ORDER + 1):
        found.update(zip(*(words[start:] for start in range(n)), strict=False))
    return found


@lru_cache(maxsize=4096)  # every arm asks for the same references
def _tokens(text: str, tokenizer: str) -> tuple[str, ...]:
    return tuple(_tokenizer(tokenizer)(text.rstrip()).split())


@cache
def _tokenizer(name: str) -> Any:
    from sacrebleu.metrics.bleu import BLEU as sacrebleu_metric  # noqa: N811 - 0.2 s, and a class in capitals

    return sacrebleu_metric(tokenize=name).tokenizer


def _signature(counting: Counting) -> str:
    from sacrebleu import __version__ as version

    number = counting.references or "var"
    return f"BLEU|nrefs:{number}|case:mixed|eff:no|tok:{counting.tokenizer}|smooth:exp|version:{version}"


BLEU = Scorer(
    name="bleu",
    title="BLEU",
    about="BLEU of all answers together, of a row the sentence's own (Papineni et al. 2002, as sacrebleu counts it; "
    "its signature, with the tokenizer, is in `--json`).",
    is_binary=False,
    score=None,
    pooled=Pooled(counting_for, bleu_counts, bleu_figure, _bleu_of_row, _signature),
    is_column=False,
)
