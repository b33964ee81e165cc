"""Proof, row by row, that a tuned model will begin as it was asked and will stop: over ids, so that nothing is assumed.

What is not proved trains without an error and answers wrongly: a doubled beginning-of-sequence token (unsloth issue
2648), an answer whose end is never learned (trl 1623, axolotl 3754), a prompt that is another one at inference (trl
4147). That the prompt as it is asked begins the training row is proved where rows are encoded, see ``encoding``.

It is of answers alone, of every one that is learned. Where whole conversations are learned, the ends of the user's
turns are too; plain text has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from studio.errors import StudioError
from studio.tokens.encoding import Encoded, Objective, Pair, encode_pairs
from studio.tokens.layout import Budget
from studio.tokens.tokenizer import ModelFolder

SHOWN_ROWS = 5
_BATCH = 1_000


def is_proved(objective: Objective) -> bool:
    """Whether there is a proof of what is learned."""
    return objective in (Objective.COMPLETION, Objective.TURNS)


@dataclass(frozen=True)
class Flaw:
    """Why one row must not train."""

    example_id: int
    reason: str


@dataclass(frozen=True)
class StopProof:
    """The rules of one model."""

    folder: ModelFolder

    def flaw_of(self, row: Encoded, *, was_cut: bool = False) -> str:
        """Why a model must not be trained on ``row``; empty for a row that is right.

        ``was_cut``: the over-long policy took the end of its answer, as was asked.
        """
        if len(row.ids) <= row.prompt_tokens:
            return "nothing of it is learned"
        starts = map(self._flaw_at_the_start, self.folder.layout.sequences(row))
        return next(filter(None, starts), "") or self._flaw_at_the_end(row, was_cut=was_cut)

    def _flaw_at_the_start(self, ids: list[int]) -> str:
        leading = self.folder.leading_ids
        if not leading:
            return ""
        if ids[: len(leading)] != leading:
            return f"it does not begin with {self.folder.leading_text}, which this model's tokenizer puts first"
        first = leading[0]
        times = ids.count(first) - (first == self._end and ids[-1] == first)
        if times > leading.count(first):
            return f"{self._text(first)} stands in it {times} times; a model has seen it once, at the start"
        return ""

    def _flaw_at_the_end(self, row: Encoded, *, was_cut: bool) -> str:
        end = self.folder.end_of_turn
        for start, behind in row.learned_spans:
            is_last = behind == len(row.ids)
            if self._end in row.ids[start : behind - 1]:
                what = "its completion" if is_last else "an earlier answer of it"
                return f"{what} has {end} before its end: the model would learn to stop there"
            if row.ids[behind - 1] != self._end and not (was_cut and is_last):
                what = "it" if is_last else "an earlier answer of it"
                return f"{what} does not end with {end}: the model would never learn to stop"
        return ""

    def suspects(self, pairs: Sequence[Pair]) -> list[int]:
        """Numbers of the pairs whose own text can break the proof: those with a token's text written out in them.

        All of them where the end of a turn is an ordinary token, which other text may become too.
        """
        tokens = {
            self.folder.end_of_turn,
            *([self._text(self.folder.leading_ids[0])] if self.folder.leading_ids else []),
        }
        if not tokens <= self._written_out:
            return list(range(len(pairs)))
        return [
            number
            for number, pair in enumerate(pairs)
            if any(
                token in text for token in tokens for text in (pair.prompt, pair.completion, pair.system, pair.context)
            )
        ]

    @cached_property
    def _end(self) -> int:
        return self.folder.end_of_turn_id

    @cached_property
    def _written_out(self) -> set[str]:
        """The tokens that only their own text becomes, whatever stands around it."""
        added = self.folder.tokenizer.get_added_tokens_decoder().values()
        return {token.content for token in added if not token.normalized and not token.single_word}

    def _text(self, token_id: int) -> str:
        return str(self.folder.tokenizer.id_to_token(token_id))


def prove(folder: ModelFolder, ids: Sequence[int], pairs: Sequence[Pair]) -> list[Flaw]:
    """The flaws of all pairs, each encoded for it. ``ids`` are their examples'. Raises StudioError, naming the example
    and the reason, where a row cannot be encoded so that its prompt begins it.
    """
    proof, flaws = StopProof(folder), list[Flaw]()
    for start in range(0, len(pairs), _BATCH):
        numbers = ids[start : start + _BATCH]
        encoded = encode_named(folder, numbers, pairs[start : start + _BATCH])
        found = zip(numbers, map(proof.flaw_of, encoded), strict=True)
        flaws += [Flaw(number, reason) for number, reason in found if reason]
    return flaws


def encode_named(
    folder: ModelFolder, ids: Sequence[int], pairs: Sequence[Pair], objective: Objective = Objective.COMPLETION
) -> list[Encoded]:
    """As ``encode_pairs``; where that raises, the error names the first example that is to blame."""
    try:
        return encode_pairs(folder, pairs, objective)
    except StudioError as error:
        if len(pairs) == 1:
            raise StudioError(f"example {ids[0]}: {error.message}", error.hint) from error
    half = len(pairs) // 2  # only one of them fails, mostly: halving finds it in few encodings
    first = encode_named(folder, ids[:half], pairs[:half], objective)
    return first + encode_named(folder, ids[half:], pairs[half:], objective)


def refusal_of_cuts(overlong: str, budget: Budget, kept: int, cut: int) -> StudioError | None:
    """Why rows whose answers are all cut may not train: ``cut`` of ``kept`` rows, by the policy ``overlong``."""
    if overlong != "truncate_completion" or not kept or cut < kept:
        return None
    return StudioError(
        "overlong=truncate_completion cuts the end of every answer: the model would never learn to stop.",
        f"Raise {'max_length' if budget.is_shared else 'max_target_length'}, or use overlong=drop.",
    )


def refusal_of(flaws: Sequence[Flaw], rows: int) -> StudioError | None:
    """Why rows with these flaws may not train; None where there are none."""
    if not flaws:
        return None
    first, others = flaws[0], [str(flaw.example_id) for flaw in flaws[1 : 1 + SHOWN_ROWS]]
    more = f" So are {len(flaws) - 1} more of {rows}: {', '.join(others)}" if others else ""
    dots = ", …." if len(flaws) > 1 + SHOWN_ROWS else "." if others else ""
    return StudioError(
        f"example {first.example_id} would teach a wrong start or end: {first.reason}.{more}{dots}",
        "Mend those rows, or reject them: rejected rows never train.",
    )
