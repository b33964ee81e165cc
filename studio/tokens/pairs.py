"""What encoding takes and gives: a pair of texts, and its tokens."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Objective(StrEnum):
    """What of a row is learned. What a tuned model is asked goes through the chat template whatever this is.

    ``completion`` is the last answer of a conversation, ``turns`` every answer in it.
    """

    COMPLETION = "completion"
    TURNS = "turns"
    SEQUENCE = "sequence"
    TEXT = "text"


@dataclass(frozen=True)
class Pair:
    """What encoding needs of an example; ``system`` is empty for none, ``context`` (see ``turns``) too."""

    prompt: str
    completion: str
    system: str = ""
    context: str = ""


class Row(Protocol):
    """Anything with the texts of an example: one of the store's, one that a run has frozen."""

    @property
    def prompt(self) -> str: ...

    @property
    def completion(self) -> str: ...

    @property
    def system(self) -> str: ...

    @property
    def context(self) -> str: ...


def pair_of(row: Row) -> Pair:
    """What of a row becomes tokens."""
    return Pair(row.prompt, row.completion, row.system, row.context)


@dataclass(frozen=True)
class Encoded:
    """One training row: ``ids[:prompt_tokens]`` is seen, ``ids[prompt_tokens:]`` is learned.

    Of what is seen, the spans of ``earlier``, (first token, one behind the last) each, are learned too: the answers of
    earlier turns, in their order. Decoder-only models take ``ids`` as one sequence, encoder-decoder models the two
    parts as two. Where not only completions are learned, one token is seen, the first: nothing stands before it that
    could tell it.
    """

    ids: list[int]
    prompt_tokens: int
    earlier: tuple[tuple[int, int], ...] = ()

    @property
    def total_tokens(self) -> int:
        """Prompt and completion together."""
        return len(self.ids)

    @property
    def completion_tokens(self) -> int:
        """Tokens of the last answer, the end-of-turn token included."""
        return len(self.ids) - self.prompt_tokens

    @property
    def learned_spans(self) -> tuple[tuple[int, int], ...]:
        """(first token, one behind the last) of each stretch that is learned, in order."""
        return (*self.earlier, (self.prompt_tokens, len(self.ids)))

    @property
    def learned_tokens(self) -> int:
        """Tokens learned, those of earlier answers included."""
        return sum(end - start for start, end in self.learned_spans)

    @property
    def first_learned(self) -> int:
        """How many tokens stand before the first that is learned."""
        return self.learned_spans[0][0]

    @property
    def prompt_ids(self) -> list[int]:
        return self.ids[: self.prompt_tokens]

    @property
    def completion_ids(self) -> list[int]:
        return self.ids[self.prompt_tokens :]

    def behind(self, leading: list[int]) -> Encoded:
        """The row with these ids before it, which are seen and not learned."""
        by = len(leading)
        earlier = tuple((start + by, end + by) for start, end in self.earlier)
        return Encoded([*leading, *self.ids], by + self.prompt_tokens, earlier)

    def pieces(self, most: int) -> list[Encoded]:
        """The row as sequences of at most ``most`` tokens, at least 2, of which the first is seen, the others learned.

        Each begins with the token that ends the one before: so every token of the row but its first is learned once.
        """
        starts = range(0, len(self.ids) - 1, most - 1)
        return [Encoded(self.ids[start : start + most], 1) for start in starts]

    def cut_to(self, tokens: int) -> Encoded:
        """The row without its end, what is left of it ``tokens`` long and longer than its prompt."""
        return Encoded(self.ids[:tokens], self.prompt_tokens, self.earlier)

    @property
    def completion_mask(self) -> list[bool]:
        """One value per id, true where the token is learned."""
        mask = [False] * len(self.ids)
        for start, end in self.learned_spans:
            mask[start:end] = [True] * (end - start)
        return mask


def piece_lengths(tokens: int, most: int) -> list[int]:
    """How long the pieces of a row of so many tokens are; see ``Encoded.pieces``."""
    return [min(most, tokens - start) for start in range(0, tokens - 1, most - 1)]
