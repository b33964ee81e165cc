"""The fate of every row at a ``max_length``: what a cut there would take away. Nothing is ever cut silently."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum

import numpy as np
from numpy.typing import NDArray

from studio.tokens.encoding import Encoded, Objective, Pair, encode_pairs
from studio.tokens.tokenizer import ModelFolder


class Fate(StrEnum):
    """What a cut at ``max_length`` would do to a row, from harmless to fatal."""

    WHOLE = "whole"
    ANSWER_CUT = "answer cut"
    END_OF_TURN_CUT = "end-of-turn cut"
    NOTHING_LEFT = "nothing left to learn"


FATES = tuple(Fate)


def fates(prompt_tokens: NDArray[np.int32], completion_tokens: NDArray[np.int32], max_length: int) -> NDArray[np.int8]:
    """Index into ``FATES`` of each of n rows, from their token counts, both of shape (n,).

    ``completion_tokens`` has the end-of-turn token in it.
    """
    total = prompt_tokens + completion_tokens
    result = np.full(len(total), FATES.index(Fate.ANSWER_CUT), dtype=np.int8)
    result[total <= max_length] = FATES.index(Fate.WHOLE)
    result[total == max_length + 1] = FATES.index(Fate.END_OF_TURN_CUT)
    result[prompt_tokens >= max_length] = FATES.index(Fate.NOTHING_LEFT)
    return result


class Outcome(Enum):
    """What a policy does with a row. Whether a prompt can be cut enough, only its text tells."""

    KEPT = "kept"
    COMPLETION_CUT = "completion cut"
    PROMPT_CUT_IF_POSSIBLE = "prompt cut if possible"
    DROPPED = "dropped"


def outcome(prompt_tokens: int, completion_tokens: int, max_length: int, overlong: str) -> Outcome:
    """What the policy ``overlong`` does with a row of so many tokens: the one place where that is decided.

    ``completion_tokens`` has the end-of-turn token in it. ``refuse`` keeps over-long rows: who starts a run refuses.
    """
    if prompt_tokens + completion_tokens <= max_length or overlong == "refuse":
        return Outcome.KEPT
    if overlong == "truncate_prompt":
        return Outcome.PROMPT_CUT_IF_POSSIBLE
    if overlong == "truncate_completion" and prompt_tokens < max_length:
        return Outcome.COMPLETION_CUT
    return Outcome.DROPPED


@dataclass(frozen=True)
class Fitted:
    """A row after the policy: ``encoded`` is None for a dropped row; ``was_cut`` says tokens were taken away."""

    encoded: Encoded | None
    was_cut: bool


def apply_policy(
    folder: ModelFolder,
    pairs: Sequence[Pair],
    max_length: int,
    overlong: str,
    objective: Objective = Objective.COMPLETION,
) -> list[Fitted]:
    """Encode rows and apply the policy ``drop``, ``truncate_prompt`` or ``truncate_completion`` to the over-long.

    Under ``truncate_prompt`` the start of the user's text goes and the template around it stays whole. One Fitted a
    pair, in order. Raises as ``encode_pairs``.
    """
    fitted = []
    for pair, encoded in zip(pairs, encode_pairs(folder, pairs, objective), strict=True):
        match outcome(encoded.prompt_tokens, encoded.completion_tokens, max_length, overlong):
            case Outcome.KEPT:
                fitted.append(Fitted(encoded, was_cut=False))
            case Outcome.COMPLETION_CUT:
                fitted.append(Fitted(Encoded(encoded.ids[:max_length], encoded.prompt_tokens), was_cut=True))
            case Outcome.PROMPT_CUT_IF_POSSIBLE:
                shorter = _with_prompt_cut(folder, pair, encoded, max_length, objective)
                fitted.append(Fitted(shorter, was_cut=shorter is not None))
            case Outcome.DROPPED:
                fitted.append(Fitted(None, was_cut=False))
    return fitted


def _with_prompt_cut(
    folder: ModelFolder, pair: Pair, encoded: Encoded, max_length: int, objective: Objective
) -> Encoded | None:
    # Cutting text can merge tokens anew at the seam, so the excess is taken off until the row fits.
    prompt = pair.prompt
    while encoded.total_tokens > max_length:
        offsets = folder.offsets(prompt)
        excess = encoded.total_tokens - max_length
        if excess >= len(offsets):
            return None
        prompt = prompt[max(offsets[excess][0], 1) :]
        encoded = encode_pairs(folder, [Pair(prompt, pair.completion, pair.system)], objective)[0]
    return encoded
