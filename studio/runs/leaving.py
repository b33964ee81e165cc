"""What is asked of the process that makes a standalone model of a run, and what it found when it looked at it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from studio.errors import AskedWrongly
from studio.runs.arms.answering import Answering
from studio.runs.directory import FrozenRow, RunDirectory, read_rows
from studio.runs.methods import METHODS, Method

# By dtype of the weights: how far a logit may be from that of base model and adapter in float32, as a share of the
# largest logit there. Roundings of the weights (2^-24, 2^-11, 2^-8 of their size) stay below a third of it; a merge
# that went wrong does not.
ALLOWED = {"float32": 1e-4, "float16": 5e-3, "bfloat16": 3e-2}
ROWS_LOOKED_AT = 8


@dataclass(frozen=True)
class Verified:
    """The written model, loaded anew, against base model and adapter on ``rows`` rows of the run.

    ``difference`` is the largest between two logits over ``tokens`` answer tokens, ``allowed`` the most that is let
    pass; of ``answers`` greedy answers ``equal_answers`` are the same, token for token.
    """

    dtype: str
    rows: int
    tokens: int
    difference: float
    allowed: float
    equal_answers: int
    answers: int
    parameters: int

    @property
    def words(self) -> str:
        return (
            f"verified on {self.rows} rows: the largest difference of a logit is {self.difference:.2g} "
            f"(allowed {self.allowed:.2g}), {self.equal_answers} of {self.answers} greedy answers are the same"
        )


def answering_facts(answering: Answering) -> dict[str, str | bool]:
    """A model of this machine and what a run made of it, as a request names them."""
    return {
        "model_path": answering.model_path,
        "is_trusted": answering.is_trusted,
        "tuned_path": answering.tuned_path,
        "tuned_method": answering.tuned_method,
        "is_checkpoint": answering.is_checkpoint,
    }


def refuse_to_merge(method: Method, dtype: str) -> None:
    """Raise AskedWrongly where what the method leaves is no weights of the model, or the dtype is unknown."""
    if dtype not in ALLOWED:
        raise AskedWrongly(f"dtype {dtype} is not known.", f"One of: {', '.join(ALLOWED)}.")
    if method.has_virtual_tokens:
        others = ", ".join(one.name for one in METHODS if not one.has_virtual_tokens)
        raise AskedWrongly(
            f"{method.name} leaves virtual tokens before every prompt, not weights: there is nothing to merge.",
            f"Keep the run and ask it by studio try --run; these can be merged: {others}.",
        )


def rows_to_look_at(directory: RunDirectory) -> list[FrozenRow]:
    """Rows from all over the validation split, else the train split: what was written is verified on them."""
    rows = read_rows(directory.rows_path("validation")) or read_rows(directory.rows_path("train"))
    return rows[:: max(1, len(rows) // ROWS_LOOKED_AT)][:ROWS_LOOKED_AT]


def is_within(inner: Path, outer: Path) -> bool:
    """Whether ``inner`` is ``outer`` or lies in it, links followed."""
    return inner.resolve().is_relative_to(outer.resolve())
