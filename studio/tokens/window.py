"""The fate of every row within a budget: what a cut to it would take away. Nothing is ever cut silently."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum, StrEnum

import numpy as np
from numpy.typing import NDArray

from studio.tokens.encoding import Encoded, Objective, Pair, encode_pairs
from studio.tokens.layout import Budget
from studio.tokens.tokenizer import ModelFolder
from studio.turns import turns_in, written

Counts = NDArray[np.int32]


class Fate(StrEnum):
    """What a cut to the budget would do to a row, from harmless to fatal."""

    WHOLE = "whole"
    PROMPT_CUT = "prompt cut"
    ANSWER_CUT = "answer cut"
    END_OF_TURN_CUT = "end-of-turn cut"
    NOTHING_LEFT = "nothing left to learn"


FATES = tuple(Fate)


def possible_fates(budget: Budget) -> tuple[Fate, ...]:
    """The fates that rows can have: a prompt alone is over only where it has a budget of its own, which then leaves
    something to learn however long it is.
    """
    impossible = Fate.PROMPT_CUT if budget.is_shared else Fate.NOTHING_LEFT
    return tuple(fate for fate in FATES if fate is not impossible)


def fates(prompt_tokens: Counts, completion_tokens: Counts, budget: Budget) -> NDArray[np.int8]:
    """Index into ``FATES`` of each of n rows, from their token counts, both of shape (n,).

    ``completion_tokens`` has the end-of-turn token in it. Where both sides are over, the completion's fate counts.
    """
    room: Counts = budget.completion_room(prompt_tokens)
    result = np.full(len(prompt_tokens), FATES.index(Fate.ANSWER_CUT), dtype=np.int8)
    result[completion_tokens <= room] = FATES.index(Fate.WHOLE)
    result[completion_tokens == room + 1] = FATES.index(Fate.END_OF_TURN_CUT)
    result[room <= 0] = FATES.index(Fate.NOTHING_LEFT)
    if not budget.is_shared:
        result[(completion_tokens <= room) & (prompt_tokens > budget.max_length)] = FATES.index(Fate.PROMPT_CUT)
    return result


class Outcome(Enum):
    """What a policy does with a row. Whether a prompt can be cut enough, only its text tells."""

    KEPT = "kept"
    COMPLETION_CUT = "completion cut"
    PROMPT_CUT_IF_POSSIBLE = "prompt cut if possible"
    SPLIT = "split"
    DROPPED = "dropped"


def outcome(prompt_tokens: int, completion_tokens: int, budget: Budget, overlong: str) -> Outcome:
    """What the policy ``overlong`` does with a row of so many tokens: the one place where that is decided.

    ``completion_tokens`` has the end-of-turn token in it. ``refuse`` keeps over-long rows: who starts a run refuses.
    Where each side has its own budget, cutting one cannot mend the other. ``split`` is for plain text (see
    ``Encoded.pieces``), of which nothing is lost.
    """
    if budget.fits(prompt_tokens, completion_tokens) or overlong == "refuse":
        return Outcome.KEPT
    if overlong == "split":
        return Outcome.SPLIT
    room = budget.completion_room(prompt_tokens)
    if overlong == "truncate_prompt" and (budget.is_shared or completion_tokens <= room):
        return Outcome.PROMPT_CUT_IF_POSSIBLE
    if overlong == "truncate_completion" and room > 0 and (budget.is_shared or prompt_tokens <= budget.max_length):
        return Outcome.COMPLETION_CUT
    return Outcome.DROPPED


@dataclass(frozen=True)
class Fitted:
    """A row after the policy: ``encoded`` is None for a dropped row; ``was_cut`` says tokens were taken away.

    ``rest`` are the other pieces of a row that was split.
    """

    encoded: Encoded | None
    was_cut: bool
    rest: tuple[Encoded, ...] = ()

    @property
    def pieces(self) -> tuple[Encoded, ...]:
        """All that is trained of it: one, several, or none."""
        return () if self.encoded is None else (self.encoded, *self.rest)


def apply_policy(
    folder: ModelFolder,
    pairs: Sequence[Pair],
    budget: Budget,
    overlong: str,
    objective: Objective = Objective.COMPLETION,
) -> list[Fitted]:
    """Encode rows and apply the policy ``drop``, ``truncate_prompt``, ``truncate_completion`` or ``split``.

    Under ``truncate_prompt`` the earliest turns of a conversation go first, each question with its answer; then the
    start of the user's text. The template around it stays whole. One Fitted a pair, in order. Raises as
    ``encode_pairs``.
    """
    fitted = []
    for pair, encoded in zip(pairs, encode_pairs(folder, pairs, objective), strict=True):
        match outcome(encoded.prompt_tokens, encoded.completion_tokens, budget, overlong):
            case Outcome.KEPT:
                fitted.append(Fitted(encoded, was_cut=False))
            case Outcome.COMPLETION_CUT:
                end = encoded.prompt_tokens + budget.completion_room(encoded.prompt_tokens)
                fitted.append(Fitted(encoded.cut_to(end), was_cut=True))
            case Outcome.PROMPT_CUT_IF_POSSIBLE:
                shorter = _with_prompt_cut(folder, pair, encoded, budget, objective)
                fitted.append(Fitted(shorter, was_cut=shorter is not None))
            case Outcome.SPLIT:
                first, *rest = encoded.pieces(budget.max_length)
                fitted.append(Fitted(first, was_cut=False, rest=tuple(rest)))
            case Outcome.DROPPED:
                fitted.append(Fitted(None, was_cut=False))
    return fitted


def _with_prompt_cut(
    folder: ModelFolder, pair: Pair, encoded: Encoded, budget: Budget, objective: Objective
) -> Encoded | None:
    # Cutting text can merge tokens anew at the seam, so the excess is taken off until the row fits.
    while (excess := budget.prompt_excess(encoded.prompt_tokens, encoded.completion_tokens)) > 0:
        if pair.context:
            pair = replace(pair, context=_without_first_answer(pair.context))
        else:
            offsets = folder.offsets(pair.prompt)
            if excess >= len(offsets):
                return None
            pair = replace(pair, prompt=pair.prompt[max(offsets[excess][0], 1) :])
        encoded = encode_pairs(folder, [pair], objective)[0]
    return encoded


def _without_first_answer(context: str) -> str:
    turns = turns_in(context)
    return written(turns[[turn.role for turn in turns].index("assistant") + 1 :])
