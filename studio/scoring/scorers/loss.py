"""Loss and perplexity of the reference: how surprising the right answer is to the model, whatever it says itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from studio.scoring.scorers.scorer import Answer, Floats, Pooled, Scorer


def loss_counts(answer: Answer, setting: bool = True) -> Sequence[float] | None:
    """Nats and tokens of the reference, as the comparer measured them: ``loss`` (the mean) × ``loss_tokens``.

    None where it measured none, as where an endpoint answers.
    """
    loss, tokens = answer.line.get("loss"), answer.line.get("loss_tokens")
    return None if loss is None or not tokens else (loss * tokens, tokens)


def mean_loss(sums: Floats, setting: bool = True) -> Floats:
    """Nats per token over all tokens, so that a long reference weighs as many tokens as it has."""
    return sums[..., 0] / sums[..., 1]


def perplexity(sums: Floats, setting: bool = True) -> Floats:
    """exp of the mean loss."""
    return np.exp(mean_loss(sums))


LOSS = Scorer(
    name="loss",
    title="loss",
    about="Mean loss in nats over the tokens of the right answers, end of turn included; lower is better, and "
    "only arms of one tokenizer compare.",
    is_binary=False,
    score=None,
    pooled=Pooled(lambda references: True, loss_counts, mean_loss, lambda counts, _: float(mean_loss(counts))),
    unit="nats",
    better="lower",
    is_column=False,
)

PERPLEXITY = Scorer(
    name="perplexity",
    title="perplexity",
    about="exp of that loss: among how many tokens the model seems to choose.",
    is_binary=False,
    score=None,
    pooled=Pooled(lambda references: True, loss_counts, perplexity, lambda counts, _: float(perplexity(counts))),
    unit="perplexity",
    better="lower",
    is_column=False,
)
